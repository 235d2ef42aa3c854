/**
 * Every configuration key: the only source of names, types, units, defaults and descriptions. [C1]
 *
 * The loader, `--help` and `docs/configuration.md` are made from this table.
 */
import type { z } from 'zod';
import {
  apiKeyEntries,
  certificates,
  keySetUrl,
  publicKey,
  redisAddress,
  sharedSecret,
  timestamp,
} from './credentials.js';
import { handlerRules, headerNames } from './handler-rules.js';
import { serviceAddresses } from './service-address.js';
import { signingSecrets } from './signing-secret.js';
import { webhookChoices, webhookEndpoints, webhookNames, webhookSecrets } from './webhook-rules.js';
import {
  eventPatterns,
  historyRules,
  host,
  MAX_DURATION_MS,
  oneOf,
  origins,
  PAGES,
  pathPrefix,
  someOf,
  someOrNone,
  text,
  trueOrFalse,
  wholeNumber,
} from './values.js';

/** How the keys are grouped in `--help` and in the documentation, in this order. */
export const KEY_GROUPS = [
  'Listening',
  'Connections',
  'Limits',
  'Access',
  'History and recovery',
  'Nodes',
  'Backends that are called',
  'Operations',
] as const;

/** One group of keys. */
export type KeyGroup = (typeof KEY_GROUPS)[number];

/** What the table holds for one key. */
export interface KeyDefinition<Value = unknown, Default extends Value | undefined = Value | undefined> {
  /** Name of the environment variable. */
  readonly env: string;
  readonly group: KeyGroup;
  /** Takes the text of the environment variable and the parsed value alike; its description names the type. */
  readonly schema: z.ZodType<Value>;
  /** `undefined`: not set, and nothing stands in for it. */
  readonly default: Default;
  readonly unit?: string;
  /** One line, Markdown code spans allowed. */
  readonly description: string;
  /** The value is a secret: it appears in no problem line and no documentation. */
  readonly secret?: true;
  /** Not a secret, but a secret is easily pasted here by mistake: the value appears in no problem line. */
  readonly hidden?: true;
}

const key = <Value, const Default extends Value | undefined>(
  definition: KeyDefinition<Value, Default>,
): KeyDefinition<Value, Default> => definition;

const ONE_GIB = 1_073_741_824;

