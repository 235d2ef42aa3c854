import type { IncomingMessage } from 'node:http';
import type { Credentials } from '../access/authenticator.js';
import { clientAddress } from '../http/client-address.js';
import { queryOf } from '../platform/engine-request.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { Refusal } from '../sockets/participants.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { claimedUserOf } from './claimed-user.js';
import { credentialsOf } from './identification.js';

/** Why a client is refused. */
export interface RefusalReason {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly why: string;
}

/** A refused request for a connection. */
export function refusalOfRequest(
  request: IncomingMessage,
  trustedProxies: number,
  { code, retryable, why }: RefusalReason,
): Refusal {
  const { headers, socket } = request;
  const { EIO, transport } = queryOf(request);
  return {
    code,
    retryable,
    why,
    stage: 'request',
    address: clientAddress(socket.remoteAddress, headers['x-forwarded-for'], trustedProxies),
    origin: headers.origin,
    userAgent: headers['user-agent'],
    protocol: EIO === '4' ? 4 : 3,
    transport: transport ?? 'unknown',
    claimedUser: () => undefined,
  };
}

/** A refused request to enter a namespace that nobody serves; `packet` is the text that asked. */
export function refusalOfConnection(
  { request, remoteAddress, protocol, transport }: GatewaySocket['conn'],
  { namespace, packet }: { readonly namespace: string; readonly packet: unknown },
  trustedProxies: number,
  { code, retryable, why }: RefusalReason,
): Refusal {
  const { headers } = request;
  return {
    code,
    retryable,
    why,
    stage: 'namespace',
    address: clientAddress(remoteAddress, headers['x-forwarded-for'], trustedProxies),
    origin: headers.origin,
    userAgent: headers['user-agent'],
    protocol,
    transport: transport.name,
    namespace,
    claimedUser: () => claimedUserOf(authIn(packet)),
  };
}

/** What stands behind the namespace in `0/chat,{"token":"…"}`. */
function authIn(packet: unknown): Credentials {
  if (typeof packet !== 'string') return {};
  try {
    const auth = JSON.parse(packet.slice(packet.indexOf(',') + 1)) as Partial<Record<string, unknown>> | null;
    return { token: auth?.['token'], user: auth?.['user'] };
  } catch {
    return {};
  }
}

/** A refused request to enter a namespace. */
export function refusalOfSocket(
  socket: GatewaySocket,
  trustedProxies: number,
  { code, retryable, why }: RefusalReason,
): Refusal {
  const { headers, address } = socket.handshake;
  return {
    code,
    retryable,
    why,
    stage: 'namespace',
    address: clientAddress(address, headers['x-forwarded-for'], trustedProxies),
    origin: headers.origin,
    userAgent: headers['user-agent'],
    protocol: socket.conn.protocol,
    transport: socket.conn.transport.name,
    namespace: socket.nsp.name,
    claimedUser: () => claimedUserOf(credentialsOf(socket)),
  };
}

/** The true cause of a failure, as far as it is known. */
export function whyOf(failure: unknown): string {
  if (!(failure instanceof Error)) return 'unknown';
  return failure.cause instanceof Error ? failure.cause.message : failure.message;
}
