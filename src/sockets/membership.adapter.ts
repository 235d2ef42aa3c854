import BTreeModule from 'sorted-btree';
import type { Namespace } from 'socket.io';
import { Adapter, type Room, type SocketId } from 'socket.io-adapter';
import {
  isInternalRoom,
  isListedRoom,
  isUserRoom,
  USER_ROOM_PREFIX,
  watchedRoom,
} from '../protocol/names.js';
import { anySocketOf } from '../platform/namespace-of-io.js';
import { MembershipMap, type Members } from './membership-map.js';
import { OrderedLog } from './ordered-log.js';
import { RoomMembers } from './room-members.js';
import { roomNameOf, roomOfName } from './room-names.js';
import { SmallSet } from './small-set.js';
import { UserRooms, type UserRoom } from './user-rooms.js';
import { findSocketState, type GatewaySocket, type SocketState } from './socket-state.js';

// A CommonJS package whose class is its `default` export.
const BTree = BTreeModule.default;

/** The list of this process's namespaces, as an adapter enters and leaves it. */
export interface NamespaceList {
  /** Returns the number of the new namespace. */
  add(adapter: MembershipAdapter): number;
  remove(adapter: MembershipAdapter): void;
}

/** Told of who comes into rooms and leaves them, by their names, in the turn in which it happens. */
export interface MembershipObserver {
  /** A connected socket has come into a shared room; whoever put it there waits for the promise. Never rejects. */
  joined(state: SocketState, room: string): Promise<void> | void;
  /** A socket has left a room and stays connected. */
  left(state: SocketState, room: string): Promise<void> | void;
  /** A socket has ended, which took it out of all of these. */
  gone(state: SocketState, rooms: readonly string[]): void;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * Socket.IO's in-memory adapter, whose room maps can also be counted and paged.
 *
 * `rooms` and `sids` stay the only index of who is where (decision 0002); only the sets in them are of our own
 * kind: they know their users and their order. A socket enters the registry when it joins the room of its own ID,
 * which Socket.IO does before the client sees `connect`, and leaves it with its last room. [L3] [R1]
 *
 * These maps are what an app sees and changes, with rooms of any value. Whose socket it is and whom it watches stand
 * beside them, so that an app which has a socket leave all its rooms takes it away from nobody. [M3] [T1]
 */
export class MembershipAdapter extends Adapter {
  override readonly rooms = new MembershipMap<Room>();
  override readonly sids = new MembershipMap<SocketId>();
  readonly connected = new OrderedLog<SocketState>();
  /** Rooms that anybody can name, without a socket's own, by name. */
  readonly sharedRooms = new BTree<string, RoomMembers>(undefined, byName);
  private readonly userRooms = new UserRooms();
  /** The sockets that watch a room, by the room. [M4] */
  private readonly watchers = new Map<string, SmallSet>();
  /** Rooms that somebody is in and whose name is not their value, by name. */
  private readonly unlisted = new Map<string, Room>();
  private readonly userOf = (id: SocketId): string => this.stateOf(id)?.user ?? '';

  /** Rises with every namespace of this process; places in a walk over several namespaces refer to it. */
  number: number;
  /** Rises whenever a socket comes into a room or leaves one, of whatever kind. */
  protected changes = 0;
  private isClosed = false;

  constructor(
    nsp: Namespace,
    private readonly namespaces: NamespaceList,
    private readonly observer: MembershipObserver,
  ) {
    super(nsp);
    this.number = namespaces.add(this);
  }

  override close(): void {
    this.isClosed = true;
    this.namespaces.remove(this);
  }

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    let known: Promise<void> | undefined;
    for (const room of rooms) {
      const isNew = this.join(id, room);
      if (room === id) this.enter(id);
      else if (isNew) known = this.observe(id, room, 'joined') ?? known;
    }
    // Changes are made known in order, so the last one stands for all.
    return known;
  }

