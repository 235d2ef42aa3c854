import { WebSocketServer, type ServerOptions } from 'ws';
import { hasNoSocket, tellEndAs } from '../platform/socket-of-io.js';
import {
  closeWithoutFrame,
  closeWithoutPacket,
  closeWithoutPoll,
  setCloseTimeout,
  waitsToClose,
} from '../platform/transport-close.js';
import { NOTICE } from '../protocol/events.js';
import type { SwitchboardError } from '../protocol/errors.js';
import { membershipOf } from './membership.adapter.js';
import { socketsSlots, socketState, type GatewaySocket } from './socket-state.js';

/** A peer that does not take the goodbye within this time is cut off. */
const GOODBYE_TIMEOUT_MS = 2_000;

type Connection = GatewaySocket['conn'];

/**
 * Ends a socket and tells it why. [L7]
 *
 * The client gets `server:disconnect` with the error. When that is retryable the transport is closed, after which
 * stock clients reconnect by themselves; otherwise the socket is disconnected, after which they do not.
 *
 * @param options.discardUnsent closes without waiting for what has not been sent, the goodbye included
 * @param options.isShutdown the node closes: the app's hooks are told so in Socket.IO's words
 *
 * Resolves when the socket has left the registry, on all nodes; never rejects.
 */
export function endSocket(
  socket: GatewaySocket,
  error: SwitchboardError,
  {
    discardUnsent = false,
    isShutdown = false,
  }: { readonly discardUnsent?: boolean; readonly isShutdown?: boolean } = {},
): Promise<void> {
  const state = socketState(socket);
  if (!socket.connected) return Promise.resolve(state.left);
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => socket.conn.close(true), GOODBYE_TIMEOUT_MS);
    cutOff.unref();
    socket.once('disconnect', () => {
      clearTimeout(cutOff);
      resolve(state.left);
    });
    socketsSlots(state).endedWith ??= error.code;
    membershipOf(socket).ends(socket, error.retryable);
    socket.emit(NOTICE.serverDisconnect, error.toObject());
    // As Socket.IO tells of it when its server closes.
    if (isShutdown) tellEndAs(socket, 'server shutting down');
    if (error.retryable) {
      closeSoThatItReturns(socket.conn, state.userAgent);
      socket.conn.close(discardUnsent);
    } else {
      socket.disconnect();
      cutOffIfUnused(socket);
    }
  });
}

/**
 * Prepares the close of a connection whose client would not come back after an ordinary one. [L7]
 *
 * OkHttp, under the clients of Java, stops reading at a close frame and tells nobody: its client notices at its ping
 * time-out, 45 s later. The client of C++, on WebSocket++, takes a close frame for its own close. On polling python-socketio takes a CLOSE packet for the order to stay away, and rust_socketio,
 * which has no User-Agent, never notices it.
 */
function closeSoThatItReturns(conn: Connection, userAgent: string): void {
  if (/okhttp|websocket\+\+/i.test(userAgent)) closeWithoutFrame(conn.transport, GOODBYE_TIMEOUT_MS);
  else if (userAgent === '' || /python/i.test(userAgent)) closeWithoutPacket(conn.transport);
}

/** Closes a connection that carries no socket any longer. */
export function closeIfUnused({ client, conn }: GatewaySocket): void {
  if (hasNoSocket(client)) conn.close();
}

/**
 * Has a connection closed within the time for a goodbye, also when its client does not help. For new connections.
 *
 * On polling an orderly close waits for the next poll, which 2.x and 3.x clients never make. Engine.IO would give them
 * 30 s, keep the sockets in memory for as long, and cannot be hurried once it waits; and it is not only we who close:
 * Socket.IO does on a malformed packet. Other transports do not know the field.
 */
export function limitGoodbye(conn: Connection): void {
  if (!setCloseTimeout(conn.transport, GOODBYE_TIMEOUT_MS)) return;
  conn.on('close', closeTransport);
  conn.on('upgrading', watchUpgrade);
}

/** A message may come in as many pieces in any case; a large one in as many as senders and networks make of it. */
const MIN_PIECES = 128;
const BYTES_PER_FRAGMENT = 1024;
const BYTES_PER_CHUNK = 256;

/**
 * Cuts off a WebSocket whose peer does not answer the close frame within the time for a goodbye.
 *
 * `ws` gives it 30 s. A client that has come back by another connection leaves one behind that never answers, and a
 * process that ends would wait for it. [O2] And a message in ever so small pieces costs a hundred times its size: one
 * that comes in more of them than any client sends ends its connection. [L11]
 */
export class PromptWebSocketServer extends WebSocketServer {
  constructor(options: ServerOptions) {
    const { maxPayload = 0 } = options;
    super({
      ...options,
      closeTimeout: GOODBYE_TIMEOUT_MS,
      maxFragments: Math.max(MIN_PIECES, maxPayload / BYTES_PER_FRAGMENT),
      maxBufferedChunks: Math.max(MIN_PIECES, maxPayload / BYTES_PER_CHUNK),
    } as ServerOptions);
  }
}

/** A client may upgrade while it is being sent away: the polling it leaves behind would wait for its poll in vain. */
function watchUpgrade(this: Connection): void {
  const polling = this.transport;
  this.once('upgrade', () => {
    if (waitsToClose(polling)) this.once('close', () => closeWithoutPoll(polling));
  });
}

/** Ends the connections that wait for a last poll; for a server that closes, since each would wait on by itself. */
export function hurryGoodbyes(connections: Iterable<Connection>): void {
  for (const conn of connections) closeTransport.call(conn);
}

/** A connection that is gone has nothing to say in a last poll: its timer would only keep memory and process. */
function closeTransport(this: Connection): void {
  closeWithoutPoll(this.transport);
}

/**
 * Closes a connection that carries no socket, once the client has had time to do so by itself.
 *
 * Stock clients do when they are told that it is over, and some must: python-socketio takes a connection that ends
 * under its feet for a broken one and comes back, again and again. Who is still there after that time would stay
 * half connected for as long as it answers pings, so it is cut off.
 */
export function cutOffIfUnused({ client, conn }: GatewaySocket): void {
  cutOffLater(conn, () => hasNoSocket(client));
}

const CUT_OFF = Symbol('switchboard.cut-off');

/** Cuts a connection off once its client has had time to close it, if it is unused then. Once at a time for each. */
export function cutOffLater(conn: Connection, isUnused: () => boolean): void {
  const carrier = conn as { [CUT_OFF]?: boolean };
  if (carrier[CUT_OFF]) return;
  carrier[CUT_OFF] = true;
  const timer = setTimeout(() => {
    carrier[CUT_OFF] = false;
    conn.off('close', forget);
    if (isUnused()) conn.close(true);
  }, GOODBYE_TIMEOUT_MS);
  timer.unref();
  const forget = (): void => clearTimeout(timer);
  conn.once('close', forget);
}
