import { Injectable } from '@nestjs/common';
import { Rights } from '../../access/rights.js';
import { Engine } from '../../engine/engine.js';
import { presenceRoom } from '../../protocol/names.js';
import { isInRoom, membershipOf } from '../../sockets/membership.adapter.js';
import type { Participant } from '../../sockets/participants.js';
import { roomsSlots, socketState, type GatewaySocket, type SocketState } from '../../sockets/socket-state.js';
import { Recovery } from '../recovery/recovery.service.js';
import { LocalWatching } from './local-watching.js';
import type { RoomWatching } from './room-watching.js';
import { SharedWatching } from './shared-watching.js';

/**
 * Tells those that watch a room who comes and who leaves: users, not sockets. [M4]
 *
 * One notice per room and 200 ms [M7]. A user whose connection broke is not gone until the recovery window is over;
 * whoever leaves on purpose is gone at once. A notice is a publication to the sockets that watch, so a client that recovers
 * gets those that it missed.
 */
@Injectable()
export class Presence implements Participant {
  private readonly watching: RoomWatching;

  constructor(
    engine: Engine,
    local: LocalWatching,
    shared: SharedWatching,
    private readonly recovery: Recovery,
    rights: Rights,
  ) {
    this.watching = engine.presence ? shared : local;
    rights.whenWatchLost((state, room) => this.unwatch(state, room));
  }

  /** How many users are held for their return, counted per room; for metrics and tests. */
  get heldCount(): number {
    return this.watching.heldCount;
  }

  /** How many rooms have changes that their watchers were not told yet; for tests. */
  get untoldCount(): number {
    return this.watching.untoldCount;
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
    await this.watching.watch(state, room, mayWatch);
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
    if (socket.connected && state.watchedRooms?.has(room)) return this.watching.listed(state, room);
  }

  joined(state: SocketState, room: string): void {
    this.watching.joined(state, room);
  }

  left(state: SocketState, room: string): void {
    this.unwatch(state, room);
    this.watching.left(state, room);
  }

  ended(state: SocketState, reason: string): void {
    this.watching.ended(state, reason);
  }

  private unwatch(state: SocketState, room: string): void {
    if (!roomsSlots(state).watchedRooms?.delete(room)) return;
    membershipOf(state.socket).unwatch(state.socket.id, room);
    this.recovery.left(state, presenceRoom(room));
    this.watching.unwatched(state, room);
  }
}
