import type { WebhookClock } from '../../src/webhooks/webhook-clock.js';

/** A clock whose timers stand still until the test turns it on. */
export class TurnedClock implements WebhookClock {
  private timers: { at: number; run: () => void }[] = [];
  private turnedMs = 0;

  readonly now = (): number => Date.now() + this.turnedMs;

  readonly after = (ms: number, run: () => void): (() => void) => {
    const timer = { at: this.turnedMs + ms, run };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((each) => each !== timer));
  };

  /** In how many ms each timer is due. */
  get waits(): number[] {
    return this.timers.map(({ at }) => at - this.turnedMs);
  }

  turn(ms: number): void {
    this.turnedMs += ms;
    const due = this.timers.filter(({ at }) => at <= this.turnedMs);
    this.timers = this.timers.filter(({ at }) => at > this.turnedMs);
    for (const { run } of due) run();
  }
}
