import { Inject, Injectable } from '@nestjs/common';
import { DeadlineWheel } from '../../timers/deadline-wheel.js';
import type { Deadline } from '../../timers/deadlines.js';
import { steadyNow } from '../../timers/steady-clock.js';
import type { SwitchboardConfig } from '../../config/config.js';
import { SWITCHBOARD_CONFIG } from '../../config/config.token.js';
import { Publisher } from '../../delivery/publisher.js';
import { Rights } from '../../access/rights.js';
import { Engine } from '../../engine/engine.js';
import { NOTICE } from '../../protocol/events.js';
import type { SharedPresence } from '../../engine/presence.js';
import type { JsonValue } from '../../protocol/json.js';
import { isListedRoom, presenceRoom } from '../../protocol/names.js';
import { LocalRegistry } from '../../registry/local-registry.js';
import { isInRoom, membershipOf } from '../../sockets/membership.adapter.js';
import { Namespaces } from '../../sockets/namespaces.js';
import type { Participant } from '../../sockets/participants.js';
import { roomsSlots, socketState, type GatewaySocket, type SocketState } from '../../sockets/socket-state.js';
import { comesBack } from '../../sockets/disconnect-reasons.js';
import { Recovery } from '../recovery/recovery.service.js';
import { GATHER_MS, RoomPresence, type AddressedNotice } from './room-presence.js';
import { WatchedRooms } from './watched-rooms.js';

/** A session may outlast its window by as much as its deadline is inexact. */
const SESSION_SLACK_MS = 1_000;

/**
 * Tells those that watch a room who comes and who leaves: users, not sockets. [M4]
 *
 * One notice per room and 200 ms [M7]. A user whose connection broke is not gone until the recovery window is over; whoever leaves on purpose is gone at once. A notice is a publication to the sockets that watch, so a client
 * that recovers gets those that it missed.
 */
@Injectable()
export class Presence implements Participant {
  /** The rooms in which something is going on. */
  private readonly rooms = new Map<string, RoomPresence<Deadline>>();
  /** The rooms in which something has happened that was not told yet. */
  private readonly changed = new Set<string>();
  /** How many sessions, by the room they watch, may come back and want what they missed. */
  private readonly awayWatchers = new Map<string, number>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces,
    private readonly publisher: Publisher,
    private readonly expiries: DeadlineWheel,
    private readonly recovery: Recovery,
    private readonly watched: WatchedRooms,
    rights: Rights,
  ) {
    rights.whenWatchLost((state, room) => this.unwatch(state, room));
  }

  /** How many users are held for their return, counted per room; for metrics and tests. */
  get heldCount(): number {
    let count = this.watched.heldCount;
    for (const { absentCount } of this.rooms.values()) count += absentCount;
    return count;
  }

  /** How many rooms have changes that their watchers were not told yet; for tests. */
  get untoldCount(): number {
    return this.changed.size + this.watched.untoldCount;
  }

  /**
   * A socket that is in the room gets its presence events from now on.
   *
   * @param mayWatch asked in the turn in which it begins, after every wait [A7]
   * @throws SwitchboardError `engine.unavailable` when other nodes cannot be heard
   */
  async watch(socket: GatewaySocket, room: string, mayWatch: () => boolean): Promise<void> {
    const state = socketState(socket);
    // It may have ended, or have been taken out again, while it came in.
    if (!isInRoom(socket, room) || state.watchedRooms?.has(room)) return;
    const { presence } = this.engine;
    if (presence) return this.watchShared(presence, state, room, mayWatch);
    (roomsSlots(state).watchedRooms ??= new Map()).set(room, undefined);
    membershipOf(socket).watch(socket.id, room);
    void this.recovery.joined(state, presenceRoom(room));
    this.rooms.get(room)?.watchedBy(socket.id);
  }

  isWatching(socket: GatewaySocket, room: string): boolean {
    return socketState(socket).watchedRooms?.has(room) === true;
  }

  /**
   * A socket that watches a room was told who is there: without those who are held for their return, so that it is told
   * when they do, like one that begins to watch.
   *
   * @returns when its session has that too: a client that has the list may lose its node the next moment
   */
  listed(socket: GatewaySocket, room: string): Promise<void> | void {
    const state = socketState(socket);
    if (!socket.connected || !state.watchedRooms?.has(room)) return;
    const at = this.engine.place;
    if (!at) {
      this.rooms.get(room)?.watchedBy(socket.id);
      return;
    }
    roomsSlots(state).watchedRooms?.set(room, at);
    this.watched.listed(socket.id, room, at);
    return this.recovery.joined(state, presenceRoom(room));
  }

  /** A socket has come into a room; counted already. */
  joined({ user, info }: SocketState, room: string): void {
    if (!this.isShared && this.local.membershipOf(user, room) === 1) this.came(room, user, info);
  }

  /** A socket has left a room on purpose. */
  left(state: SocketState, room: string): void {
    this.unwatch(state, room);
    if (this.isShared || !isListedRoom(room)) return;
    if (this.local.membershipOf(state.user, room) === 0) this.change(room).left(state.user);
  }

  private unwatch(state: SocketState, room: string): void {
    if (!roomsSlots(state).watchedRooms?.delete(room)) return;
    membershipOf(state.socket).unwatch(state.socket.id, room);
    this.recovery.left(state, presenceRoom(room));
    this.rooms.get(room)?.unwatchedBy(state.socket.id);
  }

  /** A socket has ended, for a reason. */
  ended(state: SocketState, reason: string): void {
    const mayReturn = this.config.recoveryWindowMs > 0 && comesBack(reason);
    if (this.isShared) return;
    if (mayReturn && state.session)
      for (const room of state.watchedRooms?.keys() ?? []) this.expectWatcher(room);
    for (const room of state.goneFrom) {
      if (!isListedRoom(room) || this.local.membershipOf(state.user, room) > 0) continue;
      if (mayReturn) this.hold(room, state.user);
      else this.change(room).left(state.user);
    }
  }

  /** Where there are other nodes, who is in a room is not known here: see {@link WatchedRooms}. */
  private get isShared(): boolean {
    return this.engine.presence !== undefined;
  }

  private async watchShared(
    presence: SharedPresence,
    state: SocketState,
    room: string,
    mayWatch: () => boolean,
  ): Promise<void> {
    const { socket } = state;
    const watchers = presenceRoom(room);
    // What happens between here and its beginning is kept for its session in vain: it is told from where it began.
    void this.recovery.joined(state, watchers);
    try {
      await this.watched.watch(presence, socket.id, room, (since) => {
        if (!socket.connected || !isInRoom(socket, room) || !mayWatch()) return;
        (roomsSlots(state).watchedRooms ??= new Map()).set(room, since);
        membershipOf(socket).watch(socket.id, room);
        void this.recovery.joined(state, watchers);
      });
    } finally {
      if (!state.watchedRooms?.has(room)) this.recovery.left(state, watchers);
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