  override del(id: SocketId, room: Room): Promise<void> | void {
    this.sids.peek(id)?.delete(room);
    if (this.leave(id, room)) return this.observe(id, room, 'left');
  }

  override delAll(id: SocketId): void {
    const rooms = this.sids.peek(id);
    if (!rooms) return;
    this.sids.delete(id);
    for (const room of rooms) this.leave(id, room);
    const state = this.stateOf(id);
    if (!state) return;
    const shared = namesOf(id, rooms);
    if (state.order === 0) {
      // Refused after a check of the app's had put it there: it has no end that anybody would hear of.
      for (const room of shared) void this.observer.left(state, room);
      return;
    }
    this.changes++;
    this.connected.remove(state);
    this.userRooms.delete(state.user, id);
    for (const room of state.watchedRooms?.keys() ?? []) this.unwatch(id, room);
    this.observer.gone(state, shared);
  }

  /** Socket.IO's way to ask for a socket's rooms. */
  override socketRooms(id: SocketId): Set<Room> | undefined {
    return this.sids.get(id);
  }

  /** Whether a socket is in a room, by its name; every socket of a user is in the user's. */
  isIn(id: SocketId, name: string): boolean {
    if (isUserRoom(name)) return this.userRooms.of(userOfRoom(name))?.has(id) === true;
    const watched = watchedRoom(name);
    if (watched !== undefined) return this.watchers.get(watched)?.has(id) === true;
    if (isListedRoom(name)) return this.sids.peek(id)?.has(name) === true;
    return this.unlisted.has(name) && this.sids.peek(id)?.has(this.unlisted.get(name)!) === true;
  }

  /** The names of a socket's rooms, in the order of joining; without its own. */
  namesOfRooms(id: SocketId): string[] {
    return namesOf(id, this.sids.peek(id) ?? []);
  }

  /** The sockets in a room, by its name: an app's room, a socket's own, a user's or that of those who watch one. */
  membersNamed(name: string): Members | undefined {
    if (isListedRoom(name)) return this.rooms.peek(name);
    if (isUserRoom(name)) return this.userRooms.of(userOfRoom(name));
    const watched = watchedRoom(name);
    if (watched !== undefined) return this.watchers.get(watched);
    return this.unlisted.has(name) ? this.rooms.peek(this.unlisted.get(name)!) : undefined;
  }

  /** Puts a socket into rooms by their names. */
  addNamed(id: SocketId, names: Iterable<string>): Promise<void> | void {
    return this.addAll(id, new Set(this.roomsNamed(names)));
  }

  /** Takes a socket out of rooms by their names. */
  delNamed(id: SocketId, names: Iterable<string>): Promise<void> | void {
    let known: Promise<void> | void = undefined;
    for (const room of this.roomsNamed(names)) known = this.del(id, room) ?? known;
    return known;
  }

  /** Told that a socket leaves a room because it may not be there, or does not want to be, any longer. */
  loses(_id: SocketId, _room: string): void {}

  /** Told that a socket is about to be ended; `comesBack` when its client is let come back. */
  ends(_socket: GatewaySocket, _comesBack: boolean): void {}

  /** The rooms of names, without those of another process. */
  private *roomsNamed(names: Iterable<string>): Generator<Room> {
    for (const name of names) {
      const found = this.unlisted.has(name) ? { room: this.unlisted.get(name) } : roomOfName(name);
      if (found) yield found.room as Room;
    }
  }

  /** From now on the socket gets what those who watch a room are told. [M4] */
  watch(id: SocketId, room: string): void {
    let watchers = this.watchers.get(room);
    if (!watchers) this.watchers.set(room, (watchers = new SmallSet()));
    this.changes++;
    watchers.add(id);
  }

  unwatch(id: SocketId, room: string): void {
    this.changes++;
    const watchers = this.watchers.get(room);
    if (watchers?.delete(id) && watchers.size === 0) this.watchers.delete(room);
  }

