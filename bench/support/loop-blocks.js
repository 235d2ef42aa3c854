/** How long the event loop of this process stood still: the longest between two ticks of a timer. */
import { readFileSync } from 'node:fs';

const TICK_MS = 1;

export class LoopBlocks {
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  #wallMs = 0;
  #cpuMs = 0;

  begin() {
    this.#wallMs = this.#cpuMs = 0;
    let wall = performance.now();
    let cpu = cpuOfThread();
    this.#timer = setInterval(() => {
      const [nowWall, nowCpu] = [performance.now(), cpuOfThread()];
      this.#wallMs = Math.max(this.#wallMs, nowWall - wall - TICK_MS);
      this.#cpuMs = Math.max(this.#cpuMs, nowCpu - cpu);
      [wall, cpu] = [nowWall, nowCpu];
    }, TICK_MS);
  }

  /** By the clock, in which others may have had the core, and of this thread's CPU alone; in ms. */
  end() {
    clearInterval(this.#timer);
    return { wallMs: this.#wallMs, cpuMs: this.#cpuMs };
  }
}

/** CPU of the main thread so far, in ms; 0 where the system does not say. */
function cpuOfThread() {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ', 1)[0]) / 1e6;
  } catch {
    return 0;
  }
}
