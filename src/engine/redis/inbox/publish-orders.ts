import type { Publication } from '../../../protocol/publication.js';
import type { NodeHooks } from '../../engine.js';
import { partsOf, roomOfPart } from '../keys.js';
import { plainOrder, type PlainOrder, type PublishOrder } from '../lua/publish.js';
import type { NodeContext } from '../node/node-context.js';
import type { RedisOutbox } from '../stores/redis-outbox.js';

/** What the orders ask of the node. */
type OrdersContext = Pick<NodeContext, 'ruleOf'> & {
  readonly hooks: () => Pick<NodeHooks, 'holds'> | undefined;
};

/** What Redis has to know of publications to find their recipients, keep them and number them. */
export class PublishOrders {
  /** Rooms that sockets of other nodes are being put into or taken out of, and by how many commands. */
  private readonly moving = new Map<string, number>();

  constructor(
    private readonly context: OrdersContext,
    private readonly outbox: Pick<RedisOutbox, 'tellsOf'>,
  ) {}

  /**
   * Sockets of other nodes are being put into rooms, or taken out. Until these say that it is done, shared state does not
   * know who is there: every node is told of what is published to the rooms, or to all but them.
   */
  async whileMoving<T>(rooms: readonly string[], moved: () => Promise<T>): Promise<T> {
    for (const room of rooms) this.moving.set(room, (this.moving.get(room) ?? 0) + 1);
    try {
      return await moved();
    } finally {
      for (const room of rooms) {
        const others = this.moving.get(room)! - 1;
        if (others > 0) this.moving.set(room, others);
        else this.moving.delete(room);
      }
    }
  }

  /** @param isMarked whether this node has to be told where the publication stands */
  of(publication: Publication, ackTimeoutMs: number, isMarked: boolean): PlainOrder | PublishOrder {
    const { id, volatile, namespace, to, except, user = '' } = publication;
    const parts = partsOf(to);
    const excepted = partsOf(except);
    const tells = this.outbox.tellsOf(publication);
    const isForAll = this.isUnsettled(to, except) ? 1 : 0;
    const marked = isMarked ? 1 : 0;
    const isSpecial =
      volatile || namespace !== undefined || ackTimeoutMs > 0 || isForAll === 1 || tells !== undefined;
    // A socket that is here is none of those that are looked for.
    if (!isSpecial && excepted.every((part) => this.isHere(part)) && this.isPlain(parts)) {
      return plainOrder(parts[0]!, user, isMarked ? id : '');
    }
    const rules = parts.map((part) => {
      const room = roomOfPart(part);
      const rule = room === undefined ? undefined : this.context.ruleOf(room);
      return [part, rule?.size ?? 0, rule?.ttlMs ?? 0] as const;
    });
    const where = [rules, excepted] as const;
    const order = [
      id,
      volatile ? 1 : 0,
      namespace ?? '',
      ackTimeoutMs,
      ...where,
      marked,
      user,
      isForAll,
    ] as const;
    return tells === undefined ? order : [...order, tells];
  }

  /** One part that keeps no history. */
  private isPlain([part, ...others]: readonly string[]): boolean {
    if (part === undefined || others.length > 0 || part.includes('\n')) return false;
    const room = roomOfPart(part);
    return room === undefined || this.context.ruleOf(room) === undefined;
  }

  private isHere(part: string): boolean {
    return part.startsWith('s') && this.context.hooks()?.holds(part.slice(1)) === true;
  }

  private isUnsettled(to: Publication['to'], except: Publication['except']): boolean {
    if (this.moving.size === 0) return false;
    const named = [...('all' in to ? [] : (to.rooms ?? [])), ...(except.rooms ?? [])];
    return named.some((room) => this.moving.has(room));
  }
}
