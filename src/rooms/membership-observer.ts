import { Injectable } from '@nestjs/common';
import type { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import { Engine } from '../engine/engine.js';
import type { Answer } from '../engine/log.js';
import type { MembershipObserver } from '../sockets/membership.adapter.js';
import type { SocketState } from '../sockets/socket-state.js';
import { comesBack } from '../sockets/disconnect-reasons.js';
import { Presence } from './presence/presence.service.js';
import { Recovery } from './recovery/recovery.service.js';

/**
 * Passes on who comes into rooms and leaves them, whoever put it there: the client, a backend or an app's own
 * `socket.join()`.
 *
 * Where there are other nodes, whoever joins waits until these know: a publication that is made anywhere once the join
 * has been answered reaches the socket.
 */
@Injectable()
export class RoomMembershipObserver implements MembershipObserver {
  constructor(
    private readonly engine: Engine,
    private readonly recovery: Recovery,
    private readonly presence: Presence,
  ) {}

  joined(state: SocketState, room: string): Promise<void> | void {
    void this.recovery.joined(state, room);
    this.presence.joined(state, room);
    return made(this.engine.holdings?.joined(state.socket.id, room));
  }

  left(state: SocketState, room: string): Promise<void> | void {
    (state.socket.nsp.adapter as FanOutAdapter).trackingOf(state.socket)?.metaRooms.delete(room);
    this.recovery.left(state, room);
    this.presence.left(state, room);
    return made(this.engine.holdings?.parted(state.socket.id, room));
  }

  /** Why it ended is known a moment later, in {@link ended}. */
  gone(state: SocketState, rooms: readonly string[]): void {
    state.goneFrom = rooms;
  }

  ended(state: SocketState, reason: string): void {
    this.recovery.ended(state, reason);
    this.presence.ended(state, reason);
    // Also one that another connection takes over: nobody knows yet whether that gets in.
    state.left = made(this.engine.holdings?.leave(state.socket.id, comesBack(reason)));
  }
}

/**
 * What shared state did not take it is given again when it can be reached: a change is never lost, and never the
 * business of whoever made it.
 */
const made = (change: Answer<void>): Promise<void> | undefined =>
  change instanceof Promise ? change.catch(() => undefined) : undefined;
