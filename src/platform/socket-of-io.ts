import type { Namespace, Socket } from 'socket.io';
import { PacketType, type Packet } from 'socket.io-parser';

// Event maps and data are the app's business; `any` is Socket.IO's own default for them.
// oxlint-disable-next-line no-explicit-any
type AnySocket = Socket<any, any, any, any>;

/** How a packet that is encoded already is written. */
export interface EncodedOptions {
  readonly preEncoded: true;
  readonly volatile: boolean;
  readonly compress: false;
  /** All of it as one WebSocket frame, which Engine.IO hands to `ws` as it is. */
  readonly wsPreEncodedFrame?: readonly [Buffer];
}

/** Takes the acknowledgement of one packet. */
type TakesAcknowledgement = (...args: unknown[]) => void;

/** What is private in Socket.IO, or read-only in its types, of a socket. */
interface SocketInternals {
  id: string;
  pid?: string;
  recovered: boolean;
  readonly nsp: Pick<Namespace, 'name'> & { readonly _preConnectSockets?: Map<string, unknown> };
  readonly client: {
    readonly sockets: ReadonlyMap<string, unknown>;
    _packet(packet: { type: PacketType; nsp: string }): void;
    writeToEngine(packets: readonly unknown[], options: EncodedOptions): void;
  };
  readonly acks: Map<number, TakesAcknowledgement>;
  readonly _anyOutgoingListeners?: readonly unknown[];
  notifyOutgoingListeners(packet: Packet): void;
  packet(packet: Packet, options?: unknown): void;
  flags: { readonly volatile?: boolean };
  _onclose?: (reason: string, description?: unknown) => unknown;
}

const inside = (socket: AnySocket): SocketInternals => socket as unknown as SocketInternals;

/** Gives a socket on its way in another ID: that of the one it replaces. */
export function rename(socket: AnySocket, socketId: string): void {
  const internals = inside(socket);
  const { _preConnectSockets: entering } = internals.nsp;
  if (entering?.get(internals.id) === socket) {
    entering.delete(internals.id);
    entering.set(socketId, socket);
  }
  internals.id = socketId;
}

/** Has the client told a session, which it presents when it comes back, and whether it has come back to that. */
export function setSession(socket: AnySocket, sessionId: string, isRecovered: boolean): void {
  const internals = inside(socket);
  internals.pid = sessionId;
  if (isRecovered) internals.recovered = true;
}

/** Ends a socket at once, also when its connection closes already and waits for its transport. */
export const endNow = (socket: AnySocket): unknown => inside(socket)._onclose?.('forced close');

/** From now on the end of its connection is told for another reason. */
export function tellEndAs(socket: AnySocket, reason: string): void {
  const internals = inside(socket);
  const close = internals._onclose?.bind(socket);
  if (close) internals._onclose = (_, description) => close(reason, description);
}

/** Tells the client of a socket that was refused to disconnect it. */
export function sendDisconnect(socket: AnySocket): void {
  const { client, nsp } = inside(socket);
  client._packet({ type: PacketType.DISCONNECT, nsp: nsp.name });
}

/** The acknowledgements that a socket waits for, by the number of their packets. */
export const awaitedAcknowledgements = (socket: AnySocket): Map<number, TakesAcknowledgement> =>
  inside(socket).acks;

/** Writes encoded packets to the connection of a socket, behind what it has been given before. */
export function writeEncoded(
  socket: AnySocket,
  packets: readonly unknown[],
  options: EncodedOptions & { readonly volatile: boolean },
): void {
  inside(socket).client.writeToEngine(packets, options);
}

/** Tells the listeners of `onAnyOutgoing()` of a packet that goes past the socket. */
export function tellOutgoingListeners(socket: AnySocket, packet: Packet): void {
  const internals = inside(socket);
  if (internals._anyOutgoingListeners?.length) internals.notifyOutgoingListeners(packet);
}

/** Sends a packet to the one socket. */
export function sendPacket(socket: AnySocket, packet: Packet): void {
  inside(socket).packet(packet);
}

/** From now on every packet to the one socket goes through `take`, which sends it by `send`. */
export function divertPackets(socket: AnySocket, take: (packet: Packet, send: () => void) => void): void {
  const internals = inside(socket);
  const packet = internals.packet.bind(socket);
  internals.packet = (each, options) => take(each, () => packet(each, options));
}

/** Whether the next emit of a socket is volatile, as `socket.volatile` has set it; the emit after that is not. */
export function takeVolatileFlag(socket: AnySocket): boolean {
  const internals = inside(socket);
  const { volatile = false } = internals.flags;
  internals.flags = {};
  return volatile;
}

/** Whether a connection has no socket, in any namespace. */
export const hasNoSocket = (client: AnySocket['client']): boolean =>
  (client as unknown as SocketInternals['client']).sockets.size === 0;
