import { Injectable } from '@nestjs/common';
import { Engine } from '../engine/engine.js';
import type { RegistryReader } from '../engine/registry.js';
import type { PageRequest } from '../protocol/paging.js';
import type {
  MemberEntry,
  NodeEntry,
  Page,
  RoomEntry,
  SocketEntry,
  Stats,
  UserCount,
  UserEntry,
} from '../protocol/entries.js';
import { LocalRegistry, type SocketFilter } from './local-registry.js';

/**
 * Who is connected: sockets, users, rooms and members.
 *
 * Inject it anywhere in an app that imports `SwitchboardModule`. Every answer is current when the promise is made: a
 * socket is found as soon as its client saw `connect`, and no longer once its `disconnect` was handled. A look-up
 * costs what it returns, not what exists. Lists come in pages of at most 1,000; a socket that is present during the
 * whole walk is returned exactly once.
 *
 * With several nodes the answers cover all of them and come from the shared state; no node asks another. [R4]
 *
 * Errors: `payload.invalid` for a limit or cursor out of bounds, `engine.unavailable` when the shared state is gone. Unknown names are not errors: an unknown user is
 * offline, an unknown room is empty, an unknown socket is `undefined`.
 *
 * @see R1 R2 R3 L3
 */
@Injectable()
export class SocketRegistry {
  constructor(
    private readonly local: LocalRegistry,
    private readonly engine: Engine,
  ) {}

  /** The entry of a connected socket, or `undefined`. O(1). */
  async getSocket(socketId: string): Promise<SocketEntry | undefined> {
    return this.answers.socket(socketId);
  }

  /** The rooms a socket is in, without its own and its user's; empty when it is not connected. */
  async getRoomsOfSocket(socketId: string): Promise<string[]> {
    return (await this.getSocket(socketId))?.rooms ?? [];
  }

  /** One page of sockets: all, those of a user, those in a room, or those of a user in a room. */
  async getSockets(filter: SocketFilter & PageRequest = {}): Promise<Page<SocketEntry>> {
    return this.answers.sockets(filter, filter);
  }

  /** A user with all its sockets and their rooms; `online: false` and empty lists when there are none. */
  async getUser(user: string): Promise<UserEntry> {
    return this.answers.user(user);
  }

  /** One page of online users with the number of their sockets. */
  async getUsers(request: PageRequest = {}): Promise<Page<UserCount>> {
    return this.answers.users(request);
  }

  /** A room's counts; zeros when nobody is in it. O(1). */
  async getRoom(room: string): Promise<RoomEntry> {
    return this.answers.room(room);
  }

  /** One page of rooms in the order of their names, optionally only those that start with `prefix`. */
  async getRooms(request: PageRequest & { prefix?: string } = {}): Promise<Page<RoomEntry>> {
    return this.answers.rooms(request.prefix ?? '', request);
  }

  /** One page of the users in a room; a user with three sockets there is one member with `sockets: 3`. [M5] */
  async getMembers(room: string, request: PageRequest = {}): Promise<Page<MemberEntry>> {
    return this.answers.members(room, request);
  }

  /** The gateway processes. */
  async getNodes(): Promise<NodeEntry[]> {
    return this.engine.nodes(this.local.socketCount);
  }

  /** Totals. O(1). */
  async getStats(): Promise<Stats> {
    const [counts, nodes] = await Promise.all([this.answers.counts(), this.getNodes()]);
    return { ...counts, nodes: nodes.length };
  }

  private get answers(): RegistryReader | LocalRegistry {
    return this.engine.registry ?? this.local;
  }
}
