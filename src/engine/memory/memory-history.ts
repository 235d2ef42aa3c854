import { SwitchboardError } from '../../protocol/errors.js';
import type { HistoryPage, HistoryRequest, HistoryStore } from '../log.js';
import type { PublicationLog } from './publication-log.js';
import type { RoomLog } from './room-log.js';

/** The histories of rooms, out of the log of this process. [H1] [H2] */
export class MemoryHistory implements HistoryStore {
  constructor(private readonly log: PublicationLog) {}

  keeps(room: string): boolean {
    return this.log.keeps(room);
  }

  overQuotaMs(user: string): number {
    return this.log.quota.overMs(user);
  }

  /** @throws SwitchboardError `history.disabled` */
  read(room: string, request: HistoryRequest): HistoryPage {
    return this.logOf(room).page(request, this.log.now());
  }

  /** @throws SwitchboardError `history.disabled` */
  drop(room: string): void {
    this.log.clear(this.logOf(room));
  }

  private logOf(room: string): RoomLog {
    const log = this.log.historyOf(room);
    if (log === undefined) throw new SwitchboardError('history.disabled');
    return log;
  }
}
