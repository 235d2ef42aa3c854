import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { steadyNow } from './steady-clock.js';

/** How exact deadlines are kept. */
const TICK_MS = 250;

/** Something that is due at a time. */
export interface Deadline {
  readonly tick: number;
  readonly run: () => void;
}

/**
 * Deadlines of many sockets on one timer: a timer per socket and token would cost more memory than the rest of it.
 *
 * Whoever sets a deadline cancels it when it no longer holds: until then it keeps alive what it refers to.
 */
@Injectable()
export class DeadlineWheel implements OnModuleInit, OnModuleDestroy {
  private readonly buckets = new Map<number, Set<Deadline>>();
  private nextTick = Math.floor(steadyNow() / TICK_MS);
  private timer: NodeJS.Timeout | undefined;

  onModuleInit(): void {
    this.timer = setInterval(() => this.advance(steadyNow()), TICK_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Runs `run` at `atMs` by {@link steadyNow}, or up to a quarter of a second later; never earlier. */
  at(atMs: number, run: () => void): Deadline {
    const tick = Math.max(Math.ceil(atMs / TICK_MS), this.nextTick);
    const deadline = { tick, run };
    const bucket = this.buckets.get(tick);
    if (bucket) bucket.add(deadline);
    else this.buckets.set(tick, new Set([deadline]));
    return deadline;
  }

  cancel(deadline: Deadline): void {
    const bucket = this.buckets.get(deadline.tick);
    if (bucket?.delete(deadline) && bucket.size === 0) this.buckets.delete(deadline.tick);
  }

  private advance(now: number): void {
    const last = Math.floor(now / TICK_MS);
    const first = this.nextTick;
    // First, so that a deadline set while these run falls into a later tick and not into one that has passed.
    this.nextTick = Math.max(first, last + 1);
    // After a long pause, walking tick by tick would take longer than looking at what there is.
    if (last - first > this.buckets.size) {
      for (const tick of [...this.buckets.keys()].filter((each) => each <= last)) this.runBucket(tick);
    } else {
      for (let tick = first; tick <= last; tick++) this.runBucket(tick);
    }
  }

  private runBucket(tick: number): void {
    const due = this.buckets.get(tick);
    this.buckets.delete(tick);
    for (const { run } of due ?? []) run();
  }
}
