import { Injectable } from '@nestjs/common';
import type { JsonValue } from '../protocol/json.js';
import { isListedRoom, isUserRoom, USER_ROOM_PREFIX } from '../protocol/names.js';
import {
  decodeName,
  decodePagePosition,
  encodeName,
  encodePagePosition,
  pageSize,
  type PageRequest,
  type PagePosition,
} from '../protocol/paging.js';
import type { MemberEntry, Page, RoomEntry, SocketEntry, UserCount, UserEntry } from '../protocol/entries.js';
import { isInRoom, membershipOf, type MembershipAdapter } from '../sockets/membership.adapter.js';
import { count, countDistinct, roomNames, sum, userNames, walk } from './namespace-lists.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { Answer } from '../engine/log.js';
import type { RegistryReader } from '../engine/registry.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';

/** Which sockets to list; both given means in the room and of the user. */
export interface SocketFilter {
  readonly user?: string;
  readonly room?: string;
}

/**
 * Who is connected to this node, read from Socket.IO's own maps. Synchronous and always current.
 *
 * An app asks `SocketRegistry`, which answers for all nodes; this one is for what concerns this process only.
 */
@Injectable()
export class LocalRegistry implements RegistryReader {
  constructor(
    private readonly namespaces: Namespaces,
    private readonly node: NodeIdentity,
  ) {}

  socket(socketId: string): SocketEntry | undefined {
    const socket = this.namespaces.findSocket(socketId);
    return socket && this.entry(socket);
  }

  sockets(filter: SocketFilter, request: PageRequest): Page<SocketEntry> {
    if (filter.user !== undefined) return this.socketsOfUser(filter.user, filter.room, request);
    const { room } = filter;
    if (room !== undefined && isUserRoom(room)) return this.socketsOfUser(userOfRoom(room), room, request);
    const page =
      room === undefined
        ? walk(this.namespaces.all, 'sockets', request, (adapter, order) => adapter.connected.after(order))
        : walk(
            this.namespaces.all,
            `sockets in ${room}`,
            request,
            (adapter, order) => adapter.membersOf(room)?.socketsAfter(order) ?? [],
          );
    return {
      items: page.items.map((item) =>
        this.entry(
          'socket' in item.value ? item.value.socket : this.known(item.adapter, item.value.socketId),
        ),
      ),
      next: page.next,
      total: room === undefined ? this.socketCount : this.room(room).sockets,
    };
  }

  user(user: string): UserEntry {
    const sockets = [...this.namespaces.socketsOfUser(user)].map((socket) => this.entry(socket));
    const rooms = [...new Set(sockets.flatMap((socket) => socket.rooms))];
    return { user, online: sockets.length > 0, sockets, rooms };
  }

  users(request: PageRequest): Page<UserCount> {
    const page = walk(
      this.namespaces.all,
      'users',
      request,
      (adapter, order) => adapter.users.after(order),
      (earlier, { user }) => earlier.socketsOf(user) !== undefined,
    );
    return {
      items: page.items.map(({ value: { user } }) => ({ user, sockets: this.socketCountOf(user) })),
      next: page.next,
      total: this.userCount,
    };
  }

  room(room: string): RoomEntry {
    if (isUserRoom(room)) {
      const sockets = this.socketCountOf(userOfRoom(room));
      return { room, sockets, users: sockets === 0 ? 0 : 1 };
    }
    return {
      room,
      sockets: sum(this.namespaces.all, (adapter) => adapter.membersOf(room)?.size ?? 0),
      users: countDistinct(
        this.namespaces.all,
        (adapter) => adapter.membersOf(room)?.userCount ?? 0,
        (adapter) => userNames(adapter.membersOf(room)?.usersAfter(0) ?? []),
      ),
    };
  }

  rooms(prefix: string, request: PageRequest): Page<RoomEntry> {
    const limit = pageSize(request.limit);
    const last = decodeName('rooms', request.cursor);
    const names = new Set<string>();
    // Each namespace gives its first names in order; the page is the first of all of them together.
    for (const adapter of this.namespaces.all) {
      let taken = 0;
      for (const name of roomNames(adapter, prefix, last)) {
        names.add(name);
        if (++taken > limit) break;
      }
    }
    const sorted = [...names].toSorted((a, b) => (a < b ? -1 : 1));
    const items = sorted.slice(0, limit).map((name) => this.room(name));
    return {
      items,
      next: sorted.length > limit ? encodeName('rooms', items.at(-1)!.room) : null,
      total: countDistinct(
        this.namespaces.all,
        (adapter) => (prefix === '' ? adapter.sharedRooms.size : count(roomNames(adapter, prefix))),
        (adapter) => roomNames(adapter, prefix),
      ),
    };
  }

