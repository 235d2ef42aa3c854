/** How often the event loop is looked at. */
const LOOK_EVERY_MS = 250;
/** From here on it is a stall, and not a busy machine. */
const STALL_MS = 1_000;
/** How long after it a stall may be the cause of what is noticed. */
const RECENT_MS = 30_000;

/**
 * Notices that this process stood still: its event loop was blocked, or the whole process was stopped. [O4]
 *
 * Whatever is late after that is so because of this node, and not because of Redis or of its clients.
 */
export class StallWatch {
  private timer: NodeJS.Timeout | undefined;
  private lookedAt = 0;
  private lastLateMs = 0;
  private last: { readonly endedAt: number; readonly durationMs: number } | undefined;

  /** @param stalled told once of each stall, when it is over */
  constructor(private readonly stalled: (durationMs: number) => void) {}

  start(): void {
    this.lookedAt = performance.now();
    this.timer ??= setInterval(() => this.look(), LOOK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** How long the last stall was, when it ended a moment ago; else 0. */
  get recentMs(): number {
    if (this.timer !== undefined) this.look();
    if (this.last === undefined || performance.now() - this.last.endedAt > RECENT_MS) return 0;
    return this.last.durationMs;
  }

  /** How late the timers of this process are now, or were when it stalled a moment ago. */
  get lateByMs(): number {
    if (this.timer === undefined) return 0;
    return Math.max(this.recentMs, this.lastLateMs);
  }

  private look(): void {
    const now = performance.now();
    const durationMs = Math.round(now - this.lookedAt - LOOK_EVERY_MS);
    this.lookedAt = now;
    // A look that somebody asks for in between is early, which says nothing.
    if (durationMs >= 0) this.lastLateMs = durationMs;
    if (durationMs < STALL_MS) return;
    this.last = { endedAt: now, durationMs };
    this.stalled(durationMs);
  }
}
