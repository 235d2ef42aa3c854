import type { Namespace } from 'socket.io';
import type { BroadcastOptions, Room } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';
import type { NodeCommand, SocketsOfNamespace } from '../engine/engine.js';
import type { SocketEntry } from '../protocol/entries.js';
import { looksLikeSocketId } from '../protocol/names.js';
import type { Publication, Selection } from '../protocol/publication.js';
import { MembershipAdapter, type MembershipObserver } from '../sockets/membership.adapter.js';
import type { Namespaces } from '../sockets/namespaces.js';
import { roomNameOf, roomNamesOf } from '../sockets/room-names.js';

/** What Socket.IO's own `io.to(…).emit()` asks for; it becomes a publication like any other. */
export type DirectEmit = Omit<Publication, 'id' | 'at'>;

/** What the adapter hands on to those that know more than one node. */
export interface Outbound {
  /** Whether there may be other nodes. */
  readonly isShared: boolean;
  /** How many publications have been accepted here. */
  readonly accepted: number;
  /** Never throws; what becomes of it is its own business, as with Socket.IO's emit. */
  emit(emitted: DirectEmit, onThisNodeOnly: boolean): void;
  /** Has the other nodes carry something out; never rejects. */
  command(command: NodeCommand): void;
  /** The sockets of a selection on the other nodes. */
  socketsElsewhere(selection: SocketsOfNamespace): Promise<SocketEntry[]>;
}

/** What an app calls on Socket.IO's server and sockets, for the sockets of all nodes. */
export abstract class SharedAdapter extends MembershipAdapter {
  constructor(
    nsp: Namespace,
    namespaces: Namespaces,
    protected readonly outbound?: Outbound,
    observer?: MembershipObserver,
  ) {
    super(nsp, namespaces, observer);
  }

  /** Socket.IO's `io.to(…).emit()` and `socket.broadcast.emit()` go the way of every publication. */
  override broadcast(packet: Packet, { rooms, except = new Set(), flags = {} }: BroadcastOptions): void {
    const [event, ...args] = packet.data as [string, ...unknown[]];
    const emitted: DirectEmit = {
      event: String(event),
      args,
      to: rooms.size === 0 ? { all: true } : this.selectionOf(rooms),
      except: exceptOf(except),
      volatile: flags.volatile === true,
      namespace: this.nsp.name,
    };
    if (this.outbound) this.outbound.emit(emitted, flags.local === true);
    else super.broadcast(packet, { rooms, except, flags });
  }

  /** Socket.IO's `socketsJoin()`, on all nodes. */
  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    super.addSockets(options, rooms);
    this.others(options, (from) => ({ do: 'move', from, join: roomNamesOf(rooms), leave: [] }));
  }

  /** Socket.IO's `socketsLeave()`, on all nodes. */
  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    super.delSockets(options, rooms);
    this.others(options, (from) => ({ do: 'move', from, join: [], leave: roomNamesOf(rooms) }));
  }

  /** Socket.IO's `disconnectSockets()`, on all nodes. */
  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    super.disconnectSockets(options, close);
    this.others(options, (from) => ({ do: 'disconnect-all', from, close }));
  }

  /**
   * Socket.IO's `fetchSockets()`: local sockets as they are, those of other nodes as the registry has them, which is
   * without their handshake.
   */
  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const here = await super.fetchSockets(options);
    if (options.flags?.local || !this.outbound) return here;
    const elsewhere = await this.outbound.socketsElsewhere(this.selectionFrom(options));
    return [...here, ...elsewhere.map(remoteSocket)];
  }

  /** Socket.IO's `serverSideEmit()`: to the other nodes, without acknowledgements. */
  override serverSideEmit(args: unknown[]): void {
    if (typeof args.at(-1) === 'function') {
      throw new Error('serverSideEmit with an acknowledgement is not supported: ask the registry instead');
    }
    this.outbound?.command({ do: 'server-side-emit', namespace: this.nsp.name, args });
  }

  /** Another node's `serverSideEmit()`. */
  heardFromServer(args: readonly unknown[]): void {
    (this.nsp as unknown as { _onServerSideEmit(args: readonly unknown[]): void })._onServerSideEmit(args);
  }

  private selectionFrom({ rooms, except = new Set() }: BroadcastOptions): SocketsOfNamespace {
    return {
      namespace: this.nsp.name,
      to: rooms.size === 0 ? { all: true } : { rooms: roomNamesOf(rooms) },
      except: exceptOf(except),
    };
  }

  private others(options: BroadcastOptions, command: (from: SocketsOfNamespace) => NodeCommand): void {
    if (!options.flags?.local) this.outbound?.command(command(this.selectionFrom(options)));
  }

  /**
   * A socket's own room is one that the app may have put others into, here or on another node. Whether a name is that of
   * a socket of another node is not known here, so what looks like one may be either.
   */
  private selectionOf(given: ReadonlySet<Room>): Selection {
    const rooms: string[] = [];
    const sockets: string[] = [];
    const isShared = this.outbound?.isShared === true;
    for (const room of given) {
      const name = roomNameOf(room);
      const isSocket = this.sids.has(room);
      if (isSocket || (isShared && looksLikeSocketId(name))) sockets.push(name);
      // A lone one is no room that would keep a history.
      if (!isSocket || isShared || this.rooms.peek(room)?.size !== 1) rooms.push(name);
    }
    return { rooms, sockets };
  }
}

const exceptOf = (rooms: ReadonlySet<Room>): Selection =>
  rooms.size === 0 ? {} : { rooms: roomNamesOf(rooms) };

/** A socket of another node, as Socket.IO's `RemoteSocket` takes it. */
const remoteSocket = ({ socketId, user, info, rooms, address, connectedAt }: SocketEntry): unknown => ({
  id: socketId,
  handshake: { address, time: connectedAt, headers: {}, query: {}, auth: {} },
  rooms: [socketId, ...rooms],
  data: { user, info },
});
