import { parseRetryAfter, retryDelayMs } from './retry-schedule.js';

const DAY_MS = 86_400_000;
const DELAYS_MS = [1_000, 5_000, 30_000, 120_000, 600_000, 3_600_000, 3_600_000, 3_600_000];

describe('when a failed delivery is tried again', () => {
  it('[W6] after 1 s, 5 s, 30 s, 2 min, 10 min, and then every hour', () => {
    expect(DELAYS_MS.map((_, failed) => retryDelayMs(failed + 1, undefined, 0.5))).toEqual(DELAYS_MS);
  });

  it('[W6] a fifth sooner or later, by chance', () => {
    expect(DELAYS_MS.map((_, failed) => retryDelayMs(failed + 1, undefined, 0))).toEqual(
      DELAYS_MS.map((delay) => delay * 0.8),
    );
    expect(DELAYS_MS.map((_, failed) => retryDelayMs(failed + 1, undefined, 1))).toEqual(
      DELAYS_MS.map((delay) => delay * 1.2),
    );
  });

  it('[W6] never before a Retry-After is over, which may be a day, and not at once for a Retry-After of 0', () => {
    expect(retryDelayMs(1, 60_000, 0)).toBe(60_000);
    expect(retryDelayMs(1, 10 * DAY_MS, 0)).toBe(DAY_MS);
    expect(retryDelayMs(3, 0, 0.5)).toBe(30_000);
  });

  it('[W6] a Retry-After is seconds or a date', () => {
    const now = Date.parse('2026-01-31T12:00:00Z');
    expect(parseRetryAfter('120', now)).toBe(120_000);
    expect(parseRetryAfter('Sat, 31 Jan 2026 12:00:30 GMT', now)).toBe(30_000);
    expect(parseRetryAfter('Sat, 31 Jan 2026 11:00:00 GMT', now)).toBe(0);
    for (const nothing of [undefined, '', 'soon', ['1']]) {
      expect(parseRetryAfter(nothing, now)).toBeUndefined();
    }
  });
});
