/** Which events of clients are handled by which backend. [B1] */
import { z } from 'zod';
import { isLoopbackHost } from './loopback.js';
import { parseServiceAddress } from './service-address.js';

/** What a rule takes: events of clients, or one of the questions about a client. */
export const HANDLER_KINDS = ['event', 'connect', 'refresh', 'join'] as const;

/** What a remote handler is asked about. */
export type HandlerKind = (typeof HANDLER_KINDS)[number];

/** One remote handler and what it takes. */
export interface HandlerRule {
  readonly kind: HandlerKind;
  /** An event or room name, or the start of one followed by `*`; `*` for connect and refresh. */
  readonly pattern: string;
  readonly url: string;
}

const RULE =
  'pattern=url such as order:*=https://orders.internal/events, @connect=url, @refresh=url or @join:chat:*=url; ' +
  '* only at the end, url with http, https, tcp, nats, redis, rediss, amqp or amqps';

const PATTERN = /^[^\s,*]{0,128}\*?$/;

/** Whether a backend is asked over HTTP, and not by messages of Nest's. */
export const isHttp = (url: string): boolean => /^https?:/.test(url);

/** Splits at the `=` before the URL: patterns may hold `=` themselves. */
function parseRule(raw: unknown): unknown {
  if (typeof raw !== 'string') return raw;
  const parts = /^(.+?)=([a-z]+:\/\/.+)$/.exec(raw.trim());
  if (!parts) return undefined;
  const [, name, url] = parts as unknown as [string, string, string];
  if (!name.startsWith('@')) return { kind: 'event', pattern: name, url };
  if (name === '@connect' || name === '@refresh') return { kind: name.slice(1), pattern: '*', url };
  return name.startsWith('@join:') ? { kind: 'join', pattern: name.slice('@join:'.length), url } : undefined;
}

/** Whether the URL names a backend: credentials in an HTTP URL would travel to logs of proxies on the way. */
function isBackend(url: string): boolean {
  if (!isHttp(url)) return parseServiceAddress(url) !== undefined;
  if (!URL.canParse(url)) return false;
  const { hostname, username, password } = new URL(url);
  return hostname !== '' && username === '' && password === '';
}

const rule = z.preprocess(
  parseRule,
  z.strictObject(
    {
      kind: z.enum(HANDLER_KINDS, RULE),
      pattern: z.string(RULE).min(1, RULE).regex(PATTERN, RULE),
      url: z.string(RULE).refine(isBackend, RULE),
    },
    RULE,
  ),
);

const LIST = 'a comma-separated list of pattern=url';

/** Remote handlers, comma-separated or as an object of URLs by pattern; the first whose pattern fits wins. [B1] */
export const handlerRules: z.ZodType<readonly HandlerRule[]> = z
  .preprocess(
    (raw) => {
      if (typeof raw === 'string') return raw.split(',').filter((entry) => entry.trim() !== '');
      if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return raw;
      return Object.entries(raw).map(([pattern, url]) => `${pattern}=${String(url)}`);
    },
    z.array(rule, LIST),
  )
  .describe('a comma-separated list of `pattern=url`');

const HEADERS = 'a comma-separated list of header names';

/** Names of HTTP headers, in lower case. */
export const headerNames: z.ZodType<readonly string[]> = z
  .preprocess(
    (raw) => (typeof raw === 'string' ? raw.split(',').map((entry) => entry.trim()) : raw),
    z.array(z.string(HEADERS).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/, HEADERS), HEADERS),
  )
  .transform((names) => [...new Set(names.map((name) => name.toLowerCase()))])
  .describe(HEADERS);

/** The backend of a URL as logs, metrics and health show it: without credentials, path and query. */
export function shownBackend(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** Whether requests to the URL cross a network in the clear. */
export const isPlain = (url: string): boolean => {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopbackHost(hostname);
};
