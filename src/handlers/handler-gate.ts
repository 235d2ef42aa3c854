import type { BulkheadPolicy, CircuitBreakerPolicy, CircuitState, IBreaker } from 'cockatiel';
import { SwitchboardError } from '../protocol/errors.js';
import type { HandlerReply } from './handler-reply.js';

/** Limits of the requests to one remote handler. [B5] */
export interface GateLimits {
  readonly inFlight: number;
  readonly waiting: number;
  /** How long a request may wait for its turn. */
  readonly maxWaitMs: number;
}

/** When a breaker opens, and when it tries again. [B5] */
export const BREAKER = {
  consecutiveFailures: 10,
  failedShare: 0.5,
  windowMs: 10_000,
  minRequests: 20,
  halfOpenAfterMs: 5_000,
} as const;

const QUEUE_FULL_RETRY_MS = 1_000;

const always = (): boolean => true;

const isDown = (reply: HandlerReply): boolean => reply.kind === 'failed' && !reply.isUp;

/** Opens at {@link BREAKER}'s failures in a row or in its window, whatever comes first. */
class EitherBreaker implements IBreaker {
  constructor(private readonly breakers: readonly IBreaker[]) {}

  get state(): unknown {
    return this.breakers.map(({ state }) => state);
  }

  set state(states: unknown) {
    if (Array.isArray(states)) this.breakers.forEach((breaker, index) => (breaker.state = states[index]));
  }

  success(state: CircuitState): void {
    for (const breaker of this.breakers) breaker.success(state);
  }

  failure(state: CircuitState): boolean {
    // Each is told of it, also when another one has decided.
    return this.breakers.map((breaker) => breaker.failure(state)).includes(true);
  }
}

/**
 * The gate in front of one remote handler: so many requests in flight, so many waiting, and none at all for a while
 * after the backend kept failing. [B5]
 */
export class HandlerGate {
  private openedAt: number | undefined;
  private inFlightNow = 0;

  private constructor(
    private readonly limits: GateLimits,
    private readonly bulkhead: BulkheadPolicy,
    private readonly breaker: CircuitBreakerPolicy,
    private readonly isBulkheadFull: (failure: unknown) => boolean,
    private readonly isBreakerOpen: (failure: unknown) => boolean,
  ) {
    breaker.onBreak(() => (this.openedAt = performance.now()));
    breaker.onReset(() => (this.openedAt = undefined));
  }

  /** The library is loaded with the first handler: a gateway without handlers does without it. */
  static async create(limits: GateLimits): Promise<HandlerGate> {
    const cockatiel = await import('cockatiel');
    const failed = cockatiel.handleWhenResult((reply) => isDown(reply as HandlerReply));
    const breaker = cockatiel.circuitBreaker(failed, {
      halfOpenAfter: BREAKER.halfOpenAfterMs,
      breaker: new EitherBreaker([
        new cockatiel.ConsecutiveBreaker(BREAKER.consecutiveFailures),
        new cockatiel.SamplingBreaker({
          threshold: BREAKER.failedShare,
          duration: BREAKER.windowMs,
          minimumRps: (BREAKER.minRequests * 1_000) / BREAKER.windowMs,
        }),
      ]),
    });
    return new HandlerGate(
      limits,
      cockatiel.bulkhead(limits.inFlight, limits.waiting),
      breaker,
      cockatiel.isBulkheadRejectedError,
      cockatiel.isBrokenCircuitError,
    );
  }

  /** Whether requests are refused because the backend kept failing. */
  get isOpen(): boolean {
    return this.openedAt !== undefined;
  }

  get inFlight(): number {
    return this.inFlightNow;
  }

  get waiting(): number {
    return this.limits.waiting - this.bulkhead.queueSlots;
  }

  /**
   * Sends a request when it is its turn.
   *
   * @throws SwitchboardError `handler.unavailable` when the breaker is open, the queue full or the wait too long
   */
  async pass(send: () => Promise<HandlerReply>, isWanted: () => boolean = always): Promise<HandlerReply> {
    // Before the queue: what waits behind a backend that is down would only fail later.
    if (this.openedAt !== undefined && this.retryAfterMs() > 0) throw this.unavailable(this.retryAfterMs());
    const since = performance.now();
    try {
      return await this.bulkhead.execute(() => {
        // Its client has gone while it waited: the backend has enough to do.
        if (!isWanted() || performance.now() - since > this.limits.maxWaitMs)
          throw this.unavailable(QUEUE_FULL_RETRY_MS);
        return this.counted(send);
      });
    } catch (failure) {
      if (this.isBulkheadFull(failure)) throw this.unavailable(QUEUE_FULL_RETRY_MS);
      if (this.isBreakerOpen(failure)) throw this.unavailable(Math.max(this.retryAfterMs(), 1));
      throw failure;
    }
  }

  private async counted(send: () => Promise<HandlerReply>): Promise<HandlerReply> {
    this.inFlightNow++;
    try {
      return await this.breaker.execute(send);
    } finally {
      this.inFlightNow--;
    }
  }

  /** Until the breaker lets a request through to try. */
  private retryAfterMs(): number {
    if (this.openedAt === undefined) return 0;
    return Math.max(0, Math.ceil(BREAKER.halfOpenAfterMs - (performance.now() - this.openedAt)));
  }

  private unavailable(retryAfterMs: number): SwitchboardError {
    return new SwitchboardError('handler.unavailable', { retryAfterMs });
  }
}
