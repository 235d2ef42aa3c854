/** After how long a failed delivery is tried again, the last for every further attempt. [W6] */
const DELAYS_MS = [1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000];
/** By how much it differs each time, so that endpoints that came back are not asked by everyone at once. */
const SPREAD = 0.2;
const DAY_MS = 86_400_000;

/**
 * How long to wait before the next attempt.
 *
 * @param attempts how many have failed, at least 1
 * @param retryAfterMs what the receiver asked for
 * @param random from 0 to 1
 */
export function retryDelayMs(attempts: number, retryAfterMs: number | undefined, random: number): number {
  const delay = DELAYS_MS[Math.min(attempts, DELAYS_MS.length) - 1]!;
  const spread = Math.round(delay * (1 - SPREAD + 2 * SPREAD * random));
  return Math.max(spread, Math.min(retryAfterMs ?? 0, DAY_MS));
}

/** The milliseconds of a header `Retry-After`: seconds, or a date. `undefined` when it is neither. */
export function parseRetryAfter(value: unknown, now: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value.trim())) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
