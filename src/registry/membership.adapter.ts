import BTreeModule from 'sorted-btree';
import type { Namespace } from 'socket.io';
import { Adapter, type Room, type SocketId } from 'socket.io-adapter';
import { userRoom, isUserRoom } from '../protocol/names.js';
import type { Namespaces } from './namespaces.js';
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
    private readonly namespaces: Namespaces,
  ) {
    super(nsp);
    this.number = namespaces.add(this);
  }

  override close(): void {
    this.namespaces.remove(this);
  }

  override addAll(id: SocketId, rooms: Set<Room>): void {
    for (const room of rooms) {
      this.join(id, room);
      if (room === id) this.enter(id);
    }
  }

  override del(id: SocketId, room: Room): void {
    this.sids.get(id)?.delete(room);
    this.leave(id, room);
  }

  override delAll(id: SocketId): void {
    const rooms = this.sids.get(id);
    if (!rooms) return;
    this.sids.delete(id);
    for (const room of rooms) this.leave(id, room);
    const state = this.stateOf(id);
    if (state && state.order > 0) this.connected.remove(state);
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

  private enter(id: SocketId): void {
    const state = this.stateOf(id);
    if (!state || state.order > 0) return;
    this.connected.add(state);
    this.join(id, userRoom(state.user));
  }

  private join(id: SocketId, room: Room): void {
    let joined = this.sids.get(id);
    if (!joined) this.sids.set(id, (joined = new SmallSet()));
    joined.add(room);
    let members = this.rooms.get(room);
    if (!members) {
      this.rooms.set(room, (members = this.createRoom(id, room)));
      this.emit('create-room', room);
    }
    if (members.has(id)) return;
    members.add(id);
    this.emit('join-room', room, id);
  }

  private leave(id: SocketId, room: Room): void {
    const members = this.rooms.get(room);
    if (!members?.delete(id)) return;
    this.emit('leave-room', room, id);
    if (members.size > 0) return;
    this.rooms.delete(room);
    if (members instanceof RoomMembers) this.sharedRooms.delete(room);
    else if (members instanceof UserRoom) this.users.remove(members);
    this.emit('delete-room', room);
  }

  private createRoom(id: SocketId, room: Room): Set<SocketId> {
    if (room === id) return new SmallSet();
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
