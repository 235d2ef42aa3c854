import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

/** How exact deadlines are kept. */
const TICK_MS = 250;

/** Something that is due at a time. */
interface Deadline {
  readonly atMs: number;
  readonly run: () => void;
}

/**
 * Deadlines of many sockets on one timer: a timer per socket and token would cost more memory than the rest of it.
 *
 * Deadlines are not cancelled; whoever sets one checks when it is due whether it still holds.
 */
@Injectable()
export class Expiries implements OnModuleInit, OnModuleDestroy {
  private readonly buckets = new Map<number, Deadline[]>();
  private nextTick = Math.floor(Date.now() / TICK_MS);
  private timer: NodeJS.Timeout | undefined;

  onModuleInit(): void {
    this.timer = setInterval(() => this.advance(Date.now()), TICK_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Runs `run` at `atMs` (milliseconds since 1970) or up to a quarter of a second later; never earlier. */
  at(atMs: number, run: () => void): void {
    const tick = Math.max(Math.ceil(atMs / TICK_MS), this.nextTick);
    const bucket = this.buckets.get(tick);
    if (bucket) bucket.push({ atMs, run });
    else this.buckets.set(tick, [{ atMs, run }]);
  }

  private advance(now: number): void {
    const last = Math.floor(now / TICK_MS);
    // A clock that jumped far ahead makes everything due; walking tick by tick would take for ever.
    if (last - this.nextTick > this.buckets.size) {
      for (const tick of [...this.buckets.keys()].filter((each) => each <= last)) this.runBucket(tick);
    } else {
      for (let tick = this.nextTick; tick <= last; tick++) this.runBucket(tick);
    }
    this.nextTick = last + 1;
  }

  private runBucket(tick: number): void {
    const due = this.buckets.get(tick);
    this.buckets.delete(tick);
    for (const { run } of due ?? []) run();
  }
}
