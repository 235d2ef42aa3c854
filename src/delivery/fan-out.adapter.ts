import type { Namespace } from 'socket.io';
import type { BroadcastOptions, Room } from 'socket.io-adapter';
import { PacketType, type Packet } from 'socket.io-parser';
import type { NodeCommand, SocketsOfNamespace } from '../engine/engine.js';
import type { Stamp } from '../engine/log.js';
import type { SocketEntry } from '../protocol/entries.js';
import { NOTICE } from '../protocol/events.js';
import { looksLikeSocketId, userRoom } from '../protocol/names.js';
import type { Publication, Selection, Target } from '../protocol/publication.js';
import { MembershipAdapter, type MembershipObserver } from '../registry/membership.adapter.js';
import type { Namespaces } from '../registry/namespaces.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import { selectRooms, type RoomSelection } from './targets.js';
import { Tracking, type HeldPublication } from './tracking.js';
import { isReady, type TurnWriter } from './turn-writer.js';
import { textFrame } from './websocket-frame.js';

/** Who of the selected sockets gets a delivery. */
export type Audience = 'all' | 'tracking';

/** What Socket.IO's own `io.to(…).emit()` asks for; it becomes a publication like any other. */
export type DirectEmit = Omit<Publication, 'id'>;

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

/** Receives a socket's acknowledgement. */
export type OnAcknowledgement = (socket: GatewaySocket, args: unknown[]) => void;

/** Told that a socket has ended without having answered. */
export type OnGone = (socket: GatewaySocket) => void;

/** A delivery that waits for acknowledgements; `cancel` forgets those that did not come. */
export interface AwaitedDelivery {
  readonly sockets: readonly GatewaySocket[];
  cancel(): void;
}

interface PacketOptions {
  readonly preEncoded: true;
  readonly volatile: boolean;
  readonly compress: false;
}

/** A packet as it goes out: for Socket.IO's own path, and as one WebSocket frame when it is plain text. */
interface Wire {
  readonly packet: Packet;
  readonly packets: unknown[];
  readonly options: PacketOptions;
  readonly frame: Buffer | undefined;
}

/** What is private in Socket.IO's types and part of what its adapters work with. */
interface AdapterInternals {
  readonly encoder: { encode(packet: Packet): unknown[] };
  _encode(packet: Packet, options: PacketOptions): unknown[];
}
interface SocketInternals {
  readonly acks: Map<number, (...args: unknown[]) => void>;
  readonly client: {
    readonly conn: object;
    writeToEngine(packets: readonly unknown[], options: PacketOptions): void;
  };
  readonly _anyOutgoingListeners?: readonly unknown[];
  notifyOutgoingListeners(packet: Packet): void;
}

/** A packet as one WebSocket frame when it is plain text; "4" is Engine.IO's type `message`. */
function frameOf(packets: readonly unknown[]): Buffer | undefined {
  const [text] = packets;
  return packets.length === 1 && typeof text === 'string' ? textFrame(`4${text}`) : undefined;
}

/** Notices that are of the moment, and names that Socket.IO throws on. */
const PAST_THE_LOG: ReadonlySet<string> = new Set([
  NOTICE.serverDisconnect,
  NOTICE.exception,
  NOTICE.authExpiring,
  'connect',
  'connect_error',
  'disconnect',
  'disconnecting',
  'newListener',
  'removeListener',
]);

const internals = (socket: GatewaySocket): SocketInternals => socket as unknown as SocketInternals;

/**
 * The fan-out: puts one publication on the wire for every local socket it is for.
 *
 * The packet is encoded and framed once and shared by all recipients. Everything leaves in the turn in which it was
 * accepted, in the order of acceptance, in one write per connection. [D4] [D8]
 */
export class FanOutAdapter extends MembershipAdapter {
  /** The sockets of this namespace that track positions. */
  private readonly trackers = new Map<string, Tracking>();
  /** Deliveries that wait for acknowledgements, by the number that they went out with. */
  private readonly awaited = new Map<number, OnGone>();

  constructor(
    nsp: Namespace,
    namespaces: Namespaces,
    private readonly writer: TurnWriter,
    /** Told of every socket written to past the writer, so that one that does not read is ended in time. [Q3] */
    private readonly afterWrite: (socket: GatewaySocket) => void,
    private readonly outbound?: Outbound,
    observer?: MembershipObserver,
  ) {
    super(nsp, namespaces, observer);
  }

