import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { IDEMPOTENCY_WINDOW_MS, type IdempotencyStore, type IdempotentTurn } from '../idempotency.js';
import { unavailable } from './connection.js';
import { hashed } from './keys.js';
import { ABANDON, BEGIN, SETTLE } from './scripts/idempotency.js';
import type { RunScript } from './scripts/script.js';

/** The longest that carrying a request out can take: acknowledgements may be waited for 60 s. */
const MAX_WAIT_MS = 65_000;
const FIRST_POLL_MS = 20;
const MAX_POLL_MS = 500;

/**
 * Requests that must not take effect twice, on any node. [D7]
 *
 * Where the first is never finished because its node died, nobody knows whether it took effect: its key stays taken for
 * the window, and repetitions answer `engine.unavailable` rather than take effect a second time.
 */
export class RedisIdempotency implements IdempotencyStore {
  private readonly stopped = new AbortController();

  constructor(private readonly run: RunScript) {}

  stop(): void {
    this.stopped.abort();
  }

  async begin(key: string, fingerprint: string): Promise<IdempotentTurn> {
    const owner = randomUUID();
    const name = hashed(key);
    const givesUpAt = Date.now() + MAX_WAIT_MS;
    let pollMs = FIRST_POLL_MS;
    for (;;) {
      const [state, response] = (await this.run(BEGIN, name, fingerprint, owner, IDEMPOTENCY_WINDOW_MS)) as [
        'first' | 'waiting' | 'conflict' | 'repeated',
        string?,
      ];
      if (state === 'first') return this.firstTurn(name, fingerprint, owner);
      if (state === 'conflict') return { state };
      if (state === 'repeated') return { state, response: response! };
      if (Date.now() > givesUpAt) throw unavailable();
      await delay(pollMs, undefined, { signal: this.stopped.signal }).catch((cause: unknown) => {
        throw unavailable(cause);
      });
      pollMs = Math.min(2 * pollMs, MAX_POLL_MS);
    }
  }

  /** A turn counts once: whoever settles and then abandons, out of habit, has settled. */
  private firstTurn(name: string, fingerprint: string, owner: string): IdempotentTurn {
    let isOver = false;
    return {
      state: 'first',
      settle: async (response) => {
        if (isOver) return;
        isOver = true;
        await this.run(SETTLE, name, fingerprint, owner, IDEMPOTENCY_WINDOW_MS, response);
      },
      abandon: async () => {
        if (isOver) return;
        isOver = true;
        await this.run(ABANDON, name, owner);
      },
    };
  }
}
