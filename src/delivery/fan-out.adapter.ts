import type { Namespace } from 'socket.io';
import { PacketType, type Packet } from 'socket.io-parser';
import { MembershipAdapter } from '../registry/membership.adapter.js';
import type { Namespaces } from '../registry/namespaces.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import type { RoomSelection } from './targets.js';
import { isReady, type TurnWriter } from './turn-writer.js';
import { textFrame } from './websocket-frame.js';

/** How a packet is sent: dropped rather than queued for a socket that is not ready, when volatile. */
export interface SendOptions {
  readonly volatile: boolean;
}

/** Receives a socket's acknowledgement. */
export type OnAcknowledgement = (socket: GatewaySocket, args: unknown[]) => void;

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

const internals = (socket: GatewaySocket): SocketInternals => socket as unknown as SocketInternals;

/**
 * The fan-out: puts one publication on the wire for every local socket it is for.
 *
 * The packet is encoded and framed once and shared by all recipients. Everything leaves in the turn in which it was
 * accepted, in the order of acceptance, in one write per connection. [D4] [D8]
 */
export class FanOutAdapter extends MembershipAdapter {
  constructor(
    nsp: Namespace,
    namespaces: Namespaces,
    private readonly writer: TurnWriter,
    /** Told of every socket written to past the writer, so that one that does not read is ended in time. [Q3] */
    private readonly afterWrite: (socket: GatewaySocket) => void,
  ) {
    super(nsp, namespaces);
  }

  /** Delivers and returns how many sockets it was for. */
  deliver(event: string, args: readonly unknown[], selection: RoomSelection, options: SendOptions): number {
    return this.write(this.eventPacket(event, args), selection, options, () => {});
  }

  /** Delivers and hands every acknowledgement to `onAcknowledgement`, at most one per socket. [D6] */
  deliverWithAck(
    event: string,
    args: readonly unknown[],
    selection: RoomSelection,
    options: SendOptions,
    onAcknowledgement: OnAcknowledgement,
  ): AwaitedDelivery {
    const packet = this.eventPacket(event, args);
    // One number for all recipients: the counter is the namespace's, so it collides with no other request.
    packet.id = (this.nsp as Namespace & { _ids: number })._ids++;
    const id = packet.id;
    const sockets: GatewaySocket[] = [];
    this.write(packet, selection, options, (socket) => {
      sockets.push(socket);
      internals(socket).acks.set(id, (...answer) => onAcknowledgement(socket, answer));
    });
    return {
      sockets,
      cancel: () => {
        for (const socket of sockets) internals(socket).acks.delete(id);
      },
    };
  }

  /** Sends one packet to one socket, in order with everything else that goes to it. */
  send(socket: GatewaySocket, packet: Packet): void {
    packet.nsp = this.nsp.name;
    const packets = (this as unknown as AdapterInternals).encoder.encode(packet);
    const frame = frameOf(packets);
    if (frame && this.writer.collect(socket.conn, frame)) return;
    internals(socket).client.writeToEngine(packets, { preEncoded: true, volatile: false, compress: false });
  }

  private eventPacket(event: string, args: readonly unknown[]): Packet {
    return { type: PacketType.EVENT, nsp: this.nsp.name, data: [event, ...args] };
  }

  private write(
    packet: Packet,
    selection: RoomSelection,
    { volatile }: SendOptions,
    onRecipient: (socket: GatewaySocket) => void,
  ): number {
    let wire: Wire | undefined;
    let recipients = 0;
    this.select(selection, (socket) => {
      wire ??= this.encode(packet, volatile);
      recipients++;
      onRecipient(socket);
      const { _anyOutgoingListeners, client } = internals(socket);
      if (_anyOutgoingListeners?.length) internals(socket).notifyOutgoingListeners(packet);
      if (volatile && !isReady(client.conn)) return;
      if (wire.frame !== undefined && this.writer.collect(client.conn, wire.frame)) return;
      client.writeToEngine(wire.packets, wire.options);
      this.afterWrite(socket);
    });
    return recipients;
  }

  private encode(packet: Packet, volatile: boolean): Wire {
    const options: PacketOptions = { preEncoded: true, volatile, compress: false };
    // Socket.IO frames what is plain text as well, so that `ws` need not do it for each recipient of the plain path.
    const packets = (this as unknown as AdapterInternals)._encode(packet, options);
    return { packets, options, frame: frameOf(packets) };
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
      for (const socketId of this.rooms.get(room) ?? []) {
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
