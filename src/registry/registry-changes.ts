import { Injectable } from '@nestjs/common';
import { Observable, Subject } from 'rxjs';
import { Engine } from '../engine/engine.js';
import type { UserEvent } from '../engine/outbox.js';
import { isListedRoom } from '../protocol/names.js';
import type { SocketEntry } from '../protocol/entries.js';
import type { Participant } from '../sockets/participants.js';
import { socketState, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { LocalRegistry } from './local-registry.js';

/**
 * Something that changed in who is connected. [N7]
 *
 * Users are those of all nodes: online with the first socket, offline when the last one is gone, at once when it left on
 * purpose (`left`), after the recovery window when its connection broke or its node died (`lost`). Sockets and their
 * rooms are those of this node.
 */
export type RegistryChange =
  | { readonly type: 'user.online'; readonly user: string; readonly info: unknown; readonly at: Date }
  | {
      readonly type: 'user.offline';
      readonly user: string;
      readonly reason: 'left' | 'lost';
      readonly at: Date;
    }
  | { readonly type: 'socket.connected'; readonly socket: SocketEntry }
  | {
      readonly type: 'socket.disconnected';
      readonly socketId: string;
      readonly user: string;
      readonly reason: string;
    }
  | {
      readonly type: 'room.joined' | 'room.left';
      readonly room: string;
      readonly socketId: string;
      readonly user: string;
    };

/** The name of a change. */
export type RegistryChangeType = RegistryChange['type'];

/** What this node hears of: its own sockets as they come and go, and, from shared state, users. Nothing is made where nobody listens. */
@Injectable()
export class RegistryChanges implements Participant {
  private readonly here = new Subject<RegistryChange>();

  constructor(
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
  ) {}

  readonly all = new Observable<RegistryChange>((subscriber) => {
    const own = this.here.subscribe(subscriber);
    const ends = this.engine.outbox.hear((event) => subscriber.next(changeOf(event)));
    return () => {
      own.unsubscribe();
      ends();
    };
  });

  connected(socket: GatewaySocket): void {
    if (!this.here.observed) return;
    this.here.next({ type: 'socket.connected', socket: this.local.entry(socket) });
  }

  joined({ socket, user }: SocketState, room: string): void {
    if (this.here.observed && isListedRoom(room)) {
      this.here.next({ type: 'room.joined', room, socketId: socket.id, user });
    }
  }

  left({ socket, user }: SocketState, room: string): void {
    if (this.here.observed && isListedRoom(room)) {
      this.here.next({ type: 'room.left', room, socketId: socket.id, user });
    }
  }

  ended({ socket, user, goneFrom, endedWith }: SocketState, reason: string): void {
    if (!this.here.observed) return;
    for (const room of goneFrom) this.left(socketState(socket), room);
    const why = endedWith ?? reason;
    this.here.next({ type: 'socket.disconnected', socketId: socket.id, user, reason: why });
  }
}

function changeOf({ type, at, data }: UserEvent): RegistryChange {
  const user = String(data['user']);
  if (type === 'user.online') return { type, user, info: data['info'], at: new Date(at) };
  return { type, user, reason: data['reason'] === 'lost' ? 'lost' : 'left', at: new Date(at) };
}
