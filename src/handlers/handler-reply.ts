/** What a remote handler answered, read from whatever it sent. [B3] [B4] */
import { z } from 'zod';
import type { OutboundResult } from '../outbound/outbound-client.js';
import { AppError, SwitchboardError } from '../protocol/errors.js';
import { assertExactNumbers } from '../protocol/exact-numbers.js';
import { isTooDeep } from '../protocol/json.js';

/** What came of asking a remote handler; `failed` counts against its breaker unless the backend is up, the others do not. */
export type HandlerReply =
  | { readonly kind: 'answered'; readonly body: unknown }
  | { readonly kind: 'refused'; readonly error: SwitchboardError }
  | { readonly kind: 'disconnect'; readonly message: string; readonly retryable: boolean }
  | {
      readonly kind: 'failed';
      readonly code: 'handler.failed' | 'handler.timeout';
      /** For the log: what was wrong, and nothing of what was sent or answered. */
      readonly why: string;
      /**
       * The backend is there and does not take this request: its breaker stays as it is, or one client could shut the
       * others out with events that nobody knows. [B5]
       */
      readonly isUp: boolean;
    };

/** Longest body of an answer. [B4] */
export const MAX_ANSWER_BYTES = 65_536;

const MAX_MESSAGE_LENGTH = 1_024;
const DEFAULT_RATE_RETRY_MS = 1_000;

const refusal = z.object({
  error: z.object({
    code: z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/),
    message: z.string().max(MAX_MESSAGE_LENGTH),
    retryable: z.boolean().optional(),
  }),
});

const disconnect = z.object({
  disconnect: z.object({
    message: z.string().max(MAX_MESSAGE_LENGTH).optional(),
    retryable: z.boolean().optional(),
  }),
});

export const failedReply = (
  why: string,
  code: 'handler.failed' | 'handler.timeout' = 'handler.failed',
): HandlerReply => ({ kind: 'failed', code, why, isUp: false });

/** The backend is there, and this request is not for it. */
export const notTaken = (why: string): HandlerReply => ({
  kind: 'failed',
  code: 'handler.failed',
  why,
  isUp: true,
});

/** Reads an answer over HTTP. Texts of a backend that failed are for nobody: they may hold secrets. */
export function readHttpAnswer(result: OutboundResult): HandlerReply {
  if (result.kind === 'failed') {
    return result.failure === 'timeout'
      ? failedReply('no whole answer in time', 'handler.timeout')
      : failedReply(`${result.failure}: ${result.reason}`);
  }
  const { status, headers, body } = result;
  if (status === 204) return { kind: 'answered', body: {} };
  if (status === 429) {
    return {
      kind: 'refused',
      error: new SwitchboardError('limit.rate', { retryAfterMs: retryAfterOf(headers) }),
    };
  }
  if (status === 401 || status === 403) {
    return refusalOf(parseJson(body)) ?? { kind: 'refused', error: new SwitchboardError('access.denied') };
  }
  if (status >= 400 && status < 500) return refusalOf(parseJson(body)) ?? notTaken(`status ${status}`);
  if (status !== 200) return failedReply(`status ${status}`);
  const value = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return failedReply('the answer is no JSON object');
  }
  const inexact = inexactNumberIn(body);
  return inexact === undefined ? readAnswer(value) : failedReply(inexact);
}

/** Reads an answer that is a value already. */
export function readAnswer(value: object): HandlerReply {
  const ended = disconnect.safeParse(value);
  if (ended.success) {
    const { message = 'disconnected by a backend', retryable = false } = ended.data.disconnect;
    return { kind: 'disconnect', message, retryable };
  }
  const refused = refusalOf(value);
  if (refused) return refused;
  // A refusal that cannot be read is no success.
  const unread = ['error', 'disconnect'].find((name) => isGiven((value as Fields)[name]));
  return unread === undefined
    ? { kind: 'answered', body: value }
    : failedReply(`\`${unread}\` does not have the expected shape`);
}

type Fields = Readonly<Record<string, unknown>>;

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** The refusal in a body, where it is one: its code goes under `app.`. */
export function refusalOf(value: unknown): HandlerReply | undefined {
  const ended = disconnect.safeParse(value);
  if (ended.success) return readAnswer(value as object);
  const parsed = refusal.safeParse(value);
  if (!parsed.success) return undefined;
  const { code, message, retryable } = parsed.data.error;
  return { kind: 'refused', error: new AppError(withoutPrefix(code), message, retryable ?? false) };
}

/** A backend that writes `app.sold_out` means the code that clients see. */
const withoutPrefix = (code: string): string => (/^app\../.test(code) ? code.slice(4) : code);

function parseJson(body: Buffer): unknown {
  try {
    const value: unknown = JSON.parse(body.toString());
    return isTooDeep(value) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** What is wrong with a number that a JavaScript number cannot hold: it is not changed without a word. [D11] */
function inexactNumberIn(body: Buffer): string | undefined {
  try {
    assertExactNumbers(body.toString());
    return undefined;
  } catch (failure) {
    const [issue] = (failure as SwitchboardError).errors ?? [];
    return `${issue?.path ?? ''}: ${issue?.message ?? 'a number that JavaScript cannot hold'}`;
  }
}

/** Milliseconds of a `Retry-After` in seconds or as a date; a second where it says nothing that can be used. */
function retryAfterOf(headers: Readonly<Record<string, unknown>>): number {
  const raw = headers['retry-after'];
  if (typeof raw !== 'string') return DEFAULT_RATE_RETRY_MS;
  const ms = /^\d{1,6}$/.test(raw.trim()) ? Number(raw) * 1_000 : Date.parse(raw) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), 3_600_000) : DEFAULT_RATE_RETRY_MS;
}
