import { IDEMPOTENCY_WINDOW_MS, type IdempotencyStore, type IdempotentTurn } from '../idempotency.js';
import type { Deadline, Deadlines } from './deadlines.js';

/** A request that is being carried out, and the repetitions that wait for it. */
interface OpenRequest {
  readonly fingerprint: string;
  readonly keepMs: number;
  readonly waiting: ((turn: IdempotentTurn) => void)[];
}

interface SettledRequest {
  readonly fingerprint: string;
  readonly response: string;
  readonly endsAt: number;
  readonly bytes: number;
}

export interface IdempotencyLimits {
  readonly keys: number;
  readonly bytes: number;
}

const DEFAULT_LIMITS: IdempotencyLimits = { keys: 100_000, bytes: 67_108_864 };

/** What a response takes beside its text. */
const ENTRY_BYTES = 256;

/** When there are too many responses, this part of them goes at once. */
const DROPPED_PART = 0.01;

/**
 * Responses of requests that must not take effect twice, in this process. [D7]
 *
 * The window of a response begins when it was given. Bounded: the oldest responses go first.
 */
export class IdempotencyTable implements IdempotencyStore {
  private readonly open = new Map<string, OpenRequest>();
  /** In the order in which they were settled. */
  private readonly settled = new Map<string, SettledRequest>();
  private heldBytes = 0;
  private deadline: Deadline | undefined;

  constructor(
    private readonly deadlines: Deadlines,
    private readonly limits: IdempotencyLimits = DEFAULT_LIMITS,
  ) {}

  get size(): number {
    return this.open.size + this.settled.size;
  }

  get bytes(): number {
    return this.heldBytes;
  }

  async begin(
    key: string,
    fingerprint: string,
    keepMs: number = IDEMPOTENCY_WINDOW_MS,
  ): Promise<IdempotentTurn> {
    const settled = this.settled.get(key);
    if (settled !== undefined && settled.endsAt > this.deadlines.now()) {
      if (settled.fingerprint !== fingerprint) return { state: 'conflict' };
      return { state: 'repeated', response: settled.response };
    }
    if (settled !== undefined) this.forget(key, settled);
    const open = this.open.get(key);
    if (open === undefined) {
      const request: OpenRequest = { fingerprint, keepMs, waiting: [] };
      this.open.set(key, request);
      return this.firstTurn(key, request);
    }
    if (open.fingerprint !== fingerprint) return { state: 'conflict' };
    return new Promise((resolve) => open.waiting.push(resolve));
  }

  /** A turn counts once: whoever settles and then abandons, out of habit, has settled. */
  private firstTurn(key: string, request: OpenRequest): IdempotentTurn {
    let isOver = false;
    const once = (finish: () => void) => {
      if (isOver) return;
      isOver = true;
      finish();
    };
    return {
      state: 'first',
      settle: async (response) => once(() => this.settle(key, request, response)),
      abandon: async () => once(() => this.abandon(key, request)),
    };
  }

  private settle(key: string, { fingerprint, keepMs, waiting }: OpenRequest, response: string): void {
    this.open.delete(key);
    const bytes = ENTRY_BYTES + 2 * (key.length + fingerprint.length + response.length);
    const endsAt = this.deadlines.now() + keepMs;
    this.settled.set(key, { fingerprint, response, endsAt, bytes });
    this.heldBytes += bytes;
    this.keepBounds();
    this.watch(endsAt);
    for (const resolve of waiting) resolve({ state: 'repeated', response });
  }

  private abandon(key: string, request: OpenRequest): void {
    const next = request.waiting.shift();
    if (next === undefined) this.open.delete(key);
    else next(this.firstTurn(key, request));
  }

  private forget(key: string, { bytes }: SettledRequest): void {
    this.settled.delete(key);
    this.heldBytes -= bytes;
  }

  private keepBounds(): void {
    const { keys, bytes } = this.limits;
    if (this.settled.size <= keys && this.heldBytes <= bytes) return;
    // Some more than needed: a map whose oldest entries are taken out one by one has to step over their empty places.
    for (const [key, settled] of this.settled) {
      this.forget(key, settled);
      if (this.settled.size <= keys * (1 - DROPPED_PART) && this.heldBytes <= bytes * (1 - DROPPED_PART))
        break;
    }
  }

  private watch(atMs: number): void {
    this.deadline ??= this.deadlines.at(atMs, () => {
      this.deadline = undefined;
      const now = this.deadlines.now();
      for (const [key, settled] of this.settled) {
        if (settled.endsAt > now) return this.watch(settled.endsAt);
        this.forget(key, settled);
      }
    });
  }
}