  override delAll(id: string): void {
    super.delAll(id);
    this.trackers.delete(id);
  }

  /**
   * Delivers and returns how many sockets it was for.
   *
   * Sockets that track positions are told the stamp; without one they are left out, because it comes later with the
   * same publication for the audience `tracking`.
   */
  deliver(
    publication: Publication,
    selection: RoomSelection,
    stamp: Stamp | undefined,
    audience: Audience = 'all',
    acceptedAs = Infinity,
  ): number {
    const wires = new Wires(this, publication);
    let recipients = 0;
    this.select(selection, (socket) => {
      const tracking = this.trackingOf(socket);
      if (!tracking) {
        if (audience === 'tracking') return;
        recipients++;
        this.put(socket, wires.plain, publication.volatile);
        return;
      }
      // It got this one when it did not track positions yet.
      if (tracking.had(acceptedAs, selection.rooms)) return;
      recipients++;
      if (stamp && !tracking.keep(publication, stamp)) {
        this.putTracked(socket, wires, tracking, stamp, publication.volatile);
      }
    });
    return recipients;
  }

  /** Delivers to one socket what it has missed or what was held back for it, in order. */
  catchUp(socket: GatewaySocket, missed: readonly HeldPublication[]): void {
    const tracking = this.trackingOf(socket);
    for (const { publication, stamp, send } of missed) {
      if (send) {
        send();
        continue;
      }
      if (tracking) tracking.lastCursor = stamp.cursor;
      const packet = this.eventPacket(publication, tracking?.suffixOf(publication, stamp).args);
      this.put(socket, this.encodeForOne(packet), false);
    }
  }

  private putTracked(
    socket: GatewaySocket,
    wires: Wires,
    tracking: Tracking,
    stamp: Stamp,
    volatile: boolean,
  ): void {
    // Before it is written: that may end the socket, and then nobody knows whether it arrived.
    tracking.lastCursor = stamp.cursor;
    this.put(socket, wires.with(tracking, stamp), volatile);
  }

  get tracksPositions(): boolean {
    return this.trackers.size > 0;
  }

  /** What a socket that tracks positions is told; `undefined` for all others. */
  trackingOf(socket: GatewaySocket): Tracking | undefined {
    return this.trackers.size === 0 ? undefined : this.trackers.get(socket.id);
  }

  /** From now on the socket tracks positions, until it ends. */
  track(socket: GatewaySocket, recovers = false): Tracking {
    let tracking = this.trackers.get(socket.id);
    if (!tracking) {
      const accepted = this.outbound?.accepted ?? 0;
      const began = recovers ? undefined : { accepted, rooms: new Set(socket.rooms) };
      this.trackers.set(socket.id, (tracking = new Tracking(recovers, began)));
    }
    if (recovers) this.publishDirectEmits(socket);
    return tracking;
  }

  /** Socket.IO's `io.to(…).emit()` and `socket.broadcast.emit()` go the way of every publication. */
  override broadcast(packet: Packet, { rooms, except = new Set(), flags = {} }: BroadcastOptions): void {
    const [event, ...args] = packet.data as [string, ...unknown[]];
    const emitted: DirectEmit = {
      event: String(event),
      args,
      to: rooms.size === 0 ? { all: true } : this.selectionOf(rooms),
      except: except.size === 0 ? {} : { rooms: [...except] },
      volatile: flags.volatile === true,
      namespace: this.nsp.name,
    };
    if (this.outbound) this.outbound.emit(emitted, flags.local === true);
    else super.broadcast(packet, { rooms, except, flags });
  }

