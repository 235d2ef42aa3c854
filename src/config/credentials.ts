/** The kinds of configuration values that carry keys and addresses of services. [A1] [A4] */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { isLoopbackHost } from './loopback.js';
import { parseRedisAddress } from './redis-address.js';

const SECRET = 'at least 32 bytes of text';

/**
 * A shared secret. Shorter ones can be guessed from a single token, offline. With a public key as secret, everyone who
 * can read it, which is everyone, could sign tokens.
 */
export const sharedSecret: z.ZodType<string> = z
  .string(SECRET)
  .refine((value) => Buffer.byteLength(value) >= 32, SECRET)
  .refine(
    (value) => !value.includes('-----BEGIN'),
    'a shared secret, not a PEM key: that is for the JWT public key',
  )
  .describe(SECRET);

const TIME = 'a time as in RFC 3339, such as 2030-01-31T12:00:00Z';
const calendarTime = z.iso.datetime({ offset: true });

/** A point in time; the seconds and the offset are required, because a guess could keep a key alive too long. */
export const timestamp: z.ZodType<Date> = z
  .preprocess((raw) => {
    if (typeof raw !== 'string') return raw;
    const time = raw.toUpperCase();
    const isComplete = /T\d\d:\d\d:\d\d/.test(time) && calendarTime.safeParse(time).success;
    return isComplete ? new Date(time) : raw;
  }, z.date(TIME))
  .describe(TIME);

const PUBLIC_KEY = 'a public key in PEM: RSA of 2048 bits or more, EC (P-256, P-384, P-521) or Ed25519';
const CURVES: readonly string[] = ['prime256v1', 'secp384r1', 'secp521r1'];

/**
 * A PEM public key in the one form all libraries read (SPKI), or nothing when tokens cannot be checked with it.
 *
 * Environment files often cannot hold line breaks, so a literal `\n` stands for one. A private key is refused
 * although its public half could be derived: it has no business on a gateway.
 */
function normalizePublicKey(value: string): string | undefined {
  const pem = value.replaceAll('\\n', '\n').trim();
  if (!pem.startsWith('-----BEGIN ') || pem.includes('PRIVATE KEY')) return undefined;
  try {
    const key = createPublicKey(pem);
    const details = key.asymmetricKeyDetails;
    const isUsable =
      (key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= 2048) ||
      (key.asymmetricKeyType === 'ec' && CURVES.includes(details?.namedCurve ?? '')) ||
      key.asymmetricKeyType === 'ed25519';
    return isUsable ? key.export({ type: 'spki', format: 'pem' }).toString() : undefined;
  } catch {
    return undefined;
  }
}

export const publicKey: z.ZodType<string> = z
  .string(PUBLIC_KEY)
  .transform((value, context): string => {
    const pem = normalizePublicKey(value);
    if (pem !== undefined) return pem;
    context.addIssue({ code: 'custom', message: PUBLIC_KEY });
    return z.NEVER;
  })
  .describe(PUBLIC_KEY);

const CERTIFICATES = 'one or more certificates in PEM';
const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Certificates of authorities. Each is parsed here, so that a broken one stops the start and not a later request. [B7] */
export const certificates: z.ZodType<string> = z
  .string(CERTIFICATES)
  .transform((value) => value.replaceAll('\\n', '\n').trim())
  .refine((value) => {
    const blocks = value.match(CERTIFICATE_BLOCK) ?? [];
    return blocks.length > 0 && blocks.every(isCertificate);
  }, CERTIFICATES)
  .describe(CERTIFICATES);

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

const KEY_SET_URL = 'an https:// URL without credentials (http:// only on a loopback host)';

/** Where a key set is fetched: over plain HTTP anyone on the way could put their own keys in. */
export const keySetUrl: z.ZodType<string> = z
  .string(KEY_SET_URL)
  .refine((value) => {
    if (!URL.canParse(value)) return false;
    const url = new URL(value);
    if (url.username !== '' || url.password !== '') return false;
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname));
  }, KEY_SET_URL)
  .describe(KEY_SET_URL);

const REDIS_URL =
  'a URL redis://[user:password@]host[:port][/db], redis+sentinel:// or redis+cluster://, or with rediss over TLS';

export const redisAddress: z.ZodType<string> = z
  .string(REDIS_URL)
  .refine((value) => parseRedisAddress(value) !== undefined, REDIS_URL)
  .describe(REDIS_URL);

/** What an API key may do. [A4] */
export const API_KEY_SCOPES = ['read', 'emit', 'manage', 'metrics'] as const;

/** One scope of an API key. */
export type ApiKeyScope = (typeof API_KEY_SCOPES)[number];

/** What is known of an API key: never the key itself. [A4] */
export interface ApiKeyEntry {
  readonly name: string;
  /** SHA-256 of the key, 64 hexadecimal digits in lower case. */
  readonly sha256: string;
  readonly scopes: readonly ApiKeyScope[];
}

const API_KEY = `name:sha256hex:scope+scope with scopes out of ${API_KEY_SCOPES.join(', ')}`;

function parseApiKey(raw: unknown): unknown {
  if (typeof raw !== 'string') return raw;
  const parts = raw.trim().split(':');
  if (parts.length !== 3) return undefined;
  return { name: parts[0], sha256: parts[1]!.toLowerCase(), scopes: parts[2]!.split('+') };
}

const apiKey = z.preprocess(
  parseApiKey,
  z.strictObject(
    {
      name: z.string(API_KEY).regex(/^[A-Za-z0-9_.-]{1,64}$/, API_KEY),
      sha256: z.string(API_KEY).regex(/^[0-9a-f]{64}$/, API_KEY),
      scopes: z
        .array(z.enum(API_KEY_SCOPES, API_KEY), API_KEY)
        .min(1, API_KEY)
        .transform((scopes) => [...new Set(scopes)]),
    },
    API_KEY,
  ),
);

/** Comma-separated API keys. A name stands once, so that a log line or a removed entry means one key. [A4] */
export const apiKeyEntries: z.ZodType<readonly ApiKeyEntry[]> = z
  .preprocess(
    (raw) => (typeof raw === 'string' ? raw.split(',').filter((entry) => entry.trim() !== '') : raw),
    z.array(apiKey, 'a comma-separated list of name:sha256hex:scope+scope').superRefine((keys, context) => {
      const names = new Set<string>();
      for (const [index, { name }] of keys.entries()) {
        if (names.has(name)) {
          context.addIssue({ code: 'custom', message: 'a name that no other entry has', path: [index] });
        }
        names.add(name);
      }
    }),
  )
  .describe('a comma-separated list of `name:sha256hex:scope+scope`');
