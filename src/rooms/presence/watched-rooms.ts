import { Injectable } from '@nestjs/common';
import { Publisher } from '../../delivery/publisher.js';
import { Engine } from '../../engine/engine.js';
import { noticeOf } from '../../engine/presence-notice.js';
import type { PresenceChange, PresencePlace, PresenceState, SharedPresence } from '../../engine/presence.js';
import { presenceRoom } from '../../protocol/names.js';
import { LocalRegistry } from '../../registry/local-registry.js';
import { Namespaces } from '../../sockets/namespaces.js';
import { socketState } from '../../sockets/socket-state.js';
import type { AddressedNotice } from './room-presence.js';
import { WatchedRoom } from './watched-room.js';

/** The rooms that sockets of this node watch, where there are other nodes: shared state tells all of them alike. [M4] */
@Injectable()
export class WatchedRooms {
  private readonly rooms = new Map<string, WatchedRoom>();
  /** How many sockets are about to watch a room. */
  private readonly beginning = new Map<string, number>();

  constructor(
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces,
    private readonly publisher: Publisher,
  ) {}

  /** How many users are held for their return, counted per room. */
  get heldCount(): number {
    let count = 0;
    for (const { absentCount } of this.rooms.values()) count += absentCount;
    return count;
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
    if (watched && this.isWatched(room)) this.tell(room, change.at, watched.changed(change));
    else if (!this.isWatched(room)) this.giveUp(room);
  }

  state(state: PresenceState): void {
    const { room, at } = state;
    const watched = this.rooms.get(room);
    // It was asked for before the room was given up, perhaps, and then nothing more is told of it.
    if (!this.isWatched(room)) this.giveUp(room);
    else if (watched) this.tell(room, at, watched.synced(state));
    else this.rooms.set(room, new WatchedRoom(state));
  }

  /** What was told meanwhile has gone past this node; its sockets come back as new ones. */
  clear(): void {
    this.rooms.clear();
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

  private tell(room: string, at: PresencePlace, notices: readonly AddressedNotice[]): void {
    for (const { notice, to, except } of notices) {
      const sockets = to && { sockets: to.filter((socketId) => this.mayHear(socketId, room)) };
      this.publisher.tellHere(noticeOf(room, at, notice, sockets, { sockets: except }));
    }
  }

  /** Not if it has left, or lost the right to. */
  private mayHear(socketId: string, room: string): boolean {
    const socket = this.namespaces.findSocket(socketId);
    return socket !== undefined && socketState(socket).watchedRooms?.has(room) === true;
  }
}
