import fc from 'fast-check';
import { ABUSE_BURSTS, createBucket, isAbusive, take } from './token-bucket.js';

const rate = fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.constantFrom(0.5, 3, 7, 30, 60, 144));
const burst = fc.integer({ min: 1, max: 200 });
/** Milliseconds from one event to the next: floods, steady senders and pauses. */
const gaps = fc.array(
  fc.oneof(
    fc.constant(0),
    fc.integer({ min: 0, max: 50 }),
    fc.double({ min: 0, max: 30, noNaN: true }),
    fc.integer({ min: 0, max: 20_000 }),
  ),
  { maxLength: 300 },
);
const start = fc.constantFrom(0, 1_700_000_000_000, 12.345);

describe('token bucket', () => {
  it('[Q1] lets a burst pass at once, then refuses and says how long to wait', () => {
    const bucket = createBucket();
    for (let event = 0; event < 100; event++) expect(take(bucket, 1_000, 50, 100)).toBe(0);
    expect(take(bucket, 1_000, 50, 100)).toBe(20);
    expect(take(bucket, 1_005, 50, 100)).toBe(15);
    expect(take(bucket, 1_020, 50, 100)).toBe(0);
    expect(take(bucket, 1_020, 50, 100)).toBe(20);
  });

  it('[Q1] is full again after burst ÷ rate seconds, and never fuller', () => {
    const bucket = createBucket();
    for (let event = 0; event < 10; event++) take(bucket, 0, 10, 10);
    for (let event = 0; event < 10; event++) expect(take(bucket, 1_000, 10, 10)).toBe(0);
    expect(take(bucket, 1_000, 10, 10)).toBeGreaterThan(0);
    for (let event = 0; event < 10; event++) expect(take(bucket, 3_600_000, 10, 10)).toBe(0);
    expect(take(bucket, 3_600_000, 10, 10)).toBeGreaterThan(0);
  });

  it('[Q1] lets no more than burst + rate × time pass in any window', () => {
    fc.assert(
      fc.property(rate, burst, gaps, start, (perSecond, size, steps, from) => {
        const bucket = createBucket();
        const passed: number[] = [];
        let now = from;
        for (const step of steps) {
          now += step;
          if (take(bucket, now, perSecond, size) === 0) passed.push(now);
        }
        for (let first = 0; first < passed.length; first++) {
          for (let last = first; last < passed.length; last++) {
            const allowance = size + (perSecond * (passed[last]! - passed[first]!)) / 1000;
            expect(last - first + 1).toBeLessThanOrEqual(allowance + 0.02);
          }
        }
      }),
    );
  });

  it('[Q1] lets everything pass that a plain bucket of tokens lets pass', () => {
    fc.assert(
      fc.property(rate, burst, gaps, (perSecond, size, steps) => {
        const bucket = createBucket();
        let now = 0;
        let tokens = size;
        for (const step of steps) {
          now += step;
          tokens = Math.min(size, tokens + (step * perSecond) / 1000);
          if (Math.abs(tokens - 1) < 0.02) return; // too close to call for sums of fractions
          const isTaken = take(bucket, now, perSecond, size) === 0;
          expect(isTaken).toBe(tokens >= 1);
          if (isTaken) tokens -= 1;
        }
      }),
    );
  });

  it('[Q1] lets the next event pass once the sender has waited as told', () => {
    fc.assert(
      fc.property(rate, burst, gaps, start, (perSecond, size, steps, from) => {
        const bucket = createBucket();
        let now = from;
        for (const step of steps) {
          now += step;
          const waitMs = take(bucket, now, perSecond, size);
          if (waitMs === 0) continue;
          expect(Number.isSafeInteger(waitMs)).toBe(true);
          now += waitMs;
          expect(take(bucket, now, perSecond, size)).toBe(0);
        }
      }),
    );
  });

  it('[Q1] takes a clock that jumps back: no lockout, and no more than the time that really passed', () => {
    const jumps = fc.array(fc.integer({ min: -100_000, max: 2_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(rate, burst, jumps, (perSecond, size, steps) => {
        const bucket = createBucket();
        let now = 1_700_000_000_000;
        let forwardMs = 0;
        let passed = 0;
        const longestWaitMs = Math.ceil(1000 / perSecond) + 1;
        for (const step of steps) {
          now += step;
          forwardMs += Math.max(0, step);
          const waitMs = take(bucket, now, perSecond, size);
          if (waitMs === 0) passed++;
          expect(waitMs).toBeLessThanOrEqual(longestWaitMs);
        }
        expect(passed).toBeLessThanOrEqual(size + (perSecond * forwardMs) / 1000 + 0.02);
      }),
    );
  });
});

describe('abuse', () => {
  /** Sends at a steady rate for some seconds; tells after how many events the sender was abusive. */
  const abusiveAfter = (perSecond: number, size: number, sentPerSecond: number, seconds: number) => {
    const bucket = createBucket();
    for (let event = 0; event < sentPerSecond * seconds; event++) {
      take(bucket, (event * 1000) / sentPerSecond, perSecond, size);
      if (isAbusive(bucket, size)) return event + 1;
    }
    return undefined;
  };

  it('[Q4] is a flood that goes on', () => {
    const events = abusiveAfter(50, 100, 1_000, 10);
    expect(events).toBeGreaterThan(ABUSE_BURSTS * 100);
    expect(events).toBeLessThan(2_000);
  });

  it('[Q4] is not to be somewhat over the rate, for however long', () => {
    expect(abusiveAfter(50, 100, 60, 3_600)).toBeUndefined();
    expect(abusiveAfter(50, 100, 95, 3_600)).toBeUndefined();
  });

  it('[Q4] is not one large burst, such as what a client buffered while it was offline', () => {
    const bucket = createBucket();
    for (let event = 0; event < 1_000; event++) take(bucket, 0, 50, 100);
    expect(isAbusive(bucket, 100)).toBe(false);
  });

  it('[Q4] is forgotten after a pause in which the bucket fills', () => {
    const bucket = createBucket();
    for (let round = 0; round < 20; round++) {
      for (let event = 0; event < 1_000; event++) take(bucket, round * 2_000, 50, 100);
      expect(isAbusive(bucket, 100)).toBe(false);
    }
    for (let event = 0; event < 1_200; event++) take(bucket, 40_000, 50, 100);
    expect(isAbusive(bucket, 100)).toBe(true);
    take(bucket, 42_000, 50, 100);
    expect(isAbusive(bucket, 100)).toBe(false);
  });

  it('[Q4] is never what a sender commits that keeps to its rate', () => {
    fc.assert(
      fc.property(rate, burst, fc.integer({ min: 1, max: 500 }), (perSecond, size, events) => {
        const bucket = createBucket();
        for (let event = 0; event < events; event++) {
          expect(take(bucket, (event * 1000) / perSecond, perSecond, size)).toBe(0);
        }
        expect(isAbusive(bucket, size)).toBe(false);
      }),
    );
  });
});
