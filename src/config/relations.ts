/** What has to hold between keys. [C2] [C4] */
import type { ConfigValues, OptionName } from './keys.js';
import { isLoopbackHost } from './loopback.js';
import { isOfThisMachine, parseServiceAddress } from './service-address.js';

/** Whether tokens or API keys are checked (`secured`), or everyone may do everything (`open`). [C4] */
export type GatewayMode = 'open' | 'secured';

const TOKEN_KEYS = ['jwtSecret', 'jwtPublicKey', 'jwksUrl'] as const;

/** The keys that put the gateway into secured mode. [C4] */
export const SECURING_KEYS = [...TOKEN_KEYS, 'apiKeys', 'handlers'] as const;

const checksTokens = (values: ConfigValues): boolean => TOKEN_KEYS.some((name) => values[name] !== undefined);

/** Whether a backend says who a client is, which is a check of identity as tokens are. [B6] */
const asksWhoConnects = (values: ConfigValues): boolean =>
  values.handlers.some(({ kind }) => kind === 'connect');

export const modeOf = (values: ConfigValues): GatewayMode =>
  checksTokens(values) || values.apiKeys.length > 0 || asksWhoConnects(values) ? 'secured' : 'open';

/** A relation between keys. It is only checked when each of its keys has a good value by itself. */
export interface Relation {
  /** The key that is named when the relation is broken, then the others it takes part in. */
  readonly keys: readonly [OptionName, ...OptionName[]];
  /** What is expected of the first key. `name` gives a key the name under which the operator set it. */
  readonly expected: (name: (option: OptionName) => string) => string;
  readonly holds: (values: ConfigValues) => boolean;
  /** The relation is only checked when the operator has set this key: its default bends to the others. */
  readonly onlyIfSet?: OptionName;
}

/** Settings that say what tokens must hold mean them to be checked: a forgotten key must not open the gateway instead. */
const needsTokenKey = (option: 'jwtIssuer' | 'jwtAudience'): Relation => ({
  keys: [option, ...TOKEN_KEYS],
  expected: (name) =>
    `to stand beside a key that tokens are checked with: ${TOKEN_KEYS.map(name).join(', ')}`,
  holds: (values) => values[option] === undefined || checksTokens(values),
});

interface Named {
  readonly name: string;
}

/** Whether each of the names is among the others. */
const areAmong = (names: readonly Named[], others: readonly Named[]): boolean => {
  const known = new Set(others.map(({ name }) => name));
  return names.every(({ name }) => known.has(name));
};

/** What is set for an endpoint that is not there was meant for another. */
const onlyOfEndpoints = (
  option: 'webhookSecrets' | 'webhookEvents' | 'webhookBatch',
  names: (values: ConfigValues) => readonly Named[],
): Relation => ({
  keys: [option, 'webhooks'],
  expected: (name) => `only names of ${name('webhooks')}`,
  holds: (values) => areAmong(names(values), values.webhooks),
});

export const RELATIONS: readonly Relation[] = [
  needsTokenKey('jwtIssuer'),
  needsTokenKey('jwtAudience'),
  {
    keys: ['host', 'open', ...SECURING_KEYS],
    expected: (name) =>
      `a loopback address in open mode; set a JWT key or an API key, or ${name('open')}=true if everyone ` +
      'who reaches the gateway may do everything',
    holds: (values) => values.open || modeOf(values) === 'secured' || isLoopbackHost(values.host),
  },
  {
    keys: ['microservice', 'open', ...SECURING_KEYS],
    expected: (name) =>
      `tcp:// and a loopback address in open mode; set an API key, or ${name('open')}=true if everyone who ` +
      'reaches it may do everything',
    holds: (values) =>
      values.open ||
      modeOf(values) === 'secured' ||
      values.microservice.every((text) => isOfThisMachine(parseServiceAddress(text)!)),
  },
  {
    keys: ['microservice', 'workers'],
    expected: (name) => `a broker, or ${name('workers')} to be 1, because workers cannot share a tcp:// port`,
    holds: (values) => values.workers === 1 || values.microservice.every((text) => !text.startsWith('tcp:')),
  },
  {
    keys: ['maxBufferedBytes', 'maxPayloadBytes'],
    expected: (name) => `at least as much as ${name('maxPayloadBytes')}`,
    holds: (values) => values.maxPayloadBytes <= values.maxBufferedBytes,
    onlyIfSet: 'maxPayloadBytes',
  },
  {
    keys: ['jwtPreviousUntil', 'jwtPreviousSecret'],
    expected: (name) => `to be set, because ${name('jwtPreviousSecret')} is`,
    holds: (values) => values.jwtPreviousSecret === undefined || values.jwtPreviousUntil !== undefined,
  },
  {
    keys: ['jwtPreviousSecret', 'jwtPreviousUntil'],
    expected: (name) => `to be set, because ${name('jwtPreviousUntil')} is`,
    holds: (values) => values.jwtPreviousUntil === undefined || values.jwtPreviousSecret !== undefined,
  },
  {
    keys: ['jwtSecret', 'jwtPreviousSecret'],
    expected: (name) => `to be set, because ${name('jwtPreviousSecret')} is`,
    holds: (values) => values.jwtPreviousSecret === undefined || values.jwtSecret !== undefined,
  },
  {
    keys: ['handlerAttemptMs', 'handlerTimeoutMs'],
    expected: (name) => `at most as much as ${name('handlerTimeoutMs')}`,
    holds: (values) => values.handlerAttemptMs <= values.handlerTimeoutMs,
    onlyIfSet: 'handlerAttemptMs',
  },
  {
    keys: ['handlers'],
    expected: () => '`@refresh` to stand beside a `@connect`, which says who a client is',
    holds: ({ handlers }) =>
      handlers.every(({ kind }) => kind !== 'refresh') || handlers.some(({ kind }) => kind === 'connect'),
  },
  {
    keys: ['webhooks', 'webhookSecrets'],
    expected: (name) => `a secret of each endpoint in ${name('webhookSecrets')}`,
    holds: ({ webhooks, webhookSecrets }) => areAmong(webhooks, webhookSecrets),
  },
  onlyOfEndpoints('webhookSecrets', ({ webhookSecrets }) => webhookSecrets),
  onlyOfEndpoints('webhookEvents', ({ webhookEvents }) => webhookEvents),
  onlyOfEndpoints('webhookBatch', ({ webhookBatch }) => webhookBatch.map((name) => ({ name }))),
  {
    keys: ['redisTimeoutMs', 'nodeLeaseMs'],
    expected: (name) => `at most as much as ${name('nodeLeaseMs')}`,
    holds: (values) => values.redisTimeoutMs <= values.nodeLeaseMs,
    onlyIfSet: 'redisTimeoutMs',
  },
  {
    keys: ['workers', 'redisUrl'],
    expected: (name) => `1, or ${name('redisUrl')} to be set, because workers share their state through it`,
    holds: (values) => values.workers === 1 || values.redisUrl !== undefined,
  },
];
