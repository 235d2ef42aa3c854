import BTreeModule from 'sorted-btree';
import type { Namespace } from 'socket.io';
import { Adapter, type Room, type SocketId } from 'socket.io-adapter';
import { isInternalRoom, isUserRoom, userRoom } from '../protocol/names.js';
import { OrderedLog, type Ordered } from './ordered-log.js';
import { RoomMembers } from './room-members.js';
import { SmallSet } from './small-set.js';
import { findSocketState, type GatewaySocket, type SocketState } from './socket-state.js';

// A CommonJS package whose class is its `default` export.
const BTree = BTreeModule.default;

/** A namespace keeps sockets that are still in the handshake apart. */
interface NamespaceSockets {
  readonly sockets: ReadonlyMap<SocketId, GatewaySocket>;
  readonly _preConnectSockets?: ReadonlyMap<SocketId, GatewaySocket>;
}

/** The list of this process's namespaces, as an adapter enters and leaves it. */
export interface NamespaceList {
  /** Returns the number of the new namespace. */
  add(adapter: MembershipAdapter): number;
  remove(adapter: MembershipAdapter): void;
}

/** Told of who comes into shared rooms and leaves them, in the turn in which it happens. */
export interface MembershipObserver {
  /** A connected socket has come into a shared room; whoever put it there waits for the promise. Never rejects. */
  joined(state: SocketState, room: Room): Promise<void> | void;
  /** It has left one and stays connected. */
  left(state: SocketState, room: Room): Promise<void> | void;
  /** It has ended, which took it out of all of these. */
  gone(state: SocketState, rooms: readonly Room[]): void;
}

const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The sockets of one user: the value of `user:<id>` in Socket.IO's room map. */
export class UserRoom extends SmallSet implements Ordered {
  order = 0;
  gone = false;

  constructor(readonly user: string) {
    super();
  }
}

/**
 * Socket.IO's in-memory adapter, whose room maps can also be counted and paged.
 *
 * `rooms` and `sids` stay the only index of who is where (decision 0002); only the sets in them are of our own
 * kind: they know their users and their order. A socket enters the registry when it joins the room of its own ID,
 * which Socket.IO does before the client sees `connect`, and leaves it with its last room. [L3] [R1]
 */
export class MembershipAdapter extends Adapter {
  readonly connected = new OrderedLog<SocketState>();
  readonly users = new OrderedLog<UserRoom>();
  /** Rooms that are neither a socket's own nor a user's, by name. */
  readonly sharedRooms = new BTree<string, RoomMembers>(undefined, byName);
  private readonly userOf = (id: SocketId): string => this.stateOf(id)?.user ?? '';

  /** Rises with every namespace of this process; places in a walk over several namespaces refer to it. */
  readonly number: number;

  constructor(
    nsp: Namespace,
    private readonly namespaces: NamespaceList,
    private readonly observer?: MembershipObserver,
  ) {
    super(nsp);
    this.number = namespaces.add(this);
  }

  override close(): void {
    this.namespaces.remove(this);
  }

  override addAll(id: SocketId, rooms: Set<Room>): Promise<void> | void {
    let known: Promise<void> | undefined;
    for (const room of rooms) {
      const isNew = this.join(id, room);
      if (room === id) this.enter(id);
      else if (isNew && this.observer && isShared(room)) known = this.observe(id, room, 'joined') ?? known;
    }
    // Changes are made known in order, so the last one stands for all.
    return known;
  }

  override del(id: SocketId, room: Room): Promise<void> | void {
    this.sids.get(id)?.delete(room);
    if (this.leave(id, room) && this.observer && isShared(room)) return this.observe(id, room, 'left');
  }

  override delAll(id: SocketId): void {
    const rooms = this.sids.get(id);
    if (!rooms) return;
    this.sids.delete(id);
    for (const room of rooms) this.leave(id, room);
    const state = this.stateOf(id);
    if (!state) return;
    const shared = [...rooms].filter((room) => room !== id && isShared(room));
    if (state.order === 0) {
      // Refused after a check of the app's had put it there: it has no end that anybody would hear of.
      for (const room of shared) void this.observer?.left(state, room);
      return;
    }
    this.connected.remove(state);
    this.observer?.gone(state, shared);
  }

  /** The state of a socket, connected or still in the handshake. */
  stateOf(id: SocketId): SocketState | undefined {
    const { sockets, _preConnectSockets } = this.nsp as unknown as NamespaceSockets;
    const socket = sockets.get(id) ?? _preConnectSockets?.get(id);
    return socket && findSocketState(socket);
  }

  /** The members of a shared room. */
  membersOf(room: Room): RoomMembers | undefined {
    const members = this.rooms.get(room);
    return members instanceof RoomMembers ? members : undefined;
  }

  /** The sockets of a user. */
  socketsOf(user: string): UserRoom | undefined {
    const sockets = this.rooms.get(userRoom(user));
    return sockets instanceof UserRoom ? sockets : undefined;
  }

  private observe(id: SocketId, room: Room, change: 'joined' | 'left'): Promise<void> | void {
    const state = this.stateOf(id);
    return state && this.observer?.[change](state, room);
  }

  private enter(id: SocketId): void {
    const state = this.stateOf(id);
    if (!state || state.order > 0) return;
    this.connected.add(state);
    this.join(id, userRoom(state.user));
  }

  /** Whether it was not in the room before. */
  private join(id: SocketId, room: Room): boolean {
    let joined = this.sids.get(id);
    if (!joined) this.sids.set(id, (joined = new SmallSet()));
    joined.add(room);
    let members = this.rooms.get(room);
    if (!members) {
      this.rooms.set(room, (members = this.createRoom(id, room)));
      this.emit('create-room', room);
    }
    if (members.has(id)) return false;
    members.add(id);
    this.emit('join-room', room, id);
    return true;
  }

  /** Whether it was in the room. */
  private leave(id: SocketId, room: Room): boolean {
    const members = this.rooms.get(room);
    if (!members?.delete(id)) return false;
    this.emit('leave-room', room, id);
    if (members.size > 0) return true;
    this.rooms.delete(room);
    if (members instanceof RoomMembers) this.sharedRooms.delete(room);
    else if (members instanceof UserRoom) this.users.remove(members);
    this.emit('delete-room', room);
    return true;
  }

  private createRoom(id: SocketId, room: Room): Set<SocketId> {
    if (room === id || isInternalRoom(room)) return new SmallSet();
    if (isUserRoom(room)) {
      const sockets = new UserRoom(room.slice(userRoom('').length));
      this.users.add(sockets);
      return sockets;
    }
    const members = new RoomMembers(room, this.userOf);
    this.sharedRooms.set(room, members);
    return members;
  }
}

/** Neither a user's nor one of the gateway's own. */
const isShared = (room: Room): boolean => !isUserRoom(room) && !isInternalRoom(room);
