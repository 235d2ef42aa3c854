import type { IncomingMessage } from 'node:http';
import { clientAddress } from '../../http/client-address.js';
import { connectionNamed } from '../../platform/engine-connection.js';
import { queryOf } from '../../platform/engine-request.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';

type Connection = GatewaySocket['conn'];

const ENGINE_PROTOCOL_OF_V2 = 3;

/** A parameter of an app that is at least as long is taken for a secret; a shorter one anybody may guess. */
const MIN_SECRET_LENGTH = 16;

/** What differs from request to request of one session: Engine.IO's own parameters. */
const OWN_PARAMETERS = new Set(['EIO', 'transport', 'sid', 't', 'j', 'b64']);

/**
 * Whether a request may act for the session that it names. [A9]
 *
 * The session ID of a 2.x client is its socket ID, which backends, logs and acknowledgements tell: it is no secret.
 * Such a client repeats its query, and the headers that it was given, on every request; so whatever the first one
 * presented has to be there again. A session that presented nothing that only its client knows is bound to the address it
 * came from. And one that runs by WebSocket is moved to no other connection.
 */
export function mayActFor(engine: unknown, request: IncomingMessage, trustedProxies: number): boolean {
  const sid = queryOf(request)['sid'];
  if (!sid) return true;
  const connection = connectionNamed<Connection>(engine, sid);
  if (connection?.protocol !== ENGINE_PROTOCOL_OF_V2) return true;
  if (request.headers.upgrade !== undefined && connection.transport.name === 'websocket') return false;
  return isPresentedAgain(connection, request, trustedProxies);
}

function isPresentedAgain(
  { request: first, remoteAddress }: Connection,
  request: IncomingMessage,
  trustedProxies: number,
): boolean {
  const { authorization } = first.headers;
  let isBound = authorization !== undefined;
  if (isBound && request.headers.authorization !== authorization) return false;
  const presented = queryOf(first);
  for (const name of Object.keys(presented)) {
    if (OWN_PARAMETERS.has(name)) continue;
    const value = presented[name];
    if (queryOf(request)[name] !== value) return false;
    isBound ||= name === 'token' || (value?.length ?? 0) >= MIN_SECRET_LENGTH;
  }
  if (isBound) return true;
  const addressOf = (address: string | undefined, { headers }: IncomingMessage): string =>
    clientAddress(address, headers['x-forwarded-for'], trustedProxies);
  return addressOf(remoteAddress, first) === addressOf(request.socket.remoteAddress, request);
}
