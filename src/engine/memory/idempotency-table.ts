import { IDEMPOTENCY_WINDOW_MS, type IdempotencyStore, type IdempotentTurn } from '../idempotency.js';
import type { Deadline, Deadlines } from '../../timers/deadlines.js';

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
  readonly owner: string;
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
 * The window of a response begins when it was given. Bounded: the oldest responses go first, of the owners that hold more
 * than their part, so that none pushes out those of the others.
 */
export class IdempotencyTable implements IdempotencyStore {
  private readonly open = new Map<string, OpenRequest>();
  /** In the order in which they were settled. */
  private readonly settled = new Map<string, SettledRequest>();
  private heldBytes = 0;
  private readonly bytesOf = new Map<string, number>();
  private deadline: Deadline | undefined;

  constructor(
    private readonly deadlines: Deadlines,
    private readonly limits: IdempotencyLimits = DEFAULT_LIMITS,
    /** The user whose request a key is. */
    private readonly ownerOf: (key: string) => string = () => '',
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
    const owner = this.ownerOf(key);
    this.settled.set(key, { fingerprint, response, endsAt, bytes, owner });
    this.heldBytes += bytes;
    this.bytesOf.set(owner, (this.bytesOf.get(owner) ?? 0) + bytes);
    this.keepBounds();
    this.watch(endsAt);
    for (const resolve of waiting) resolve({ state: 'repeated', response });
  }

  private abandon(key: string, request: OpenRequest): void {
    const next = request.waiting.shift();
    if (next === undefined) this.open.delete(key);
    else next(this.firstTurn(key, request));
  }

  private forget(key: string, { bytes, owner }: SettledRequest): void {
    this.settled.delete(key);
    this.heldBytes -= bytes;
    const left = this.bytesOf.get(owner)! - bytes;
    if (left > 0) this.bytesOf.set(owner, left);
    else this.bytesOf.delete(owner);
  }

  private keepBounds(): void {
    const { keys, bytes } = this.limits;
    if (this.settled.size <= keys && this.heldBytes <= bytes) return;
    // Some more than needed: a map whose oldest entries are taken out one by one has to step over their empty places.
    const most = { keys: keys * (1 - DROPPED_PART), bytes: bytes * (1 - DROPPED_PART) };
    const part = Math.min(most.keys / this.settled.size, most.bytes / this.heldBytes);
    const share = (this.heldBytes * part) / this.bytesOf.size;
    this.dropOldest(most, ({ owner }) => this.bytesOf.get(owner)! > share);
    // Shares are bytes: where the keys are too many still, entries differ much in size.
    this.dropOldest(most, () => true);
  }

  private dropOldest(most: IdempotencyLimits, mayGo: (settled: SettledRequest) => boolean): void {
    for (const [key, settled] of this.settled) {
      if (this.settled.size <= most.keys && this.heldBytes <= most.bytes) return;
      if (mayGo(settled)) this.forget(key, settled);
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
