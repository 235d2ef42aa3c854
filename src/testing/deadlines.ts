/** Time limits of what a test waits for; all of them are lifted when nobody waits any longer. */
export class TestDeadlines {
  private readonly timers = new Set<NodeJS.Timeout>();

  /** Calls `late` after that time, unless what is returned is called before. */
  start(limitMs: number, late: () => void): () => void {
    const lift = (): void => {
      clearTimeout(timer);
      this.timers.delete(timer);
    };
    const timer = setTimeout(() => {
      lift();
      late();
    }, limitMs);
    this.timers.add(timer);
    return lift;
  }

  liftAll(): void {
    for (const timer of this.timers) clearTimeout(timer);
    this.timers.clear();
  }
}
