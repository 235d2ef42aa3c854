import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../../config/config.js';
import { SWITCHBOARD_CONFIG } from '../../config/config.token.js';
import { Publisher } from '../../delivery/publisher.js';
import { NOTICE } from '../../protocol/events.js';
import type { JsonValue } from '../../protocol/json.js';
import { isListedRoom, presenceRoom } from '../../protocol/names.js';
import { LocalRegistry } from '../../registry/local-registry.js';
import { comesBack } from '../../sockets/disconnect-reasons.js';
import { membershipOf } from '../../sockets/membership.adapter.js';
import { Namespaces } from '../../sockets/namespaces.js';
import { roomsSlots, socketState, type SocketState } from '../../sockets/socket-state.js';
import { DeadlineWheel } from '../../timers/deadline-wheel.js';
import type { Deadline } from '../../timers/deadlines.js';
import { steadyNow } from '../../timers/steady-clock.js';
import { Recovery } from '../recovery/recovery.service.js';
import { GATHER_MS, RoomPresence, type AddressedNotice } from './room-presence.js';
import type { RoomWatching } from './room-watching.js';

/** A session may outlast its window by as much as its deadline is inexact. */
const SESSION_SLACK_MS = 1_000;

/**
 * Presence where this node is the only one: who is in a room stands in the maps of Socket.IO, so that only what goes on is
 * kept. To begin to watch costs the same in a room of ten and of ten thousand (decision 0017). [M4]
 */
@Injectable()
export class LocalWatching implements RoomWatching {
  /** The rooms in which something is going on. */
  private readonly rooms = new Map<string, RoomPresence<Deadline>>();
  /** The rooms in which something has happened that was not told yet. */
  private readonly changed = new Set<string>();
  /** How many sessions, by the room they watch, may come back and want what they missed. */
  private readonly awayWatchers = new Map<string, number>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces,
    private readonly publisher: Publisher,
    private readonly expiries: DeadlineWheel,
    private readonly recovery: Recovery,
  ) {}

  get heldCount(): number {
    let count = 0;
    for (const { absentCount } of this.rooms.values()) count += absentCount;
    return count;
  }

  get untoldCount(): number {
    return this.changed.size;
  }

  watch(state: SocketState, room: string): void {
    const { socket } = state;
    (roomsSlots(state).watchedRooms ??= new Map()).set(room, undefined);
    membershipOf(socket).watch(socket.id, room);
    void this.recovery.joined(state, presenceRoom(room));
    this.rooms.get(room)?.watchedBy(socket.id);
  }

  listed({ socket }: SocketState, room: string): void {
    this.rooms.get(room)?.watchedBy(socket.id);
  }

  unwatched({ socket }: SocketState, room: string): void {
    this.rooms.get(room)?.unwatchedBy(socket.id);
  }

  joined({ user, info }: SocketState, room: string): void {
    if (this.local.membershipOf(user, room) === 1) this.came(room, user, info);
  }

  left({ user }: SocketState, room: string): void {
    if (!isListedRoom(room)) return;
    if (this.local.membershipOf(user, room) === 0) this.change(room).left(user);
  }

  ended(state: SocketState, reason: string): void {
    const mayReturn = this.config.recoveryWindowMs > 0 && comesBack(reason);
    if (mayReturn && state.session)
      for (const room of state.watchedRooms?.keys() ?? []) this.expectWatcher(room);
    for (const room of state.goneFrom) {
      if (!isListedRoom(room) || this.local.membershipOf(state.user, room) > 0) continue;
      if (mayReturn) this.hold(room, state.user);
      else this.change(room).left(state.user);
    }
  }

  private came(room: string, user: string, info: JsonValue): void {
    const deadline = this.change(room).came(user, info);
    if (deadline) this.expiries.cancel(deadline);
  }

  private hold(room: string, user: string): void {
    const deadline = this.expiries.at(steadyNow() + this.config.recoveryWindowMs, () =>
      this.change(room).lost(user),
    );
    const before = this.presenceOf(room).broke(user, deadline);
    if (before) this.expiries.cancel(before);
  }

  private expectWatcher(room: string): void {
    this.awayWatchers.set(room, (this.awayWatchers.get(room) ?? 0) + 1);
    this.expiries.at(steadyNow() + this.config.recoveryWindowMs + SESSION_SLACK_MS, () => {
      const others = this.awayWatchers.get(room)! - 1;
      if (others > 0) this.awayWatchers.set(room, others);
      else this.awayWatchers.delete(room);
    });
  }

  private presenceOf(room: string): RoomPresence<Deadline> {
    let presence = this.rooms.get(room);
    if (!presence) this.rooms.set(room, (presence = new RoomPresence()));
    return presence;
  }

  /** The room, whose watchers are told a moment later. [M7] */
  private change(room: string): RoomPresence<Deadline> {
    if (this.changed.size === 0) setTimeout(() => this.tellChanges(), GATHER_MS).unref();
    this.changed.add(room);
    return this.presenceOf(room);
  }

  private tellChanges(): void {
    const changed = [...this.changed];
    this.changed.clear();
    for (const room of changed) {
      const presence = this.presenceOf(room);
      for (const each of presence.tell()) this.tell(room, each);
      if (presence.isQuiet) this.rooms.delete(room);
    }
  }

  private tell(room: string, { notice, to, except }: AddressedNotice): void {
    const watchers = presenceRoom(room);
    if (!this.local.isOccupied(watchers) && !this.awayWatchers.has(room)) return;
    this.publisher.emit(
      {
        event: NOTICE.roomPresence,
        args: [{ room, ...notice }],
        to: to ? { sockets: to.filter((socketId) => this.mayHear(socketId, room)) } : { rooms: [watchers] },
        except: { sockets: except },
        volatile: false,
      },
      false,
    );
  }

  /** Not if it has lost the right to; a session whose client is away is asked for it when the client returns. */
  private mayHear(socketId: string, room: string): boolean {
    const socket = this.namespaces.findSocket(socketId);
    return !socket || socketState(socket).watchedRooms?.has(room) === true;
  }
}
