import { Inject, Injectable } from '@nestjs/common';
import { Expiries, type Deadline } from '../access/expiries.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Publisher } from '../delivery/publisher.js';
import { Engine, type PresenceChange } from '../engine/engine.js';
import { NOTICE } from '../protocol/events.js';
import type { JsonValue } from '../protocol/json.js';
import { presenceRoom } from '../protocol/names.js';
import type { Selection } from '../protocol/publication.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { socketState, type GatewaySocket, type SocketState } from '../registry/socket-state.js';
import { comesBack } from './coming-back.js';
import { PresenceTurn, type PresenceNotice } from './presence-turn.js';
import { Recovery } from './recovery.service.js';

/** A user whose last socket in a room broke and who may be back before anybody is told. */
interface Absence {
  readonly deadline: Deadline;
  /** Sockets that began to watch meanwhile: they do not know of the user. */
  readonly lateWatchers: Set<string>;
}

/**
 * Tells those that watch a room who comes and who leaves: users, not sockets. [M4]
 *
 * One notice per room and turn of the event loop. A user whose connection broke is not gone until the recovery window
 * is over; whoever leaves on purpose is gone at once. A notice is a publication to the sockets that watch, so a client
 * that recovers gets those that it missed.
 */
@Injectable()
export class Presence {
  private readonly turns = new Map<string, PresenceTurn>();
  private readonly absent = new Map<string, Map<string, Absence>>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
    private readonly publisher: Publisher,
    private readonly expiries: Expiries,
    private readonly recovery: Recovery,
  ) {}

  /** How many users are held for their return; for metrics and tests. */
  get heldCount(): number {
    let count = 0;
    for (const users of this.absent.values()) count += users.size;
    return count;
  }

  /** A socket that is in the room gets its presence events from now on. */
  async watch(socket: GatewaySocket, room: string): Promise<void> {
    const state = socketState(socket);
    if (state.watchedRooms?.has(room)) return;
    (state.watchedRooms ??= new Set()).add(room);
    await socket.join(presenceRoom(room));
    this.recovery.joined(state, presenceRoom(room));
    this.turns.get(room)?.watchedBy(socket.id);
    for (const { lateWatchers } of this.absent.get(room)?.values() ?? []) lateWatchers.add(socket.id);
  }

  /** A socket has come into a room; counted already. */
  joined({ user, info }: SocketState, room: string): void {
    if (!this.isShared && this.local.membershipOf(user, room) === 1) this.came(room, user, info);
  }

  /** A socket has left a room on purpose. */
  left(state: SocketState, room: string): void {
    if (state.watchedRooms?.delete(room)) {
      void state.socket.leave(presenceRoom(room));
      this.recovery.left(state, presenceRoom(room));
    }
    if (!this.isShared && this.local.membershipOf(state.user, room) === 0) this.went(room, state.user);
  }

  /** A socket has ended, for a reason. */
  ended(state: SocketState, reason: string): void {
    if (this.isShared) return;
    for (const room of state.goneFrom) {
      if (this.local.membershipOf(state.user, room) > 0) continue;
      if (comesBack(reason)) this.broke(room, state.user);
      else this.went(room, state.user);
    }
  }

  /** Users have come and left on any of the nodes. */
  changed({ room, joined, left, broken }: PresenceChange): void {
    for (const { user, info } of joined) this.came(room, user, info as JsonValue);
    for (const user of left) this.went(room, user);
    for (const user of broken) this.broke(room, user);
  }

  /** Where there are other nodes, who is in a room is not known here: shared state tells all nodes alike. */
  private get isShared(): boolean {
    return this.engine.registry !== undefined;
  }

  private came(room: string, user: string, info: JsonValue): void {
    const absence = this.endAbsence(room, user);
    if (!absence) this.turnOf(room).came(user, info);
    else if (absence.lateWatchers.size > 0) {
      this.tell(room, { joined: [{ user, info }], left: [] }, { sockets: [...absence.lateWatchers] });
    }
  }

  private went(room: string, user: string): void {
    this.endAbsence(room, user);
    this.turnOf(room).left(user);
  }

  private broke(room: string, user: string): void {
    if (this.config.recoveryWindowMs > 0) this.hold(room, user);
    else this.turnOf(room).left(user);
  }

  private hold(room: string, user: string): void {
    let users = this.absent.get(room);
    if (!users) this.absent.set(room, (users = new Map()));
    const deadline = this.expiries.at(Date.now() + this.config.recoveryWindowMs, () => {
      const { lateWatchers } = this.endAbsence(room, user)!;
      this.tell(room, { joined: [], left: [user] }, undefined, { sockets: [...lateWatchers] });
    });
    users.set(user, { deadline, lateWatchers: new Set() });
  }

  private endAbsence(room: string, user: string): Absence | undefined {
    const users = this.absent.get(room);
    const absence = users?.get(user);
    if (!users || !absence) return undefined;
    this.expiries.cancel(absence.deadline);
    users.delete(user);
    if (users.size === 0) this.absent.delete(room);
    return absence;
  }

  private turnOf(room: string): PresenceTurn {
    let turn = this.turns.get(room);
    if (!turn) {
      turn = new PresenceTurn();
      this.turns.set(room, turn);
      if (this.turns.size === 1) setImmediate(() => this.endTurn());
    }
    return turn;
  }

  private endTurn(): void {
    const turns = [...this.turns];
    this.turns.clear();
    for (const [room, turn] of turns) {
      const newWatchers = [...turn.newWatchers];
      const notice = turn.noticeFrom();
      if (notice) this.tell(room, notice, undefined, { sockets: newWatchers.map(([socketId]) => socketId) });
      for (const [socketId, step] of newWatchers) {
        const rest = turn.noticeFrom(step);
        if (rest) this.tell(room, rest, { sockets: [socketId] });
      }
    }
  }

  private tell(room: string, notice: PresenceNotice, to?: Selection, except: Selection = {}): void {
    const watchers = presenceRoom(room);
    if (!this.local.isOccupied(watchers)) return;
    this.publisher.emit(
      {
        event: NOTICE.roomPresence,
        args: [{ room, ...notice }],
        to: to ?? { rooms: [watchers] },
        except,
        volatile: false,
      },
      // Every node tells its own.
      this.isShared,
    );
  }
}
