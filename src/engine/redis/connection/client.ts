import { Redis, ReplyError, type RedisOptions } from 'ioredis';
import {
  parseRedisAddress,
  type ClusterAddress,
  type SentinelAddress,
} from '../../../config/redis-address.js';
import { sendCommand } from '../../../platform/redis-command.js';
import { SwitchboardError } from '../../../protocol/errors.js';
import { findingConnector } from './discovery/finding-connector.js';
import { absentKey } from '../keys.js';
import type { Script } from '../lua/script.js';
import { SentinelPrimary } from './discovery/sentinel-primary.js';
import { SlotOwner } from './discovery/slot-owner.js';

/** Connects again and again, at most this far apart. */
const MAX_RETRY_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
const DISCONNECT_TIMEOUT_MS = 200;

const retryMs = (attempt: number): number => Math.min(50 * 2 ** Math.min(attempt, 5), MAX_RETRY_MS);

/**
 * A client that keeps no queue: what cannot be sent now fails now, and what was under way when a connection broke fails
 * too, because nobody knows whether it took effect. It connects when told to, and then again by itself.
 *
 * @param key any of the keys that it is for: where Redis is a cluster, they are all on one node of it
 */
export function createClient(url: string, key: string): Redis {
  const all: RedisOptions = {
    lazyConnect: true,
    // One that loads its data is asked so often whether it has.
    maxLoadingRetryTime: MAX_RETRY_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    keepAlive: CONNECT_TIMEOUT_MS,
    noDelay: true,
    retryStrategy: retryMs,
    // A replica that used to be the primary: the address may lead to the new one by now.
    reconnectOnError: (failure) => failure.message.startsWith('READONLY'),
  };
  const address = parseRedisAddress(url);
  switch (address?.kind) {
    case 'sentinel':
      return new Redis({ ...all, ...sentinelOptions(address) });
    case 'cluster':
      return new Redis({ ...all, ...clusterOptions(address, key) });
    default:
      return new Redis(url, all);
  }
}

/**
 * Gives a connection up and makes a new one. One that has broken by itself is being made anew already: the library would
 * take that attempt for unwanted, and make no other.
 */
export function connectAnew(client: Redis): void {
  if (client.status === 'ready') client.disconnect(true);
}

function sentinelOptions(address: SentinelAddress): RedisOptions {
  const { db, tls, login } = address;
  return {
    ...login,
    db,
    ...(tls ? { tls: {} } : {}),
    Connector: findingConnector(new SentinelPrimary(address), retryMs),
  };
}

function clusterOptions(address: ClusterAddress, key: string): RedisOptions {
  const { tls, login } = address;
  const owner = new SlotOwner(address, key);
  return {
    ...login,
    ...(tls ? { tls: {} } : {}),
    Connector: findingConnector(owner, retryMs),
    // The keys are elsewhere by now, or this node is cut off from the others.
    reconnectOnError: ({ message }) => {
      owner.moved(message);
      return /^(?:MOVED|CLUSTERDOWN|READONLY)/.test(message);
    },
  };
}

const UNKNOWN_REASON = 'Redis failed';

/** Redis puts `ERR` before a refusal of one word. */
const FENCED = /^(?:ERR )?FENCED/;

const REASONS: readonly (readonly [RegExp, string])[] = [
  [/CERT_HAS_EXPIRED|certificate has expired/, 'the certificate of Redis has expired'],
  [/ALTNAME_INVALID|certificate's altnames/, 'the certificate of Redis is for another host'],
  [
    /SELF_SIGNED|self[- ]signed|CERT_SIGNATURE_FAILURE|certificate signature failure|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|unable to (?:verify|get)/,
    'the certificate of Redis is not trusted',
  ],
  [
    /^Sentinel: (?:NOAUTH|WRONGPASS|ERR (?:invalid password|AUTH))/,
    'the Sentinels do not take these credentials',
  ],
  [/^Sentinel: NOPERM/, 'the Sentinels do not allow this user what is needed'],
  [/^Sentinel: ERR No such master/, 'the Sentinels know no primary of this name'],
  [/^NOAUTH|^WRONGPASS|^ERR (?:invalid password|AUTH)/, 'Redis does not take these credentials'],
  [/^NOPERM|^(?:ERR )?The user executing the script can't/, 'Redis does not allow this user what is needed'],
  [/^LOADING/, 'Redis is loading its data'],
  [/^READONLY/, 'this Redis is a replica'],
  [/^OOM/, 'Redis is out of memory'],
  [/^MISCONF/, 'Redis cannot write to its disk'],
  [/^MASTERDOWN/, 'this Redis has lost its primary'],
  [/^CLUSTERDOWN/, 'the cluster of Redis is down'],
  [/^ASK |^TRYAGAIN|non local key/, 'the keys are on their way to another node of the cluster'],
  [/cluster support disabled/, 'this Redis is not a node of a cluster'],
  [/^MOVED|^CROSSSLOT/, 'this Redis is a node of a cluster that does not hold the keys'],
  [/compiling script/, 'this Redis is older than 7.0'],
  [FENCED, 'this node counts as dead, or sent this before it was known again'],
  [/certificate|SSL|TLS/i, 'the TLS connection to Redis failed'],
  [/^Sentinel: /, 'no Sentinel can name the primary'],
  [/ECONNREFUSED/, 'Redis refuses the connection'],
  [/ENOTFOUND|EAI_AGAIN/, 'the name of the Redis host is not known'],
  [/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/, 'Redis cannot be reached'],
  [
    /ECONNRESET|EPIPE|Connection is closed|max retries per request|Stream isn't writeable/,
    'the connection to Redis broke',
  ],
];

/** Says in our own words why Redis failed: its own may hold a password, an address or a key. */
export function reasonOf(failure: unknown): string {
  const { message = '', code = '' } = (failure ?? {}) as { message?: unknown; code?: unknown };
  const text = `${String(message)} ${String(code)}`;
  return REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? UNKNOWN_REASON;
}

export const isFenced = (failure: unknown): boolean =>
  failure instanceof Error && FENCED.test(failure.message);

/** What went wrong, for the log. The client's own errors carry the whole command, and with it payloads and passwords. */
function causeOf(failure: unknown): Error {
  const reason = reasonOf(failure);
  const isUnknown = reason === UNKNOWN_REASON && failure instanceof Error;
  return new Error(isUnknown ? `${reason}: ${failure.message.slice(0, 200)}` : reason);
}

export const unavailable = (failure?: unknown): SwitchboardError =>
  new SwitchboardError('engine.unavailable', failure === undefined ? {} : { cause: causeOf(failure) });

/** Whether an error came from Redis itself, so that Redis is there. */
export const isReply = (failure: unknown): boolean => failure instanceof ReplyError;

/** Has Redis run a script; where it has forgotten it, with its text. One of the two is told what became of it. */
export function runScript(
  redis: Redis,
  script: Script,
  key: string,
  args: readonly (string | number)[],
  answered: (reply: unknown) => void,
  failed: (failure: unknown) => void,
): void {
  const keysAndArgs = [2, key, absentKey(key), ...args] as const;
  const refused = (failure: unknown): void => {
    if (isForgotten(failure)) redis.eval(script.lua, ...keysAndArgs).then(answered, failed);
    else failed(failure);
  };
  if (sendCommand(redis, 'evalsha', [script.sha, ...keysAndArgs], answered, refused)) return;
  redis.evalsha(script.sha, ...keysAndArgs).then(answered, refused);
}

const isForgotten = (failure: unknown): boolean =>
  failure instanceof Error && failure.message.startsWith('NOSCRIPT');