  /** Socket.IO's `socketsJoin()`, on all nodes. */
  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    super.addSockets(options, rooms);
    this.others(options, (from) => ({ do: 'move', from, join: rooms, leave: [] }));
  }

  /** Socket.IO's `socketsLeave()`, on all nodes. */
  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    super.delSockets(options, rooms);
    this.others(options, (from) => ({ do: 'move', from, join: [], leave: rooms }));
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

  /** The local sockets of a selection. */
  selected(to: Target, except: Selection): GatewaySocket[] {
    const sockets: GatewaySocket[] = [];
    this.select(selectRooms(to, except), (socket) => sockets.push(socket));
    return sockets;
  }

  /**
   * Delivers and hands every acknowledgement to `onAcknowledgement`, at most one per socket. [D6]
   *
   * A client takes no cursor from an event that asks for an acknowledgement, so it carries none and is never replayed:
   * whoever published it is told who did not answer. It has its place in histories all the same, so a socket that tracks
   * positions is told that one, and gets it in its turn.
   */
  deliverWithAck(
    publication: Publication,
    selection: RoomSelection,
    stamp: Stamp | undefined,
    onAcknowledgement: OnAcknowledgement,
    onGone: OnGone,
  ): AwaitedDelivery {
    // One number for all recipients: the counter is the namespace's, so it collides with no other request.
    const id = (this.nsp as Namespace & { _ids: number })._ids++;
    const sockets: GatewaySocket[] = [];
    const cancel = (): void => {
      this.awaited.delete(id);
      for (const socket of sockets) internals(socket).acks.delete(id);
    };
    const wires = new Map<string, Wire>();
    const send = (socket: GatewaySocket, key: string, added: readonly unknown[]): void => {
      let wire = wires.get(key);
      if (!wire) {
        wire = this.encode({ ...this.eventPacket(publication, added), id });
        wires.set(key, wire);
      }
      this.put(socket, wire, publication.volatile);
    };
    this.awaited.set(id, onGone);
    try {
      this.select(selection, (socket) => {
        sockets.push(socket);
        internals(socket).acks.set(id, (...answer) => onAcknowledgement(socket, answer));
        const tracking = stamp && this.trackingOf(socket);
        if (!tracking) {
          send(socket, '', []);
          return;
        }
        const { key, args } = tracking.metaOf(publication, stamp);
        const sendNow = (): void => send(socket, key, args);
        if (!tracking.keep(publication, stamp, sendNow)) sendNow();
      });
    } catch (failure) {
      cancel();
      throw failure;
    }
    return { sockets, cancel };
  }

  /** A socket has ended: nobody waits for its answers any longer. */
  stopAwaiting(socket: GatewaySocket): void {
    // It has a few requests open at the most, where all of them together may be many.
    for (const id of internals(socket).acks.keys()) this.awaited.get(id)?.(socket);
  }

  /** Sends one packet to one socket, in order with everything else that goes to it. */
  send(socket: GatewaySocket, packet: Packet): void {
    packet.nsp = this.nsp.name;
    const packets = (this as unknown as AdapterInternals).encoder.encode(packet);
    const frame = frameOf(packets);
    if (frame && this.writer.collect(socket.conn, frame)) return;
    internals(socket).client.writeToEngine(packets, { preEncoded: true, volatile: false, compress: false });
  }

  private selectionFrom({ rooms, except = new Set() }: BroadcastOptions): SocketsOfNamespace {
    return {
      namespace: this.nsp.name,
      to: rooms.size === 0 ? { all: true } : { rooms: [...rooms] },
      except: except.size === 0 ? {} : { rooms: [...except] },
    };
  }

  private others(options: BroadcastOptions, command: (from: SocketsOfNamespace) => NodeCommand): void {
    if (!options.flags?.local) this.outbound?.command(command(this.selectionFrom(options)));
  }

  /**
   * A socket's own room is no room that others could be in, or that could keep a history. One of another node is not
   * known here, so what looks like one may be either.
   */
  private selectionOf(names: ReadonlySet<string>): Selection {
    const rooms: string[] = [];
    const sockets: string[] = [];
    for (const name of names) {
      if (this.sids.has(name)) {
        sockets.push(name);
        continue;
      }
      rooms.push(name);
      // It may be a socket of another node: an app names both alike.
      if (this.outbound?.isShared && looksLikeSocketId(name)) sockets.push(name);
    }
    return { rooms, sockets };
  }

  /** An event as one packet, with what is added for some sockets only. */
  eventPacket({ event, args }: Publication, added: readonly unknown[] = []): Packet {
    return { type: PacketType.EVENT, nsp: this.nsp.name, data: [event, ...args, ...added] };
  }

  encode(packet: Packet): Wire {
    const options: PacketOptions = { preEncoded: true, volatile: false, compress: false };
    // Socket.IO frames what is plain text as well, so that `ws` need not do it for each recipient of the plain path.
    const packets = (this as unknown as AdapterInternals)._encode(packet, options);
    return { packet, packets, options, frame: frameOf(packets) };
  }

  /** Without the frame that Socket.IO's plain path would share between its recipients. */
  private encodeForOne(packet: Packet): Wire {
    const packets = (this as unknown as AdapterInternals).encoder.encode(packet);
    const options: PacketOptions = { preEncoded: true, volatile: false, compress: false };
    return { packet, packets, options, frame: frameOf(packets) };
  }

  private put(socket: GatewaySocket, wire: Wire, volatile: boolean): void {
    const { _anyOutgoingListeners, client } = internals(socket);
    if (_anyOutgoingListeners?.length) internals(socket).notifyOutgoingListeners(wire.packet);
    if (volatile && !isReady(client.conn)) return;
    if (wire.frame !== undefined && this.writer.collect(client.conn, wire.frame)) return;
    client.writeToEngine(wire.packets, volatile ? { ...wire.options, volatile } : wire.options);
    this.afterWrite(socket);
  }

  /**
   * What an app emits to the one socket is a publication to it, so that it can be recovered. What asks for an
   * acknowledgement cannot be, what Socket.IO reserves it refuses, and what the gateway itself has to say is of the
   * moment. All else must carry a cursor: the client would take a text that is its last argument for one.
   */
  private publishDirectEmits(socket: GatewaySocket): void {
    const { outbound } = this;
    if (!outbound) return;
    const emit = socket.emit.bind(socket);
    socket.emit = (name: string | symbol, ...args: unknown[]) => {
      const event = String(name);
      if (typeof args.at(-1) === 'function' || PAST_THE_LOG.has(event)) return emit(name, ...args);
      const internal = socket as unknown as { flags: { volatile?: boolean } };
      const { volatile = false } = internal.flags;
      internal.flags = {};
      const to = { sockets: [socket.id] };
      outbound.emit({ event, args, to, except: {}, volatile, namespace: this.nsp.name }, false);
      return true;
    };
  }

  /** Visits every selected socket once. [D1] */
  private select(selection: RoomSelection, visit: (socket: GatewaySocket) => void): void {
    const except = this.socketIdsIn(selection.except);
    if (selection.rooms === undefined) {
      for (const [socketId, socket] of this.nsp.sockets) {
        if (!except?.has(socketId)) visit(socket as GatewaySocket);
      }
      return;
    }
    // One room cannot hold a socket twice, so only a union needs to remember whom it has served.
    const served = selection.rooms.size > 1 ? new Set<string>() : undefined;
    for (const room of selection.rooms) {
      const members = selection.sockets?.has(room) ? [room] : (this.rooms.get(room) ?? []);
      for (const socketId of members) {
        if (except?.has(socketId) || served?.has(socketId)) continue;
        const socket = this.nsp.sockets.get(socketId);
        if (!socket) continue;
        served?.add(socketId);
        visit(socket as GatewaySocket);
      }
    }
  }

  private socketIdsIn(rooms: ReadonlySet<string>): ReadonlySet<string> | undefined {
    if (rooms.size === 0) return undefined;
    const socketIds = new Set<string>();
    for (const room of rooms) {
      for (const socketId of this.rooms.get(room) ?? []) socketIds.add(socketId);
    }
    return socketIds;
  }
}

