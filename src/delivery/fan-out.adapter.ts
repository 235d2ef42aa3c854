import type { Namespace } from 'socket.io';
import { PacketType, type Packet } from 'socket.io-parser';
import { MembershipAdapter } from '../registry/membership.adapter.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import type { RoomSelection } from './targets.js';

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

/** What is private in Socket.IO's types and part of what its adapters work with. */
interface AdapterInternals {
  _encode(packet: Packet, options: object): unknown[];
}
interface SocketInternals {
  readonly acks: Map<number, (...args: unknown[]) => void>;
  readonly client: { writeToEngine(packets: unknown[], options: object): void };
  notifyOutgoingListeners(packet: Packet): void;
}

const internals = (socket: GatewaySocket): SocketInternals => socket as unknown as SocketInternals;

/**
 * The fan-out: puts one publication on the wire for every local socket it is for.
 *
 * The packet is encoded and framed once and shared by all recipients. Everything is written in the turn in which it
 * was accepted, in the order of acceptance. [D4]
 */
export class FanOutAdapter extends MembershipAdapter {
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

  private eventPacket(event: string, args: readonly unknown[]): Packet {
    return { type: PacketType.EVENT, nsp: this.nsp.name, data: [event, ...args] };
  }

  private write(
    packet: Packet,
    selection: RoomSelection,
    options: SendOptions,
    onRecipient: (socket: GatewaySocket) => void,
  ): number {
    const packetOptions = { preEncoded: true, volatile: options.volatile, compress: false };
    let encoded: unknown[] | undefined;
    let recipients = 0;
    this.select(selection, (socket) => {
      encoded ??= (this as unknown as AdapterInternals)._encode(packet, packetOptions);
      recipients++;
      onRecipient(socket);
      const { client } = internals(socket);
      internals(socket).notifyOutgoingListeners(packet);
      client.writeToEngine(encoded, packetOptions);
    });
    return recipients;
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
