import { Deque } from './deque.js';
import type { LogRecord } from './room-log.js';

/** Records that stand in no log are cleared away once they are more than half and more than this many. */
const SWEEP_THRESHOLD = 64;

/** All kept publications, oldest first, and the memory they take. */
export class RecordQueue {
  private readonly records = new Deque<LogRecord>();
  private goneCount = 0;
  private heldBytes = 0;

  /** How many publications are kept. */
  get size(): number {
    return this.records.length - this.goneCount;
  }

  get bytes(): number {
    return this.heldBytes;
  }

  add(record: LogRecord): void {
    this.records.push(record);
    this.heldBytes += record.bytes;
  }

  /** The oldest record that stands somewhere. */
  get oldest(): LogRecord | undefined {
    this.clearFront();
    return this.records.first;
  }

  /** A log has dropped it. With the last one its payload goes at once, its place in the queue a little later. */
  readonly release = (record: LogRecord): void => {
    if (--record.places > 0) return;
    record.logged = undefined;
    record.logs = [];
    this.heldBytes -= record.bytes;
    this.goneCount++;
    const isMostlyGone = this.goneCount > SWEEP_THRESHOLD && this.goneCount * 2 > this.records.length;
    if (isMostlyGone || this.size === 0) {
      this.records.keep((each) => each.places > 0);
      this.goneCount = 0;
    }
  };

  private clearFront(): void {
    while (this.records.first?.places === 0) {
      this.records.shift();
      this.goneCount--;
    }
  }
}
