import type { HistoryRule } from '../../../config/values.js';
import { SwitchboardError } from '../../../protocol/errors.js';
import { historyEntry, type HistoryPage, type HistoryRequest, type HistoryStore } from '../../log.js';
import { decodePublication } from './codec.js';
import { partOfRoom } from '../keys.js';
import { DROP_HISTORY, READ_HISTORY } from '../lua/scripts.js';
import type { NodeContext } from '../node/node-context.js';

type ReadReply = readonly [
  epoch: string,
  offset: number,
  publications: readonly (readonly [offset: number, publication: string])[],
  more: 0 | 1,
  covered: 0 | 1,
];

/** What histories use of the node. */
export type HistoryContext = Pick<NodeContext, 'run' | 'ruleOf' | 'node' | 'barriers' | 'quota'>;

/** Histories of rooms, in Redis. [H1] [H6] */
export class RedisHistory implements HistoryStore {
  constructor(private readonly context: HistoryContext) {}

  keeps(room: string): boolean {
    return this.context.ruleOf(room) !== undefined;
  }

  overQuotaMs(user: string): number {
    return this.context.quota.overMs(user);
  }

  async read(room: string, { since, limit, arrived = false }: HistoryRequest): Promise<HistoryPage> {
    const { size, ttlMs } = this.ruleFor(room);
    const mark = arrived ? this.context.barriers.next() : undefined;
    const reading = this.context.run(
      READ_HISTORY,
      partOfRoom(room),
      size,
      ttlMs,
      since?.epoch ?? '',
      since?.offset ?? 'none',
      limit,
      mark ? this.context.node : '',
      mark?.token ?? '',
    );
    const reply = mark ? await this.context.barriers.unlessFailed(mark, reading) : await reading;
    const [epoch, offset, written, more, covered] = reply as ReadReply;
    await mark?.reached();
    const publications = written.map(([at, text]) => historyEntry(decodePublication(text), at));
    return { epoch, offset, publications, more: more === 1, covered: covered === 1 };
  }

  async drop(room: string): Promise<void> {
    const { ttlMs } = this.ruleFor(room);
    await this.context.run(DROP_HISTORY, partOfRoom(room), ttlMs);
  }

  private ruleFor(room: string): HistoryRule {
    const rule = this.context.ruleOf(room);
    if (rule === undefined) throw new SwitchboardError('history.disabled');
    return rule;
  }
}