/** Every key by its option name: the name an in-process option has. */
export const CONFIG_KEYS = {
  port: key({
    env: 'PORT',
    group: 'Listening',
    schema: wholeNumber(0, 65_535),
    default: 3000,
    description: 'Port to listen on; 0 takes a free one.',
  }),
  host: key({
    env: 'HOST',
    group: 'Listening',
    schema: host,
    default: '127.0.0.1',
    description:
      'Address to listen on. In open mode only a loopback address, unless `SWITCHBOARD_OPEN=true`.',
  }),
  open: key({
    env: 'SWITCHBOARD_OPEN',
    group: 'Listening',
    schema: trueOrFalse,
    default: false,
    description: 'Open mode may listen on any address: everyone who reaches it may do everything.',
  }),
  corsOrigins: key({
    env: 'SWITCHBOARD_CORS_ORIGINS',
    group: 'Listening',
    schema: origins,
    default: [],
    description: "Browser origins that may connect beside the gateway's own; also holds for WebSocket.",
  }),
  trustedProxies: key({
    env: 'SWITCHBOARD_TRUSTED_PROXIES',
    group: 'Listening',
    schema: wholeNumber(0, 32),
    default: 0,
    unit: 'hops',
    description: "Reverse proxies in front whose `X-Forwarded-For` is believed for a client's address.",
  }),

  pathPrefix: key({
    env: 'SWITCHBOARD_PATH_PREFIX',
    group: 'Listening',
    schema: pathPrefix,
    default: undefined,
    description:
      'Path under which a proxy in front has the service and which it leaves in requests, such as `/live`. Nothing ' +
      'to set for a proxy that takes it off, nor in an app that imports the module.',
  }),

  microservice: key({
    env: 'SWITCHBOARD_MICROSERVICE',
    group: 'Listening',
    schema: serviceAddresses,
    default: [],
    description:
      "Where services ask in messages of Nest's, beside the HTTP API: a port to listen on, or brokers; " +
      'in open mode only a port of this machine, unless `SWITCHBOARD_OPEN=true`.',
    hidden: true,
  }),

  transports: key({
    env: 'SWITCHBOARD_TRANSPORTS',
    group: 'Connections',
    schema: someOf(['polling', 'websocket']),
    default: ['polling', 'websocket'],
    description: 'Transports that clients may use.',
  }),
  allowV2Clients: key({
    env: 'SWITCHBOARD_ALLOW_V2_CLIENTS',
    group: 'Connections',
    schema: trueOrFalse,
    default: true,
    description: 'Socket.IO 2.x clients may connect.',
  }),
  pingIntervalMs: key({
    env: 'SWITCHBOARD_PING_INTERVAL_MS',
    group: 'Connections',
    schema: wholeNumber(10, MAX_DURATION_MS),
    default: 25_000,
    unit: 'ms',
    description: 'How often a connection is checked.',
  }),
  pingTimeoutMs: key({
    env: 'SWITCHBOARD_PING_TIMEOUT_MS',
    group: 'Connections',
    schema: wholeNumber(10, MAX_DURATION_MS),
    default: 20_000,
    unit: 'ms',
    description: 'A connection that does not answer a check within this time is closed.',
  }),
  handlerTimeoutMs: key({
    env: 'SWITCHBOARD_HANDLER_TIMEOUT_MS',
    group: 'Connections',
    schema: wholeNumber(1, MAX_DURATION_MS),
    default: 30_000,
    unit: 'ms',
    description: 'A request whose handler has not answered within this time is answered `internal`.',
  }),

  maxPayloadBytes: key({
    env: 'SWITCHBOARD_MAX_PAYLOAD_BYTES',
    group: 'Limits',
    schema: wholeNumber(256, ONE_GIB),
    default: 100_000,
    unit: 'bytes',
    description: 'Largest message a client may send; a larger one ends its connection.',
  }),
  maxBufferedBytes: key({
    env: 'SWITCHBOARD_MAX_BUFFERED_BYTES',
    group: 'Limits',
    schema: wholeNumber(256, ONE_GIB),
    default: 1_048_576,
    unit: 'bytes',
    description: 'Unsent data per socket; a socket that passes it is ended with `slow_consumer`.',
  }),
  maxBatchBytes: key({
    env: 'SWITCHBOARD_MAX_BATCH_BYTES',
    group: 'Limits',
    schema: wholeNumber(256, ONE_GIB),
    default: 5_000_000,
    unit: 'bytes',
    description: 'Largest body of `POST /v1/batch`.',
  }),
  maxRoomsPerSocket: key({
    env: 'SWITCHBOARD_MAX_ROOMS_PER_SOCKET',
    group: 'Limits',
    schema: wholeNumber(1, 1_000_000),
    default: 128,
    unit: 'rooms',
    description: 'Rooms one socket may be in.',
  }),
  maxSocketsPerUser: key({
    env: 'SWITCHBOARD_MAX_SOCKETS_PER_USER',
    group: 'Limits',
    schema: wholeNumber(0, 1_000_000),
    default: 20,
    unit: 'sockets',
    description: 'Sockets one user may have; 0 is no limit.',
  }),
  maxSocketsPerIp: key({
    env: 'SWITCHBOARD_MAX_SOCKETS_PER_IP',
    group: 'Limits',
    schema: wholeNumber(0, 1_000_000),
    default: 0,
    unit: 'sockets',
    description: 'Sockets one client address may have; 0 is no limit.',
  }),
  maxConnections: key({
    env: 'SWITCHBOARD_MAX_CONNECTIONS',
    group: 'Limits',
    schema: wholeNumber(0, 10_000_000),
    default: 0,
    unit: 'sockets',
    description: 'Sockets one node takes; 0 is no limit.',
  }),
  handshakesPerSecond: key({
    env: 'SWITCHBOARD_HANDSHAKES_PER_SECOND',
    group: 'Limits',
    schema: wholeNumber(0, 1_000_000),
    default: 0,
    unit: 'handshakes/s',
    description:
      'Handshakes one node takes per second, so that a reconnect storm is spread out; 0 is no limit.',
  }),
  eventsPerSecond: key({
    env: 'SWITCHBOARD_EVENTS_PER_SECOND',
    group: 'Limits',
    schema: wholeNumber(1, 1_000_000),
    default: 50,
    unit: 'events/s',
    description: 'Events one socket may send per second in the long run.',
  }),
  eventsBurst: key({
    env: 'SWITCHBOARD_EVENTS_BURST',
    group: 'Limits',
    schema: wholeNumber(1, 1_000_000),
    default: 200,
    unit: 'events',
    description:
      'Events one socket may send at once after a pause. Where only `SWITCHBOARD_MAX_ROOMS_PER_SOCKET` is set, enough to ' +
      'join all of them at once.',
  }),

  jwtSecret: key({
    env: 'SWITCHBOARD_JWT_SECRET',
    group: 'Access',
    schema: sharedSecret,
    default: undefined,
    description: 'Checks tokens signed with HS256, HS384 or HS512.',
    secret: true,
  }),
  jwtPreviousSecret: key({
    env: 'SWITCHBOARD_JWT_PREVIOUS_SECRET',
    group: 'Access',
    schema: sharedSecret,
    default: undefined,
    description: 'The secret before a rotation; taken too until `SWITCHBOARD_JWT_PREVIOUS_UNTIL`.',
    secret: true,
  }),
  jwtPreviousUntil: key({
    env: 'SWITCHBOARD_JWT_PREVIOUS_UNTIL',
    group: 'Access',
    schema: timestamp,
    default: undefined,
    description: 'When the previous secret stops being taken.',
  }),
  jwtPublicKey: key({
    env: 'SWITCHBOARD_JWT_PUBLIC_KEY',
    group: 'Access',
    schema: publicKey,
    default: undefined,
    description: 'Checks tokens signed with RS, PS, ES or EdDSA. A literal `\\n` stands for a line break.',
    hidden: true,
  }),
  jwksUrl: key({
    env: 'SWITCHBOARD_JWKS_URL',
    group: 'Access',
    schema: keySetUrl,
    default: undefined,
    description:
      'JSON Web Key Set to check tokens of the same kinds with; tried after the public key where both are set.',
    hidden: true,
  }),
  jwtIssuer: key({
    env: 'SWITCHBOARD_JWT_ISSUER',
    group: 'Access',
    schema: text,
    default: undefined,
    description: 'What `iss` of a token has to be.',
  }),
  jwtAudience: key({
    env: 'SWITCHBOARD_JWT_AUDIENCE',
    group: 'Access',
    schema: text,
    default: undefined,
    description: 'What `aud` of a token has to be or to hold.',
  }),
  anonymous: key({
    env: 'SWITCHBOARD_ANONYMOUS',
    group: 'Access',
    schema: trueOrFalse,
    default: false,
    description: 'In secured mode, clients without a token may connect too; they are granted nothing.',
  }),
  clientEvents: key({
    env: 'SWITCHBOARD_CLIENT_EVENTS',
    group: 'Access',
    schema: eventPatterns,
    default: ['*'],
    description:
      'Events that clients may send with `room:emit`: names, or prefixes that end in `*`. Keeps them off your own.',
  }),
  apiKeys: key({
    env: 'SWITCHBOARD_API_KEYS',
    group: 'Access',
    schema: apiKeyEntries,
    default: [],
    description: 'API keys of backends, as hashes. `switchboard keys create` prints a key and its entry.',
    secret: true,
  }),

  history: key({
    env: 'SWITCHBOARD_HISTORY',
    group: 'History and recovery',
    schema: historyRules,
    default: [],
    description: 'Which rooms keep how many publications for how long; the first pattern that matches wins.',
  }),
  recoveryWindowMs: key({
    env: 'SWITCHBOARD_RECOVERY_WINDOW_MS',
    group: 'History and recovery',
    schema: wholeNumber(0, MAX_DURATION_MS),
    default: 120_000,
    unit: 'ms',
    description: 'How long a client that asked for recovery can come back as the same socket.',
  }),
  maxHistoryBytes: key({
    env: 'SWITCHBOARD_MAX_HISTORY_BYTES',
    group: 'History and recovery',
    schema: wholeNumber(65_536, 64 * ONE_GIB),
    default: 134_217_728,
    unit: 'bytes',
    description:
      'Memory that histories and recovery may take on this node, or in Redis those of all nodes; the oldest publications go first. A room may take a quarter, and a user have a thirty-second kept within a minute.',
  }),

  redisUrl: key({
    env: 'SWITCHBOARD_REDIS_URL',
    group: 'Nodes',
    schema: redisAddress,
    default: undefined,
    description:
      'Redis that nodes share their state through. Without it, one node keeps everything in memory.',
    secret: true,
  }),
  nodeLeaseMs: key({
    env: 'SWITCHBOARD_NODE_LEASE_MS',
    group: 'Nodes',
    schema: wholeNumber(1_000, MAX_DURATION_MS),
    default: 7_000,
    unit: 'ms',
    description: 'A node that has not been heard of for this long counts as dead.',
  }),
  redisTimeoutMs: key({
    env: 'SWITCHBOARD_REDIS_TIMEOUT_MS',
    group: 'Nodes',
    schema: wholeNumber(100, 60_000),
    default: 1_000,
    unit: 'ms',
    description:
      'How long an answer of Redis may take; when it takes longer Redis counts as gone until it answers. Nothing waits longer for it.',
  }),
  workers: key({
    env: 'SWITCHBOARD_WORKERS',
    group: 'Nodes',
    schema: wholeNumber(1, 64),
    default: 1,
    unit: 'processes',
    description:
      'Processes of the service behind its one port, each a node; more than 1 takes `SWITCHBOARD_REDIS_URL`. ' +
      'An app that imports the module starts its own.',
  }),

  handlers: key({
    env: 'SWITCHBOARD_HANDLERS',
    group: 'Backends that are called',
    schema: handlerRules,
    default: [],
    description:
      'Remote handlers: which backend gets which events of clients, and who is asked by `@connect`, `@refresh` and `@join:…`; the first pattern that fits wins.',
    hidden: true,
  }),
  handlerSecret: key({
    env: 'SWITCHBOARD_HANDLER_SECRET',
    group: 'Backends that are called',
    schema: signingSecrets,
    default: [],
    description: 'Signs requests to remote handlers, as Standard Webhooks does; two while they rotate.',
    secret: true,
  }),
  handlerHeaders: key({
    env: 'SWITCHBOARD_HANDLER_HEADERS',
    group: 'Backends that are called',
    schema: headerNames,
    default: [],
    description: "Headers of a client's first request that `@connect` gets, such as `cookie`.",
  }),
  handlerAttemptMs: key({
    env: 'SWITCHBOARD_HANDLER_ATTEMPT_MS',
    group: 'Backends that are called',
    schema: wholeNumber(1, MAX_DURATION_MS),
    default: 3_000,
    unit: 'ms',
    description:
      'How long a remote handler has for one request; `SWITCHBOARD_HANDLER_TIMEOUT_MS` is the ceiling.',
  }),
  webhooks: key({
    env: 'SWITCHBOARD_WEBHOOKS',
    group: 'Backends that are called',
    schema: webhookEndpoints,
    default: [],
    description: 'Endpoints that are told of events: who is online, who is in a room; see docs/webhooks.md.',
    hidden: true,
  }),
  webhookSecrets: key({
    env: 'SWITCHBOARD_WEBHOOK_SECRETS',
    group: 'Backends that are called',
    schema: webhookSecrets,
    default: [],
    description: 'Sign what each endpoint is sent, as Standard Webhooks does.',
    secret: true,
  }),
  webhookEvents: key({
    env: 'SWITCHBOARD_WEBHOOK_EVENTS',
    group: 'Backends that are called',
    schema: webhookChoices,
    default: [],
    description:
      'What each endpoint is told, such as `chat=user.*+room.*:chat:*`; `user.*` when not named here.',
  }),
  webhookBatch: key({
    env: 'SWITCHBOARD_WEBHOOK_BATCH',
    group: 'Backends that are called',
    schema: webhookNames,
    default: [],
    description: 'Endpoints that are sent up to 100 events in one request.',
  }),
  outboundCa: key({
    env: 'SWITCHBOARD_OUTBOUND_CA',
    group: 'Backends that are called',
    schema: certificates,
    default: undefined,
    description:
      'Certificate authorities, in PEM, that vouch for backends instead of the usual ones. A literal `\\n` stands for a line break.',
    hidden: true,
  }),

  pages: key({
    env: 'SWITCHBOARD_PAGES',
    group: 'Operations',
    schema: someOrNone(PAGES),
    default: [...PAGES],
    description:
      'Pages that are served: `/`, `/docs`, `/openapi.json` and `/console`, each by its name; `none` turns all off.',
  }),
  explainBytes: key({
    env: 'SWITCHBOARD_EXPLAIN_BYTES',
    group: 'Operations',
    schema: wholeNumber(0, ONE_GIB),
    default: 67_108_864,
    unit: 'bytes',
    description:
      'Memory for the record of connections and publications that `GET /v1/explain` reads; 0 keeps none.',
  }),
  drainWindowMs: key({
    env: 'SWITCHBOARD_DRAIN_WINDOW_MS',
    group: 'Operations',
    schema: wholeNumber(0, MAX_DURATION_MS),
    default: 25_000,
    unit: 'ms',
    description:
      'Over how long a stopping node spreads the ends of its sockets; at least ten end per second.',
  }),
  logLevel: key({
    env: 'SWITCHBOARD_LOG_LEVEL',
    group: 'Operations',
    schema: oneOf(['error', 'warn', 'info', 'debug', 'verbose']),
    default: 'info',
    description: 'How much is logged: this level and the ones before it.',
  }),
  logFormat: key({
    env: 'SWITCHBOARD_LOG_FORMAT',
    group: 'Operations',
    schema: oneOf(['pretty', 'json']),
    default: 'pretty',
    description: '`pretty` for people, `json` for one object a line.',
  }),
} as const;

/** Name of a key as an in-process option. */
export type OptionName = keyof typeof CONFIG_KEYS;

type ValueOf<Key> =
  Key extends KeyDefinition<infer Value, infer Default>
    ? Default extends undefined
      ? Value | undefined
      : Value
    : never;

/** The parsed value of every key. */
export type ConfigValues = { readonly [Name in OptionName]: ValueOf<(typeof CONFIG_KEYS)[Name]> };

/** The table as a list, for whoever needs all keys and no particular one. */
export const CONFIG_KEY_LIST: readonly (readonly [OptionName, KeyDefinition])[] = Object.entries(
  CONFIG_KEYS,
) as [OptionName, KeyDefinition][];
