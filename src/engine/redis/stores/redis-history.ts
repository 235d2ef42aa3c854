import type { HistoryRule } from '../../../config/values.js';
import { SwitchboardError } from '../../../protocol/errors.js';
import { historyEntry, type HistoryPage, type HistoryRequest, type HistoryStore } from '../../log.js';
import type { PublisherQuota } from '../../publisher-quota.js';
import { decodePublication } from './codec.js';
import { partOfRoom } from '../keys.js';
import type { Barriers } from '../inbox/barriers.js';
import { DROP_HISTORY, READ_HISTORY } from '../lua/scripts.js';
import type { RunScript } from '../lua/script.js';

type ReadReply = readonly [
  epoch: string,
  offset: number,
  publications: readonly (readonly [offset: number, publication: string])[],
  more: 0 | 1,
  covered: 0 | 1,
];

/** Histories of rooms, in Redis. [H1] [H6] */
export class RedisHistory implements HistoryStore {
  constructor(
    private readonly run: RunScript,
    private readonly ruleOf: (room: string) => HistoryRule | undefined,
    private readonly node: string,
    private readonly marks: Barriers,
    private readonly quota: PublisherQuota,
  ) {}

  keeps(room: string): boolean {
    return this.ruleOf(room) !== undefined;
  }

  overQuotaMs(user: string): number {
    return this.quota.overMs(user);
  }

  async read(room: string, { since, limit, arrived = false }: HistoryRequest): Promise<HistoryPage> {
    const { size, ttlMs } = this.ruleFor(room);
    const mark = arrived ? this.marks.next() : undefined;
    const reading = this.run(
      READ_HISTORY,
      partOfRoom(room),
      size,
      ttlMs,
      since?.epoch ?? '',
      since?.offset ?? 'none',
      limit,
      mark ? this.node : '',
      mark?.token ?? '',
    );
    const reply = mark ? await this.marks.unlessFailed(mark, reading) : await reading;
    const [epoch, offset, written, more, covered] = reply as ReadReply;
    await mark?.reached();
    const publications = written.map(([at, text]) => historyEntry(decodePublication(text), at));
    return { epoch, offset, publications, more: more === 1, covered: covered === 1 };
  }

  async drop(room: string): Promise<void> {
    const { ttlMs } = this.ruleFor(room);
    await this.run(DROP_HISTORY, partOfRoom(room), ttlMs);
  }

  private ruleFor(room: string): HistoryRule {
    const rule = this.ruleOf(room);
    if (rule === undefined) throw new SwitchboardError('history.disabled');
    return rule;
  }
}
