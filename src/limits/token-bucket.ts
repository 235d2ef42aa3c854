/**
 * The rate limit of one socket's events. [Q1] [Q4]
 *
 * A token bucket in the form of the generic cell rate algorithm: instead of tokens and the time they were last
 * counted, it keeps the one moment at which the bucket will be full again. Nothing has to be refilled, no timer
 * runs, and a socket pays two numbers.
 * @see https://www.itu.int/rec/T-REC-I.371 annex A
 */

/** The state of one bucket. Plain data: the functions below do the work. */
export interface TokenBucket {
  /** When the bucket is full again, in the milliseconds of the caller's clock. In the past: it is full. */
  fullAt: number;
  /** Refused events, less those let through since; zero again once the bucket has been full. */
  excess: number;
}

/** A full bucket. */
export const createBucket = (): TokenBucket => ({ fullAt: -Infinity, excess: 0 });

/** A sender is abusive once its excess passes this many bursts. */
export const ABUSE_BURSTS = 10;

/** Sums of fractions of milliseconds are not exact; a sender that waited as told must not fail by a rounding. */
const ROUNDING_MS = 0.001;

/**
 * Takes one token.
 *
 * @param now milliseconds; a clock that jumps back costs the sender at most one empty bucket, never more
 * @param ratePerSecond more than 0
 * @param burst at least 1: how many events may come at once
 * @returns 0 when the event may pass, else the whole milliseconds after which the next one will
 */
export function take(bucket: TokenBucket, now: number, ratePerSecond: number, burst: number): number {
  const intervalMs = 1000 / ratePerSecond;
  const emptyMs = burst * intervalMs;
  let debtMs = bucket.fullAt - now;
  if (debtMs <= 0) {
    debtMs = 0;
    bucket.excess = 0;
  } else if (debtMs > emptyMs) {
    // More than an empty bucket is owed only when the clock went back: the rest of the debt is not real.
    debtMs = emptyMs;
    bucket.fullAt = now + emptyMs;
  }
  const waitMs = debtMs + intervalMs - emptyMs;
  if (waitMs <= ROUNDING_MS) {
    bucket.fullAt = now + debtMs + intervalMs;
    if (bucket.excess > 0) bucket.excess--;
    return 0;
  }
  bucket.excess++;
  return Math.ceil(waitMs);
}

/** What an answer may hold for one token, in the bytes of `valueBytes`: about 8 KiB of text. */
const BYTES_PER_TOKEN = 16_384;

/**
 * Takes what an answer costs beyond the token of its request: reads cost what they return. At most what is in the bucket,
 * so that the next answer comes no later than a full bucket takes. [Q8]
 */
export function charge(
  bucket: TokenBucket,
  now: number,
  bytes: number,
  ratePerSecond: number,
  burst: number,
): void {
  const intervalMs = 1000 / ratePerSecond;
  const debtMs = Math.max(bucket.fullAt - now, 0) + Math.floor(bytes / BYTES_PER_TOKEN) * intervalMs;
  bucket.fullAt = now + Math.min(debtMs, burst * intervalMs);
}

/**
 * Whether the sender stays so far over its rate that it should be ended. [Q4]
 *
 * Every event let through makes up for one refused, so a sender has to keep to more than twice its rate, for
 * more than {@link ABUSE_BURSTS} bursts of refused events, without ever letting the bucket fill. A client that is
 * somewhat too fast is told so for as long as it likes and stays.
 */
export const isAbusive = (bucket: TokenBucket, burst: number): boolean =>
  bucket.excess > ABUSE_BURSTS * burst;
