/** A change that waits for the end of the turn. */
interface Waiting<Change> {
  readonly change: Change;
  readonly resolve: (result: unknown) => void;
  readonly reject: (failure: unknown) => void;
}

/** One result for each change; where it is a text, that is the result of the only one. */
export type BatchResults = readonly unknown[] | string;

export const resultOf = (results: BatchResults, index: number): unknown =>
  typeof results === 'string' ? results : results[index];

export interface BatchOptions<Change> {
  /** Roughly the bytes of a change, where that differs much. */
  readonly weightOf?: (change: Change) => number;
  /** A change that comes while nothing is under way waits only for the code that runs, not for the end of the turn. */
  readonly isHurried?: boolean;
}

/** What is sent to Redis at once; more would keep everyone else waiting there. */
const BATCH_SIZE = 200;
const BATCH_WEIGHT = 1_000_000;

/**
 * Collects what is to be changed during one turn of the event loop, and has it changed in one go, in order.
 *
 * It holds nothing beyond the turn: what cannot be changed now fails.
 */
export class TurnBatcher<Change> {
  private waiting: Waiting<Change>[] = [];
  /** Batches that were sent and not answered. */
  private underWay = 0;

  /** @param run changes a batch and gives their results */
  constructor(
    private readonly run: (changes: readonly Change[]) => Promise<BatchResults>,
    private readonly options: BatchOptions<Change> = {},
  ) {}

  push(change: Change): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) this.schedule();
      this.waiting.push({ change, resolve, reject });
    });
  }

  /** Sends what waits for the end of the turn now, so that what is asked next sees it. */
  flush(): void {
    const { waiting } = this;
    if (waiting.length === 0) return;
    const { weightOf } = this.options;
    this.waiting = [];
    let batch: Waiting<Change>[] = [];
    let weight = 0;
    for (const each of waiting) {
      batch.push(each);
      weight += weightOf?.(each.change) ?? 0;
      if (batch.length < BATCH_SIZE && weight < BATCH_WEIGHT) continue;
      this.send(batch);
      batch = [];
      weight = 0;
    }
    if (batch.length > 0) this.send(batch);
  }

  private schedule(): void {
    if (this.options.isHurried && this.underWay === 0) process.nextTick(() => this.flush());
    else setImmediate(() => this.flush());
  }

  private begun(changes: readonly Change[]): Promise<BatchResults> {
    try {
      return this.run(changes);
    } catch (failure) {
      return Promise.reject(failure);
    }
  }

  private send(batch: readonly Waiting<Change>[]): void {
    this.underWay++;
    this.begun(batch.map(({ change }) => change)).then(
      (results) => {
        this.underWay--;
        batch.forEach(({ resolve }, index) => resolve(resultOf(results, index)));
      },
      (failure: unknown) => {
        this.underWay--;
        batch.forEach(({ reject }) => reject(failure));
      },
    );
  }
}