  /** The state of a socket, connected or still in the handshake. */
  stateOf(id: SocketId): SocketState | undefined {
    const socket = anySocketOf(this.nsp, id);
    return socket && findSocketState(socket);
  }

  /** The members of a shared room. */
  membersOf(room: string): RoomMembers | undefined {
    const members = this.rooms.peek(room);
    return members instanceof RoomMembers ? members : undefined;
  }

  /** The users with a socket here, in the order of their coming. */
  get users(): OrderedLog<UserRoom> {
    return this.userRooms.inOrder;
  }

  /** The sockets of a user. */
  socketsOf(user: string): UserRoom | undefined {
    return this.userRooms.of(user);
  }

  private observe(id: SocketId, room: Room, change: 'joined' | 'left'): Promise<void> | void {
    const name = roomNameOf(room);
    if (isInternalRoom(name)) return;
    const state = this.stateOf(id);
    return state && this.observer[change](state, name);
  }

  private enter(id: SocketId): void {
    const state = this.stateOf(id);
    if (!state || state.order > 0) return;
    if (this.isClosed) {
      // It was on its way in when its namespace ended with the last socket that was there.
      this.isClosed = false;
      this.number = this.namespaces.add(this);
    }
    this.changes++;
    this.connected.add(state);
    this.userRooms.add(state.user, id);
  }

  /** Whether it was not in the room before. */
  private join(id: SocketId, room: Room): boolean {
    let joined = this.sids.peek(id);
    if (!joined) this.sids.put(id, (joined = new SmallSet()));
    joined.add(room);
    let members = this.rooms.peek(room);
    if (!members) {
      this.rooms.put(room, (members = this.createRoom(id, room)));
      this.emit('create-room', room);
    }
    if (members.has(id)) return false;
    this.changes++;
    members.add(id);
    this.emit('join-room', room, id);
    return true;
  }

  /** Whether it was in the room. */
  private leave(id: SocketId, room: Room): boolean {
    const members = this.rooms.peek(room);
    if (!members?.delete(id)) return false;
    this.changes++;
    this.emit('leave-room', room, id);
    if (members.size > 0) return true;
    this.rooms.delete(room);
    if (members instanceof RoomMembers) this.sharedRooms.delete(room);
    else if (room !== id) this.unlisted.delete(roomNameOf(room));
    this.emit('delete-room', room);
    return true;
  }

  private createRoom(id: SocketId, room: Room): Members {
    if (room === id) return new SmallSet();
    const name = roomNameOf(room);
    if (!isListedRoom(name)) {
      this.unlisted.set(name, room);
      return new SmallSet();
    }
    const members = new RoomMembers(name, this.userOf);
    this.sharedRooms.set(name, members);
    return members;
  }
}

/** The adapter that holds a socket's rooms. */
export const membershipOf = ({ nsp }: GatewaySocket): MembershipAdapter => nsp.adapter as MembershipAdapter;

/**
 * Takes a socket out of a room that it may not be in, or has asked to leave: what was published there and has not been
 * written to it yet is not for it any longer. An app's own `socket.leave()` comes behind what was said before. [A7]
 */
export function withdraw(socket: GatewaySocket, room: string): Promise<void> | void {
  membershipOf(socket).loses(socket.id, room);
  return socket.leave(room);
}

/** Whether a socket is in a room, by its name. */
export const isInRoom = (socket: GatewaySocket, name: string): boolean =>
  membershipOf(socket).isIn(socket.id, name);

const userOfRoom = (name: string): string => name.slice(USER_ROOM_PREFIX.length);

/** The names of rooms that are known beyond this process, without the socket's own. */
function namesOf(id: SocketId, rooms: Iterable<unknown>): string[] {
  const names: string[] = [];
  for (const room of rooms) {
    if (room === id) continue;
    const name = roomNameOf(room);
    if (!isInternalRoom(name)) names.push(name);
  }
  return names;
}
