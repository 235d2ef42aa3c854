import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { IDEMPOTENCY_WINDOW_MS, type IdempotencyStore, type IdempotentTurn } from '../../idempotency.js';
import { unavailable } from '../connection/client.js';
import { hashed } from '../keys.js';
import { ABANDON, BEGIN, SETTLE } from '../lua/scripts.js';
import type { NodeContext } from '../node/node-context.js';

/** The longest that carrying a request out can take: acknowledgements may be waited for 60 s. */
const MAX_WAIT_MS = 65_000;
const FIRST_POLL_MS = 20;
const MAX_POLL_MS = 500;

type BeginReply = readonly [state: 'first' | 'waiting' | 'conflict' | 'repeated', response?: string];

/**
 * Requests that must not take effect twice, on any node. [D7]
 *
 * Where the first is never finished because its node died, nobody knows whether it took effect: its key stays taken for
 * the window, and repetitions answer `engine.unavailable` rather than take effect a second time.
 */
export class RedisIdempotency implements IdempotencyStore {
  private readonly stopped = new AbortController();

  constructor(private readonly context: Pick<NodeContext, 'run' | 'isAvailable'>) {}

  stop(): void {
    this.stopped.abort();
  }

  async begin(
    key: string,
    fingerprint: string,
    keepMs: number = IDEMPOTENCY_WINDOW_MS,
  ): Promise<IdempotentTurn> {
    const owner = randomUUID();
    const name = hashed(key);
    const givesUpAt = performance.now() + MAX_WAIT_MS;
    let pollMs = FIRST_POLL_MS;
    for (;;) {
      const [state, response] = await this.ask(name, fingerprint, owner, keepMs);
      if (state === 'first') return this.firstTurn(name, fingerprint, owner, keepMs);
      if (state === 'conflict') return { state };
      if (state === 'repeated') return { state, response: response! };
      if (performance.now() > givesUpAt) throw unavailable();
      await delay(pollMs, undefined, { signal: this.stopped.signal }).catch((cause: unknown) => {
        throw unavailable(cause);
      });
      pollMs = Math.min(2 * pollMs, MAX_POLL_MS);
    }
  }

  private async ask(name: string, fingerprint: string, owner: string, keepMs: number): Promise<BeginReply> {
    if (!this.context.isAvailable()) throw unavailable();
    try {
      return (await this.context.run(BEGIN, name, fingerprint, owner, keepMs)) as BeginReply;
    } catch (failure) {
      void this.giveBack(name, owner);
      throw failure;
    }
  }

  /** Redis may have given the turn all the same, and nobody would ever finish it. */
  private async giveBack(name: string, owner: string): Promise<void> {
    const givesUpAt = performance.now() + IDEMPOTENCY_WINDOW_MS;
    let isGivenBack = false;
    while (!isGivenBack && !this.stopped.signal.aborted && performance.now() < givesUpAt) {
      isGivenBack = await this.context.run(ABANDON, name, owner).then(
        () => true,
        () => false,
      );
      if (!isGivenBack)
        await delay(MAX_POLL_MS, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  /** A turn counts once: whoever settles and then abandons, out of habit, has settled. */
  private firstTurn(name: string, fingerprint: string, owner: string, keepMs: number): IdempotentTurn {
    let isOver = false;
    return {
      state: 'first',
      settle: async (response) => {
        if (isOver) return;
        isOver = true;
        await this.context.run(SETTLE, name, fingerprint, owner, keepMs, response);
      },
      abandon: async () => {
        if (isOver) return;
        isOver = true;
        await this.context.run(ABANDON, name, owner);
      },
    };
  }
}