/** A socket of another node, as Socket.IO's `RemoteSocket` takes it. */
const remoteSocket = ({ socketId, user, info, rooms, address, connectedAt }: SocketEntry): unknown => ({
  id: socketId,
  handshake: { address, time: connectedAt, headers: {}, query: {}, auth: {} },
  rooms: [socketId, userRoom(user), ...rooms],
  data: { user, info },
});

/** The forms in which one publication goes out: one for most sockets, and one for each way of tracking positions. */
class Wires {
  private bare: Wire | undefined;
  private recovering: Wire | undefined;
  private others: Map<string, Wire> | undefined;

  constructor(
    private readonly adapter: FanOutAdapter,
    private readonly publication: Publication,
  ) {}

  get plain(): Wire {
    return (this.bare ??= this.adapter.encode(this.adapter.eventPacket(this.publication)));
  }

  with(tracking: Tracking, stamp: Stamp): Wire {
    // What most of them get, found without putting a suffix together for each.
    if (tracking.recovers && tracking.metaRooms.size === 0) {
      return (this.recovering ??= this.adapter.encode(
        this.adapter.eventPacket(this.publication, [stamp.cursor]),
      ));
    }
    const { key, args } = tracking.suffixOf(this.publication, stamp);
    if (args.length === 0) return this.plain;
    let wire = this.others?.get(key);
    if (!wire) {
      wire = this.adapter.encode(this.adapter.eventPacket(this.publication, args));
      (this.others ??= new Map()).set(key, wire);
    }
    return wire;
  }
}
