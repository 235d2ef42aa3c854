import { Injectable } from '@nestjs/common';
import { Engine } from '../../engine/engine.js';
import { presenceRoom } from '../../protocol/names.js';
import { isInRoom, membershipOf } from '../../sockets/membership.adapter.js';
import { roomsSlots, type SocketState } from '../../sockets/socket-state.js';
import { Recovery } from '../recovery/recovery.service.js';
import type { RoomWatching } from './room-watching.js';
import { WatchedRooms } from './watched-rooms.js';

/** Presence where there are other nodes: shared state tells each node what goes on in the rooms that are watched there. [M4] */
@Injectable()
export class SharedWatching implements RoomWatching {
  constructor(
    private readonly engine: Engine,
    private readonly recovery: Recovery,
    private readonly watched: WatchedRooms,
  ) {}

  get heldCount(): number {
    return this.watched.heldCount;
  }

  get untoldCount(): number {
    return this.watched.untoldCount;
  }

  async watch(state: SocketState, room: string, mayWatch: () => boolean): Promise<void> {
    const { socket } = state;
    const watchers = presenceRoom(room);
    // What happens between here and its beginning is kept for its session in vain: it is told from where it began.
    void this.recovery.joined(state, watchers);
    try {
      await this.watched.watch(this.engine.presence!, socket.id, room, (since) => {
        if (!socket.connected || !isInRoom(socket, room) || !mayWatch()) return;
        (roomsSlots(state).watchedRooms ??= new Map()).set(room, since);
        membershipOf(socket).watch(socket.id, room);
        void this.recovery.joined(state, watchers);
      });
    } finally {
      if (!state.watchedRooms?.has(room)) this.recovery.left(state, watchers);
    }
  }

  listed(state: SocketState, room: string): Promise<void> | void {
    const at = this.engine.place!;
    roomsSlots(state).watchedRooms?.set(room, at);
    this.watched.listed(state.socket.id, room, at);
    return this.recovery.joined(state, presenceRoom(room));
  }

  unwatched(): void {
    // Who is in the room is kept for all of its watchers.
  }

  joined(): void {
    // Shared state tells of it.
  }

  left(): void {
    // Shared state tells of it.
  }

  ended(): void {
    // Shared state tells of it.
  }
}
