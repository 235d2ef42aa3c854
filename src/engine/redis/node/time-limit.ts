/** Something that has to be over in time, or else. */
interface Pending {
  readonly until: number;
  readonly expired: () => void;
}

/** A timer that is later than this was kept from going off. */
const LATE_MS = 500;

/**
 * Watches over much that has the same time to be over, with one timer: one each would cost every request to Redis.
 *
 * What has the same time ends in the order in which it began, so that only the oldest needs to be looked at.
 */
export class TimeLimit {
  private readonly pending = new Set<Pending>();
  private timer: NodeJS.Timeout | undefined;
  /** When the timer is to go off. */
  private dueAt = 0;

  constructor(private readonly withinMs: number) {}

  /**
   * @param expired called once when it was not over in time
   * @returns tells that it is over
   */
  add(expired: () => void): () => void {
    const added: Pending = { until: performance.now() + this.withinMs, expired };
    this.pending.add(added);
    this.schedule(this.withinMs);
    return () => void this.pending.delete(added);
  }

  /** The timer runs on when all was over in time: to stop it and set it again would cost every request. */
  private check(isSecondLook = false): void {
    const now = performance.now();
    if (!isSecondLook && now - this.dueAt > LATE_MS) {
      // This process stood still: what is over may be there already, and only not have been read. [O4]
      setImmediate(() => this.check(true));
      return;
    }
    this.timer = undefined;
    for (const oldest of this.pending) {
      const leftMs = oldest.until - now;
      if (leftMs > 0) {
        this.schedule(leftMs);
        return;
      }
      this.pending.delete(oldest);
      oldest.expired();
    }
  }

  /** What is waited for keeps the process up, if anything has to. */
  private schedule(afterMs: number): void {
    if (this.timer !== undefined) return;
    this.dueAt = performance.now() + afterMs;
    this.timer = setTimeout(() => this.check(), Math.ceil(afterMs)).unref();
  }
}
