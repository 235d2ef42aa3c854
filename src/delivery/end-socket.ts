import { NOTICE } from '../protocol/events.js';
import type { SwitchboardError } from '../protocol/errors.js';
import { socketState, type GatewaySocket } from '../registry/socket-state.js';

/** A peer that does not take the goodbye within this time is cut off. */
const GOODBYE_TIMEOUT_MS = 2_000;

/**
 * Ends a socket and tells it why. [L7]
 *
 * The client gets `server:disconnect` with the error. When that is retryable the transport is closed, after which
 * stock clients reconnect by themselves; otherwise the socket is disconnected, after which they do not.
 *
 * @param options.discardUnsent closes without waiting for what has not been sent, the goodbye included
 *
 * Resolves when the socket has left the registry; never rejects.
 */
export function endSocket(
  socket: GatewaySocket,
  error: SwitchboardError,
  { discardUnsent = false }: { readonly discardUnsent?: boolean } = {},
): Promise<void> {
  if (!socket.connected) return Promise.resolve();
  return new Promise((resolve) => {
    const cutOff = setTimeout(() => socket.conn.close(true), GOODBYE_TIMEOUT_MS);
    cutOff.unref();
    socket.once('disconnect', () => {
      clearTimeout(cutOff);
      resolve();
    });
    socketState(socket).endedWith ??= error.code;
    socket.emit(NOTICE.serverDisconnect, error.toObject());
    if (error.retryable) {
      socket.conn.close(discardUnsent);
    } else {
      socket.disconnect();
      closeIfUnused(socket);
    }
  });
}

/**
 * Closes a connection that carries no socket any longer.
 *
 * Stock clients do so themselves; others would stay half connected for as long as they answer pings.
 */
export function closeIfUnused(socket: GatewaySocket): void {
  const { sockets } = socket.client as unknown as { sockets: ReadonlyMap<string, unknown> };
  if (sockets.size > 0) return;
  // An orderly close waits for the next poll, which 2.x and 3.x clients never make; Engine.IO would give them 30 s
  // and keep the socket in memory for as long. Other transports do not know the field.
  (socket.conn.transport as { closeTimeout?: number }).closeTimeout = GOODBYE_TIMEOUT_MS;
  socket.conn.close();
}
