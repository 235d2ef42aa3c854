import type { Namespace, Socket } from 'socket.io';
import { PacketType } from 'socket.io-parser';

// Event maps and data are the app's business; `any` is Socket.IO's own default for them.
// oxlint-disable-next-line no-explicit-any
type AnySocket = Socket<any, any, any, any>;

/** What is private in Socket.IO, or read-only in its types, of a socket. */
interface SocketInternals {
  id: string;
  pid?: string;
  recovered: boolean;
  readonly nsp: Pick<Namespace, 'name'> & { readonly _preConnectSockets?: Map<string, unknown> };
  readonly client: { _packet(packet: { type: PacketType; nsp: string }): void };
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
