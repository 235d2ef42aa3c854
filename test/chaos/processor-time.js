/** What processes have used of the processor, as Linux counts it; elsewhere nothing is known. */
import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

function usedSeconds(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return undefined;
  }
}

/** Adds up the time of processes that come and go, by what they are. */
export class ProcessorTime {
  known = new Map();

  /** @param {() => Record<string, number[]>} pids by kind, those that run now */
  constructor(pids) {
    this.pids = pids;
  }

  /** To be called often: what a process uses between the last call and its end is not seen. */
  look() {
    for (const [kind, pids] of Object.entries(this.pids())) {
      for (const pid of pids) {
        const seconds = usedSeconds(pid);
        if (seconds !== undefined) this.known.set(pid, { kind, seconds });
      }
    }
  }

  /** Seconds by kind, since the beginning of each process. */
  get totals() {
    const totals = {};
    for (const { kind, seconds } of this.known.values()) totals[kind] = (totals[kind] ?? 0) + seconds;
    return totals;
  }
}