  members(room: string, request: PageRequest): Page<MemberEntry> {
    if (isUserRoom(room)) return this.membersOfUserRoom(userOfRoom(room));
    const page = walk(
      this.namespaces.all,
      `members of ${room}`,
      request,
      (adapter, order) => adapter.membersOf(room)?.usersAfter(order) ?? [],
      (earlier, { user }) => earlier.membersOf(room)?.hasUser(user) === true,
    );
    return {
      items: page.items.map(({ value: { user } }) => ({
        user,
        info: this.infoOf(user),
        sockets: sum(this.namespaces.all, (adapter) => adapter.membersOf(room)?.socketsOf(user) ?? 0),
      })),
      next: page.next,
      total: this.room(room).users,
    };
  }

  /** The same for whoever is told of changes: nothing happens between the list and what is told after it. */
  firstMembers(
    room: string,
    limit: number | undefined,
    listed: () => Promise<void> | void,
  ): Answer<Page<MemberEntry>> {
    const told = listed();
    const page = this.members(room, { limit });
    return told ? told.then(() => page) : page;
  }

  /** How many sockets a user has. */
  socketCountOf(user: string): number {
    return sum(this.namespaces.all, (adapter) => adapter.socketsOf(user)?.size ?? 0);
  }

  /** The entry of every socket of this node, with all rooms that publications may be for. */
  *entries(): Generator<SocketEntry> {
    for (const socket of this.namespaces.allSockets()) {
      yield this.entry(socket, membershipOf(socket).namesOfRooms(socket.id));
    }
  }

  /** How many sockets a user has in a room. */
  membershipOf(user: string, room: string): number {
    return sum(this.namespaces.all, (adapter) => adapter.membersOf(room)?.socketsOf(user) ?? 0);
  }

  /** Whether anybody is in a room; for those of the gateway's own, too. */
  isOccupied(room: string): boolean {
    return this.namespaces.all.some((adapter) => adapter.membersNamed(room) !== undefined);
  }

  counts(): { sockets: number; users: number; rooms: number } {
    return { sockets: this.socketCount, users: this.userCount, rooms: this.roomCount };
  }

  get socketCount(): number {
    return sum(this.namespaces.all, (adapter) => adapter.connected.size);
  }

  get userCount(): number {
    return countDistinct(
      this.namespaces.all,
      (adapter) => adapter.users.size,
      (adapter) => userNames(adapter.users.after(0)),
    );
  }

  get roomCount(): number {
    return countDistinct(
      this.namespaces.all,
      (adapter) => adapter.sharedRooms.size,
      (adapter) => adapter.sharedRooms.keys(),
    );
  }

  /** The rooms of a socket, without its own and those that only the app itself can name. [R2] */
  roomsOf(socket: GatewaySocket): string[] {
    return membershipOf(socket).namesOfRooms(socket.id).filter(isListedRoom);
  }

  /** A socket as it is now; also one that is in the handshake. */
  entry(socket: GatewaySocket, rooms = this.roomsOf(socket)): SocketEntry {
    const state = socketState(socket);
    return {
      socketId: socket.id,
      user: state.user,
      node: this.node.id,
      namespace: socket.nsp.name,
      transport: socket.conn.transport.name as SocketEntry['transport'],
      protocol: socket.conn.protocol as SocketEntry['protocol'],
      address: state.address,
      userAgent: state.userAgent,
      connectedAt: state.connectedAtIso,
      rooms,
      info: state.info,
    };
  }

  private known(adapter: MembershipAdapter, socketId: string): GatewaySocket {
    return adapter.stateOf(socketId)!.socket;
  }

  /** A user has few sockets, so they are sorted rather than indexed a second time. */
  private socketsOfUser(user: string, room: string | undefined, request: PageRequest): Page<SocketEntry> {
    const limit = pageSize(request.limit);
    const after = decodePagePosition('sockets', request.cursor);
    const matching = [...this.namespaces.socketsOfUser(user)]
      .filter((socket) => room === undefined || isInRoom(socket, room))
      .map((socket) => ({ socket, place: this.positionOf(socket) }))
      .toSorted((a, b) => comparePositions(a.place, b.place));
    const rest = matching.filter(({ place }) => comparePositions(place, after) > 0);
    const items = rest.slice(0, limit);
    return {
      items: items.map(({ socket }) => this.entry(socket)),
      next: rest.length > limit ? encodePagePosition('sockets', items.at(-1)!.place) : null,
      total: matching.length,
    };
  }

  private positionOf(socket: GatewaySocket): PagePosition {
    return { namespace: membershipOf(socket).number, order: socketState(socket).order };
  }

  private membersOfUserRoom(user: string): Page<MemberEntry> {
    const sockets = this.socketCountOf(user);
    const items = sockets === 0 ? [] : [{ user, info: this.infoOf(user), sockets }];
    return { items, next: null, total: items.length };
  }

  private infoOf(user: string): JsonValue {
    for (const socket of this.namespaces.socketsOfUser(user)) return socketState(socket).info;
    return null;
  }
}

const userOfRoom = (room: string): string => room.slice(USER_ROOM_PREFIX.length);

const comparePositions = (a: PagePosition, b: PagePosition): number =>
  a.namespace - b.namespace || a.order - b.order;
