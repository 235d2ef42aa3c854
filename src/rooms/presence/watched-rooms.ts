import { Injectable } from '@nestjs/common';
import { Publisher, type UntoldNotices } from '../../delivery/publisher.js';
import { Engine } from '../../engine/engine.js';
import { noticeOf } from '../../engine/presence-notice.js';
import type { PresenceChange, PresencePlace, PresenceState, SharedPresence } from '../../engine/presence.js';
import { presenceRoom } from '../../protocol/names.js';
import { LocalRegistry } from '../../registry/local-registry.js';
import { Namespaces } from '../../sockets/namespaces.js';
import { socketState, type GatewaySocket } from '../../sockets/socket-state.js';
import { GATHER_MS, type AddressedNotice } from './room-presence.js';
import { WatchedRoom } from './watched-room.js';

/** The rooms that sockets of this node watch, where there are other nodes: shared state tells all of them alike. [M4] */
@Injectable()
export class WatchedRooms implements UntoldNotices {
  private readonly rooms = new Map<string, WatchedRoom>();
  /** The rooms with changes that their watchers were not told yet. [M7] */
  private readonly gathered = new Set<string>();
  private timer: NodeJS.Timeout | undefined;
  /** The node's cursor at the last of these changes. */
  private cursor = '';
  /** How many sessions are being given what they missed. */
  private returning = 0;
  /** How many sockets are about to watch a room. */
  private readonly beginning = new Map<string, number>();

  constructor(
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces,
    private readonly publisher: Publisher,
  ) {
    publisher.tellsFirst(this);
  }

  /** How many users are held for their return, counted per room. */
  get heldCount(): number {
    let count = 0;
    for (const { absentCount } of this.rooms.values()) count += absentCount;
    return count;
  }

  /** How many rooms have changes that their watchers were not told yet. */
  get untoldCount(): number {
    return this.gathered.size;
  }

  /** The rooms, and whom those who watch them take for present; what nobody watches any longer is given up. */
  *users(): Iterable<readonly [room: string, users: readonly string[]]> {
    for (const [room, watched] of this.rooms) {
      if (this.isWatched(room)) yield [room, watched.users];
      else this.rooms.delete(room);
    }
  }

  /**
   * A socket begins to watch a room.
   *
   * @param begin called between what it is not told and what it is
   * @throws SwitchboardError `engine.unavailable`, and then it is told nothing
   */
  async watch(
    presence: SharedPresence,
    socketId: string,
    room: string,
    begin: (since: PresencePlace) => void,
  ): Promise<void> {
    await this.beginningTo(presence, room, () => {
      const since = this.engine.place!;
      this.rooms.get(room)?.watchedBy(socketId, since);
      begin(since);
    });
  }

  /** A socket that watches has come from another connection, where it began at that place. */
  async watchedAgain(
    presence: SharedPresence,
    socketId: string,
    room: string,
    since: PresencePlace | undefined,
  ): Promise<void> {
    const isAgain = (): void => this.rooms.get(room)?.watchedBy(socketId, since ?? { epoch: '', seq: 0 });
    if (this.rooms.has(room)) isAgain();
    else await this.beginningTo(presence, room, isAgain);
  }

  /** A socket that watches was told who is there, and who is held is not. */
  listed(socketId: string, room: string, at: PresencePlace): void {
    this.rooms.get(room)?.watchedBy(socketId, at);
  }

  changed(change: PresenceChange): void {
    const { room } = change;
    const watched = this.rooms.get(room);
    if (watched && this.isWatched(room)) {
      watched.changed(change);
      this.gather(room);
      if (this.returning > 0) this.tell();
    } else if (!this.isWatched(room)) {
      this.giveUp(room);
    }
  }

  state(state: PresenceState): void {
    const { room } = state;
    const watched = this.rooms.get(room);
    // It was asked for before the room was given up, perhaps, and then nothing more is told of it.
    if (!this.isWatched(room)) this.giveUp(room);
    else if (watched) {
      watched.synced(state);
      this.gather(room);
      this.tell();
    } else {
      this.rooms.set(room, new WatchedRoom(state));
    }
  }

  /**
   * A session is about to be given what it missed, change by change from the log: until the returned function is called,
   * nothing is gathered, so that no notice holds a change that the session has from the log. [H4] [M7]
   */
  tellAtOnce(): () => void {
    this.tell();
    this.returning++;
    let isOver = false;
    return () => {
      if (!isOver) this.returning--;
      isOver = true;
    };
  }

  /** Whether there are changes that were not told yet: the log would not give them again behind a later cursor. */
  get isAny(): boolean {
    return this.gathered.size > 0;
  }

  isFor(socket: GatewaySocket): boolean {
    for (const room of socketState(socket).watchedRooms?.keys() ?? [])
      if (this.gathered.has(room)) return true;
    return false;
  }

  private gather(room: string): void {
    this.timer ??= setTimeout(() => this.tell(), GATHER_MS).unref();
    this.gathered.add(room);
    this.cursor = this.engine.cursor;
  }

  tell(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const rooms = [...this.gathered];
    this.gathered.clear();
    for (const room of rooms) {
      const watched = this.rooms.get(room);
      if (watched) this.tellRoom(room, watched.at, watched.tell());
    }
  }

  /** What was told meanwhile has gone past this node; its sockets come back as new ones. */
  clear(): void {
    this.rooms.clear();
    this.gathered.clear();
  }

  private giveUp(room: string): void {
    this.rooms.delete(room);
    this.engine.presence?.unwatch(room);
  }

  private async beginningTo(presence: SharedPresence, room: string, begin: () => void): Promise<void> {
    this.beginning.set(room, (this.beginning.get(room) ?? 0) + 1);
    try {
      await presence.watch(room, this.rooms.has(room) ? 'all' : 'nothing', begin);
    } finally {
      const others = this.beginning.get(room)! - 1;
      if (others > 0) this.beginning.set(room, others);
      else this.beginning.delete(room);
    }
  }

  private isWatched(room: string): boolean {
    return this.beginning.has(room) || this.local.isOccupied(presenceRoom(room));
  }

  private tellRoom(room: string, at: PresencePlace, notices: readonly AddressedNotice[]): void {
    for (const { notice, to, except } of notices) {
      const sockets = to && { sockets: to.filter((socketId) => this.mayHear(socketId, room)) };
      this.publisher.tellHere(noticeOf(room, at, notice, sockets, { sockets: except }), this.cursor);
    }
  }

  /** Not if it has left, or lost the right to. */
  private mayHear(socketId: string, room: string): boolean {
    const socket = this.namespaces.findSocket(socketId);
    return socket !== undefined && socketState(socket).watchedRooms?.has(room) === true;
  }
}
