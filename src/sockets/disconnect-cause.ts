import type { IncomingMessage, ServerResponse } from 'node:http';
import { connectionNamed } from '../platform/engine-connection.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

/**
 * Why a transport closed, where Socket.IO only says that it did. [Q2]
 *
 * A message over the limit shows on WebSocket as a bare `transport error` whose description names it, and on polling
 * as a 413 after which the server keeps the connection as if nothing had happened.
 */

const oversized = new WeakSet<object>();

/** Ends a polling connection that was answered 413. */
export function noteOversize(engine: unknown, request: IncomingMessage, response: ServerResponse): void {
  response.once('finish', () => {
    if (response.statusCode !== 413) return;
    const sid = new URL(request.url ?? '', 'http://gateway').searchParams.get('sid') ?? '';
    const connection = connectionNamed<GatewaySocket['conn']>(engine, sid);
    if (!connection) return;
    oversized.add(connection);
    connection.close(true);
  });
}

/** The code behind a disconnect, when the transport's own words tell more than its reason. */
export function causeOf(socket: GatewaySocket, description: unknown): ErrorCode | undefined {
  if (oversized.has(socket.conn)) return 'payload.too_large';
  if (!(description instanceof Error)) return undefined;
  return description.message.includes('Max payload size exceeded') ? 'payload.too_large' : undefined;
}
