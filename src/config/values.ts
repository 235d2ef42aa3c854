/**
 * The kinds of configuration values: how each is written in the environment and what it is parsed to. [C1]
 *
 * Every schema takes the text of an environment variable and the parsed value alike, so that in-process options
 * go through the same checks. Its description, and every message it gives, is a noun phrase that completes
 * "expected …" and never holds any part of the value: the value may be a secret.
 */
import { isIP } from 'node:net';
import { z } from 'zod';
import { splitList } from './comma-list.js';
import { EVENT_PATTERN } from '../protocol/event-patterns.js';

const MS_PER_UNIT = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Durations end here because a Node.js timer that is set for longer than 2^31 - 1 ms fires at once. */
export const MAX_DURATION_MS = 24 * MS_PER_UNIT.d;

/** A whole number in decimal digits. */
export function wholeNumber(min: number, max: number): z.ZodType<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .preprocess(
      (raw) => (typeof raw === 'string' && /^\d{1,15}$/.test(raw) ? Number(raw) : raw),
      z.number(expected).int(expected).min(min, expected).max(max, expected),
    )
    .describe(expected);
}

/** `true` or `false`, in lower case; anything else would have to be guessed. */
export const trueOrFalse: z.ZodType<boolean> = z
  .preprocess(
    (raw) => (raw === 'true' ? true : raw === 'false' ? false : raw),
    z.boolean('`true` or `false`'),
  )
  .describe('`true` or `false`');

/** One of several words. */
export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  const expected = `one of ${words.join(', ')}`;
  return z.enum(words, expected).describe(expected);
}

/** Text that is passed on as it is. */
export const text: z.ZodType<string> = z
  .string('text of 1 to 1024 characters')
  .min(1, 'text of 1 to 1024 characters')
  .max(1024, 'text of 1 to 1024 characters')
  .describe('text');

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;
const HOST = 'a host name or an IP address (without brackets)';

/** What a server can listen on. */
export const host: z.ZodType<string> = z
  .string(HOST)
  .refine((value) => isIP(value) !== 0 || HOST_NAME.test(value), HOST)
  .describe(HOST);

const PATH_PREFIX = /^(?:\/[\w.~-]*[\w~-][\w.~-]*)+$/;
const PREFIX = 'a path such as /live/chat, of letters, digits and _ - . ~, without a slash at its end';

/** A path prefix: it stands in front of every path of the service. */
export const pathPrefix: z.ZodType<string> = z
  .string(PREFIX)
  .max(256, PREFIX)
  .regex(PATH_PREFIX, PREFIX)
  .describe(PREFIX);

/** A comma-separated list of words out of a fixed set, at least one; doubles are dropped. */
export function someOf<const Word extends string>(words: readonly Word[]): z.ZodType<readonly Word[]> {
  const expected = `a comma-separated list, at least one of ${words.join(', ')}`;
  return z
    .preprocess(splitList, z.array(z.enum(words, `one of ${words.join(', ')}`), expected).min(1, expected))
    .transform((list) => [...new Set(list)])
    .describe(expected);
}

/** Pages that can be turned off. */
export const PAGES = ['playground', 'docs', 'openapi', 'console'] as const;

/** A page that can be turned off. */
export type PageName = (typeof PAGES)[number];

/** A comma-separated list of words out of a fixed set, or `none`; doubles are dropped. */
export function someOrNone<const Word extends string>(words: readonly Word[]): z.ZodType<readonly Word[]> {
  const expected = `a comma-separated list out of ${words.join(', ')}, or none`;
  return z
    .preprocess(
      (raw) => (raw === 'none' ? [] : splitList(raw)),
      z.array(z.enum(words, `one of ${words.join(', ')}`), expected),
    )
    .transform((list) => [...new Set(list)])
    .describe(expected);
}

const ORIGIN =
  'an origin as browsers send it: scheme://host or scheme://host:port, nothing after it, file://, or null';
const ORIGIN_SHAPE = /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\]+$/;

/**
 * The origin that an operator has written, in the form that browsers send; nothing when it is none.
 *
 * More than `normalizeOrigin` of `http/origins.ts` takes from a request, where nothing may stand that one parser skips and
 * another does not; and no pattern, which that one would compare as it is.
 */
