/**
 * Tells when the machine itself was the trouble: nodes and this script that get no CPU behave like nodes that hang.
 *
 * Nobody strikes then, so nothing else would say why a session was lost. How often it was is printed: a run that was
 * starved proves less.
 */
const EVERY_MS = 250;
const LATE_MS = 750;
const ANSWER_WITHIN_MS = 1_500;

export class Starvation {
  count = 0;
  isOver = false;
  lastAt = performance.now();

  /** @param {import('./faults.js').Faults} faults @param {import('./cluster.js').Cluster} cluster */
  constructor(faults, cluster) {
    this.faults = faults;
    this.cluster = cluster;
    this.timer = setInterval(() => this.tick(), EVERY_MS);
  }

  tick() {
    const now = performance.now();
    if (now - this.lastAt > EVERY_MS + LATE_MS) this.starved(this.lastAt, now);
    this.lastAt = now;
    for (const slot of this.cluster.running) if (!slot.isPaused && !slot.isAsked) void this.ask(slot);
  }

  /** Liveness asks nothing of Redis, so only a node that does not run is late. */
  async ask(slot) {
    const from = performance.now();
    const { gateway } = slot;
    slot.isAsked = true;
    let wasPaused = slot.isPaused;
    const watching = setInterval(() => (wasPaused ||= slot.isPaused), EVERY_MS / 5);
    await fetch(`${gateway.url}/health/live`).then(
      (response) => response.text(),
      () => {},
    );
    clearInterval(watching);
    slot.isAsked = false;
    const to = performance.now();
    if (!wasPaused && slot.gateway === gateway && to - from > ANSWER_WITHIN_MS) this.starved(from, to);
  }

  starved(from, to) {
    this.count++;
    this.faults.log.push({ kind: 'starved', from, to });
  }

  stop() {
    clearInterval(this.timer);
  }
}
