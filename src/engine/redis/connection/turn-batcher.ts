/** A change that waits for the end of the turn. */
interface Waiting<Change> {
  readonly change: Change;
  readonly resolve: (result: unknown) => void;
  readonly reject: (failure: unknown) => void;
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

  /**
   * @param run changes a batch and gives one result per change
   * @param weightOf roughly the bytes of a change, where that differs much
   */
  constructor(
    private readonly run: (changes: readonly Change[]) => Promise<readonly unknown[]>,
    private readonly weightOf: (change: Change) => number = () => 0,
  ) {}

  push(change: Change): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.waiting.length === 0) setImmediate(() => this.flush());
      this.waiting.push({ change, resolve, reject });
    });
  }

  /** Sends what waits for the end of the turn now, so that what is asked next sees it. */
  flush(): void {
    const { waiting } = this;
    this.waiting = [];
    let batch: Waiting<Change>[] = [];
    let weight = 0;
    for (const each of waiting) {
      batch.push(each);
      weight += this.weightOf(each.change);
      if (batch.length < BATCH_SIZE && weight < BATCH_WEIGHT) continue;
      this.send(batch);
      batch = [];
      weight = 0;
    }
    if (batch.length > 0) this.send(batch);
  }

  private send(batch: readonly Waiting<Change>[]): void {
    this.run(batch.map(({ change }) => change)).then(
      (results) => batch.forEach(({ resolve }, index) => resolve(results[index])),
      (failure: unknown) => batch.forEach(({ reject }) => reject(failure)),
    );
  }
}
