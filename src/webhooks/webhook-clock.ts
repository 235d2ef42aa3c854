/** The sender's time: of its retries and of what is too old. A test turns it on by itself. */
export interface WebhookClock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs something later. @returns takes that back */
  after(ms: number, run: () => void): () => void;
}

/** Injection token of the clock; the machine's own when not given. */
export const WEBHOOK_CLOCK = Symbol('WEBHOOK_CLOCK');

/** The longest that a timer of Node takes. */
const MAX_TIMER_MS = 2_147_483_647;

export const machineClock: WebhookClock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, MAX_TIMER_MS)).unref();
    return () => clearTimeout(timer);
  },
};