function originOf(entry: string): string | undefined {
  const origin = entry.toLowerCase();
  if (origin === 'null') return origin;
  // The one origin without a host: pages of the file system, as some app shells send it.
  if (origin === 'file://') return origin;
  if (!ORIGIN_SHAPE.test(origin) || !URL.canParse(origin)) return undefined;
  const url = new URL(origin);
  if (url.hostname === '' || url.hostname.includes('*')) return undefined;
  // Only the schemes of the web have an origin here; app shells (capacitor://localhost) are taken as they are.
  return url.origin === 'null' ? origin : url.origin;
}

const originEntry = z.string(ORIGIN).transform((entry, context): string => {
  const origin = originOf(entry);
  if (origin !== undefined) return origin;
  const message = entry.includes('*')
    ? 'an origin by name; `*` would let every page on the web connect'
    : ORIGIN;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** Comma-separated browser origins, lower-cased and without default ports. */
export const origins: z.ZodType<readonly string[]> = z
  .preprocess(splitList, z.array(originEntry, `a comma-separated list of origins`))
  .describe(
    'a comma-separated list of origins (`scheme://host` or `scheme://host:port`), `file://` and `null`',
  );

const EVENT_PATTERN_TEXT = 'an event name of 1 to 128 characters, or the start of one followed by *';

/** Comma-separated patterns of event names. [D9] */
export const eventPatterns: z.ZodType<readonly string[]> = z
  .preprocess(
    splitList,
    z.array(
      z.string(EVENT_PATTERN_TEXT).regex(EVENT_PATTERN, EVENT_PATTERN_TEXT),
      'a comma-separated list of event names',
    ),
  )
  .describe('a comma-separated list of event names, each of which may end in `*`');

/** Which rooms keep how many publications for how long. [H1] */
export interface HistoryRule {
  /** A room name, or the start of one followed by `*`. */
  readonly pattern: string;
  /** Publications kept per room, 1 to 10,000. */
  readonly size: number;
  /** How long a publication is kept, in milliseconds. */
  readonly ttlMs: number;
}

const HISTORY_RULE =
  'pattern=size/ttl such as chat:*=100/1h, with * only at the end of the pattern, size 1 to 10000, ' +
  'ttl a whole number of ms, s, m, h or d up to 24d';

/** Milliseconds of a text like `90s`, or `undefined` when it is none. */
export function parseDuration(raw: string): number | undefined {
  const parts = /^(\d{1,10})(ms|s|m|h|d)$/.exec(raw);
  return parts === null ? undefined : Number(parts[1]) * MS_PER_UNIT[parts[2] as keyof typeof MS_PER_UNIT];
}

/** Room names may hold `=` and `/` themselves, so the last `=` parts pattern and limits. */
function parseHistoryRule(raw: unknown): unknown {
  if (typeof raw !== 'string') return raw;
  const parts = /^(.+)=(\d{1,5})\/(\w+)$/.exec(raw);
  if (parts === null) return undefined;
  return { pattern: parts[1], size: Number(parts[2]), ttlMs: parseDuration(parts[3]!) };
}

const historyRule = z.preprocess(
  parseHistoryRule,
  z.strictObject(
    {
      pattern: z.string(HISTORY_RULE).regex(/^(?=.{1,128}$)[A-Za-z0-9_\-.:@/=+#]*\*?$/, HISTORY_RULE),
      size: z.number(HISTORY_RULE).int(HISTORY_RULE).min(1, HISTORY_RULE).max(10_000, HISTORY_RULE),
      ttlMs: z.number(HISTORY_RULE).int(HISTORY_RULE).min(1, HISTORY_RULE).max(MAX_DURATION_MS, HISTORY_RULE),
    },
    HISTORY_RULE,
  ),
);

/** Comma-separated history rules; the first that matches a room wins. [H1] */
export const historyRules: z.ZodType<readonly HistoryRule[]> = z
  .preprocess(splitList, z.array(historyRule, 'a comma-separated list of pattern=size/ttl'))
  .describe('a comma-separated list of `pattern=size/ttl`');
