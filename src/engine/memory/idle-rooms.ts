import type { Deadline, Deadlines } from '../../timers/deadlines.js';
import type { RoomLog } from './room-log.js';

/** How long the epoch and the last offset of an empty room are remembered. */
export const IDLE_KEEP_MS = 24 * 3_600_000;

/** Names of rooms come from clients, so that not more than this many are remembered. */
export const MAX_IDLE_ROOMS = 100_000;

/**
 * Rooms that keep history and have none, in the order of their last use.
 *
 * Their epoch and last offset are remembered for a while: who comes back to a room where nothing was published must not
 * be told that something may be lost. Then they are forgotten, and the room starts again under a new epoch. [H2]
 */
export class IdleRooms {
  private readonly logs = new Set<RoomLog>();
  private deadline: Deadline | undefined;

  /** @param forget takes a log that nobody has used for long enough */
  constructor(
    private readonly deadlines: Deadlines,
    private readonly forget: (log: RoomLog) => void,
  ) {}

  /** The room has no publications, and was used now. */
  use(log: RoomLog, now: number): void {
    this.logs.delete(log);
    this.logs.add(log);
    log.usedAt = now;
    if (this.logs.size > MAX_IDLE_ROOMS) this.forgetOldest();
    this.watch();
  }

  /** The room is needed again. */
  delete(log: RoomLog): void {
    this.logs.delete(log);
  }

  private watch(): void {
    if (this.deadline !== undefined) return;
    const [oldest] = this.logs;
    if (oldest === undefined) return;
    this.deadline = this.deadlines.at(oldest.usedAt + IDLE_KEEP_MS, () => {
      this.deadline = undefined;
      const before = this.deadlines.now() - IDLE_KEEP_MS;
      for (const log of this.logs) {
        if (log.usedAt > before) break;
        this.logs.delete(log);
        this.forget(log);
      }
      this.watch();
    });
  }

  private forgetOldest(): void {
    // Many at once: a set whose oldest members are taken out one by one has to step over all their empty places.
    let left = AT_ONCE;
    for (const log of this.logs) {
      this.logs.delete(log);
      this.forget(log);
      if (--left === 0) break;
    }
  }
}

/** How many rooms are forgotten when there are too many. */
const AT_ONCE = 1_000;
