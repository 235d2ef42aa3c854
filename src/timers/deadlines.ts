/** How exact deadlines are kept. */
const TICK_MS = 250;

/** Something that is due at a time. */
export interface Deadline {
  readonly tick: number;
  readonly run: () => void;
}

/**
 * Much that ends by itself, on one timer that runs only while something waits and keeps no process alive: a timer for each
 * would cost more memory than the rest of it.
 *
 * Whoever sets a deadline cancels it when it no longer holds: until then it keeps alive what it refers to. Deadlines of
 * one tick share a bucket, so that setting and cancelling one costs the same however many there are.
 */
export class Deadlines {
  private readonly buckets = new Map<number, Set<Deadline>>();
  private nextTick: number;
  private timer: NodeJS.Timeout | undefined;

  /** @param clock milliseconds, never going back */
  constructor(private readonly clock: () => number) {
    this.nextTick = Math.floor(clock() / TICK_MS);
  }

  now(): number {
    return this.clock();
  }

  /** Runs `run` at `atMs` or up to a tick later; never earlier. */
  at(atMs: number, run: () => void): Deadline {
    const tick = Math.max(Math.ceil(atMs / TICK_MS), this.nextTick);
    const deadline = { tick, run };
    const bucket = this.buckets.get(tick);
    if (bucket) bucket.add(deadline);
    else this.buckets.set(tick, new Set([deadline]));
    if (this.timer === undefined) {
      this.timer = setInterval(() => this.runDue(), TICK_MS);
      this.timer.unref();
    }
    return deadline;
  }

  cancel(deadline: Deadline | undefined): void {
    if (deadline === undefined) return;
    const bucket = this.buckets.get(deadline.tick);
    if (bucket?.delete(deadline) && bucket.size === 0) this.buckets.delete(deadline.tick);
  }

  runDue(): void {
    const last = Math.floor(this.clock() / TICK_MS);
    const first = this.nextTick;
    // First, so that a deadline set while these run falls into a later tick and not into one that has passed.
    this.nextTick = Math.max(first, last + 1);
    // After a long pause, walking tick by tick would take longer than looking at what there is.
    if (last - first > this.buckets.size) {
      const due = [...this.buckets.keys()].filter((tick) => tick <= last).sort((one, other) => one - other);
      for (const tick of due) this.runBucket(tick);
    } else {
      for (let tick = first; tick <= last; tick++) this.runBucket(tick);
    }
    if (this.buckets.size === 0) this.stop();
  }

  /** Stops the timer; what waits stays. */
  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private runBucket(tick: number): void {
    const due = this.buckets.get(tick);
    if (due === undefined) return;
    this.buckets.delete(tick);
    // What one of them cancels is no longer in the set when its turn would come.
    for (const deadline of due) {
      due.delete(deadline);
      deadline.run();
    }
  }
}
