import type { IncomingMessage } from 'node:http';
import type { SwitchboardConfig } from '../config/config.js';
import { connectionNamed } from '../platform/engine-connection.js';
import { queryOf } from '../platform/engine-request.js';
import type { TurnedAway } from '../sockets/participants.js';
import type { RefusalReason } from './refusals.js';

/** What Engine.IO tells of a request for a connection that it does not take. */
export interface ConnectionError {
  readonly req: IncomingMessage;
  readonly code: number;
  readonly message: string;
}

/** Engine.IO's numbers. */
const UNKNOWN_TRANSPORT = 0;
const UNKNOWN_SESSION = 1;
const UNSUPPORTED_PROTOCOL = 5;

/** Longer ones are no session IDs, and nobody is asked for them. */
const MAX_ID_LENGTH = 64;

/** What the request was for, where it named a connection. */
export function turnedAwayOf(
  engine: unknown,
  { req, code, message }: ConnectionError,
  address: string,
): TurnedAway | undefined {
  const { sid, transport = 'unknown' } = queryOf(req);
  if (typeof sid !== 'string' || sid === '' || sid.length > MAX_ID_LENGTH) return undefined;
  const connection = connectionNamed(engine, sid);
  const isUpgrade = req.headers.upgrade !== undefined && connection !== undefined;
  if (code !== UNKNOWN_SESSION && !isUpgrade) return undefined;
  return {
    kind: code === UNKNOWN_SESSION ? 'unknown_session' : 'upgrade',
    connectionId: sid,
    connection,
    address,
    transport,
    why: message.toLowerCase().replaceAll(' ', '_'),
  };
}

/** Why a client cannot connect that speaks to the gateway in a way which is switched off: it is told so in Engine.IO's words. */
export function refusalOfProtocol(
  { req, code }: ConnectionError,
  { transports }: Pick<SwitchboardConfig, 'transports'>,
): RefusalReason | undefined {
  const refused = { code: 'access.denied', retryable: false } as const;
  if (code === UNSUPPORTED_PROTOCOL) {
    return { ...refused, why: 'protocol: 2.x clients are switched off (SWITCHBOARD_ALLOW_V2_CLIENTS)' };
  }
  if (code !== UNKNOWN_TRANSPORT) return undefined;
  const transport = String(queryOf(req)['transport']).slice(0, MAX_ID_LENGTH);
  return {
    ...refused,
    why: `transport: ${transport} is not one of ${transports.join(', ')} (SWITCHBOARD_TRANSPORTS)`,
  };
}
