import type { Position, Publication } from '../../../protocol/publication.js';
import type { Handover, NodeHooks, RemoteOutcome } from '../../engine.js';
import type { Stamp } from '../../log.js';
import type { NodeContext } from '../node/node-context.js';
import type { RedisOutbox } from '../stores/redis-outbox.js';
import type { PresencePlace } from '../../presence.js';
import { decodePublication, encodePublication } from '../stores/codec.js';
import { receiptsOf, writeReceipt } from './receipts.js';
import { unavailable } from '../connection/client.js';
import { roomOfPart } from '../keys.js';
import { PublishOrders } from './publish-orders.js';
import { formatStreamCursor, isUpTo, readPlace, type StreamCursor } from '../stores/stream-cursor.js';
import type { CommandOrder } from '../lua/command.js';
import { readPublishReply } from '../lua/publish.js';
import type { RedisRegistryWriter } from '../stores/registry-writer.js';
import { Outgoing, type OutgoingPublication } from './outgoing.js';

/** What the broker uses of the node. */
export type BrokerContext = Pick<
  NodeContext,
  | 'run'
  | 'identity'
  | 'isAvailable'
  | 'sessionsKeepMs'
  | 'redisTimeoutMs'
  | 'ruleOf'
  | 'calls'
  | 'quota'
  | 'reply'
> & { readonly hooks: () => Pick<NodeHooks, 'arrived' | 'tracksPositions' | 'holds'> | undefined };

/** The parts of the engine that publications go with. */
export interface BrokerNeighbours {
  /**
   * Where a session is, or is being claimed, own publications need their places. What a turn has changed in sessions is
   * written before its publications: one that has come into a room is given back what was published there afterwards. [H4]
   */
  readonly sessions: () => { readonly isUsed: boolean; flush(): void };
  /** What a turn has changed in the registry is there before what is told after it. */
  readonly holdings: Pick<RedisRegistryWriter, 'flush'>;
  readonly outbox: Pick<RedisOutbox, 'tellsOf'>;
}

/** Nodes get this much longer than their clients to send acknowledgements back. */
const REPLY_SLACK_MS = 1_000;

/** More than Redis can take in the time it is given: it has hung, and not been noticed yet. */
const MAX_PENDING = 20_000;

interface Pending {
  readonly publication: Publication;
  /** 0 when no acknowledgements are asked for. */
  readonly ackTimeoutMs: number;
  /** How long it waits for its place. */
  readonly until: number;
  readonly given: () => void;
}

/**
 * Hands publications to Redis, and what Redis gives back to the node, in the one order of all nodes.
 *
 * What this node publishes is kept until Redis has said in the inbox where it stands; then the sockets that track
 * positions get it. When Redis does not say so in time, they get everything at once, in the order of publishing, and
 * their cursors say which of it they have had.
 *
 * Where no socket tracks positions and no session is about to, nothing is kept, and Redis says so in its answer alone:
 * an entry in its own inbox costs the node a read, and Redis as much as one to another node.
 */
export class RedisBroker {
  /** What is told with publications. */
  readonly orders: PublishOrders;
  private readonly outgoing: Outgoing;
  /** Own publications without a place, in order, with the time until which they wait for one. */
  private readonly pending = new Map<string, Pending>();
  private timer: NodeJS.Timeout | undefined;
  private place: StreamCursor = { epoch: 'none', seq: 0 };
  /** The last place of an own publication, which the inbox need not have told of. */
  private publishedAt = 0;
  /** Sent and not answered. */
  private unanswered = 0;

  constructor(
    private readonly context: BrokerContext,
    private readonly neighbours: BrokerNeighbours,
  ) {
    this.orders = new PublishOrders(context, neighbours.outbox);
    this.outgoing = new Outgoing(context, () => {
      neighbours.holdings.flush();
      neighbours.sessions().flush();
    });
  }

  get cursor(): string {
    return formatStreamCursor(this.place);
  }

  /** Where this node stands. */
  get at(): PresencePlace {
    return { epoch: this.place.epoch, seq: this.place.seq };
  }

  /** The last place that this node was told of. */
  get seq(): number {
    return this.place.seq;
  }

  /** The last place that Redis is known to have given. */
  get lastKnown(): number {
    return Math.max(this.place.seq, this.publishedAt);
  }

  /** Begins anew at a place: what was before it was not for this node. */
  beginAt(epoch: string, seq: number): void {
    this.releaseAll();
    this.place = { epoch, seq };
    this.publishedAt = 0;
  }

  publish(publication: Publication, ackTimeoutMs = 0): Handover {
    if (!this.context.isAvailable() || Math.max(this.pending.size, this.unanswered) >= MAX_PENDING) {
      this.releaseAll();
      return { stamp: this.passBy(publication.id), remote: owned(Promise.reject(unavailable())) };
    }
    const given = this.isTracked ? this.keep(publication, ackTimeoutMs) : undefined;
    const remote = owned(this.send(publication, ackTimeoutMs, given));
    // What cannot be written down has failed by now, and nobody is told its place.
    const isLost = given !== undefined && !this.pending.has(publication.id);
    return { stamp: isLost ? this.passBy(publication.id) : undefined, remote };
  }

  /**
   * Has a command told, behind everything that was published before.
   * @returns the nodes that were told
   */
  tell(order: CommandOrder, command: string): Promise<readonly string[]> {
    return this.outgoing.command(order, command);
  }

  /** Where own publications stand, as the inbox tells: `[ID, cursor, positions]` each. */
  marked(text: string): void {
    for (const [id, cursor, positions] of JSON.parse(text) as [string, string, string][]) {
      this.moveTo(cursor);
      const { had } = this.place;
      if (had !== undefined && isUpTo(had, id)) {
        this.place = { epoch: this.place.epoch, seq: this.place.seq };
      }
      const pending = this.pending.get(id);
      if (pending === undefined) continue;
      this.pending.delete(id);
      this.give(pending, { cursor: this.cursor, positions: readPositions(positions) });
    }
  }

  /** A publication of another node. */
  received(fields: Readonly<Record<string, string>>): void {
    const publication = decodePublication(fields['d']!);
    this.moveTo(fields['q']!);
    const stamp: Stamp = { cursor: this.cursor, positions: readPositions(fields['x']!) };
    const ackTimeoutMs = Number(fields['a'] ?? 0);
    if (ackTimeoutMs === 0) {
      void this.context.hooks()?.arrived({ publication, stamp, audience: 'all' });
      return;
    }
    const receipts = this.context.hooks()?.arrived({ publication, stamp, audience: 'all', ackTimeoutMs });
    void Promise.resolve(receipts)
      .then((known) => JSON.stringify((known?.responses ?? []).map(writeReceipt)))
      // Whoever asked counts as missing who is in no answer; to wait longer would tell it no more.
      .catch(() => '[]')
      .then((answer) => this.context.reply(fields['f']!, fields['i']!, answer));
  }

  /**
   * Nothing up to this place is still to come: cursors of this node rise above what a session was given from the log,
   * some of which was not told to this node.
   */
  moveTo(cursor: string): void {
    const { epoch, seq } = readPlace(cursor);
    this.place = { ...this.place, epoch, seq };
  }

  /** Gives sockets that track positions what waits for a place, because nobody knows whether it will get one. */
  releaseAll(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const waiting = [...this.pending.values()];
    this.pending.clear();
    for (const each of waiting) this.give(each, this.passBy(each.publication.id));
  }

  /** Whether this node has to be told where its own publications stand. */
  private get isTracked(): boolean {
    return this.neighbours.sessions().isUsed || this.context.hooks()?.tracksPositions() === true;
  }

  /** Resolves when the sockets that track positions have been given it, with its place or without. */
  private keep(publication: Publication, ackTimeoutMs: number): Promise<void> {
    this.timer ??= setTimeout(() => this.expire(), this.context.redisTimeoutMs);
    return new Promise((given) => {
      const until = performance.now() + this.context.redisTimeoutMs;
      this.pending.set(publication.id, { publication, ackTimeoutMs, until, given });
    });
  }

  private give({ publication, ackTimeoutMs, given }: Pending, stamp: Stamp): void {
    const asked = ackTimeoutMs > 0 ? { ackTimeoutMs } : {};
    void this.context.hooks()?.arrived({ publication, stamp, audience: 'tracking', ...asked });
    given();
  }

  private passBy(id: string): Stamp {
    this.place = { epoch: this.place.epoch, seq: this.place.seq, had: id };
    return { cursor: this.cursor, positions: undefined };
  }

  private expire(): void {
    this.timer = undefined;
    const oldest = this.pending.values().next().value;
    if (oldest === undefined) return;
    const leftMs = oldest.until - performance.now();
    if (leftMs > 0) this.timer = setTimeout(() => this.expire(), leftMs);
    else this.releaseAll();
  }

  private async send(
    publication: Publication,
    ackTimeoutMs: number,
    given: Promise<void> | undefined,
  ): Promise<RemoteOutcome> {
    const call = ackTimeoutMs > 0 ? this.context.calls.open(publication.id) : undefined;
    try {
      const outgoing = {
        order: this.orders.of(publication, ackTimeoutMs, given !== undefined),
        payload: encodePublication(publication),
      };
      this.countForUser(publication, outgoing);
      this.unanswered++;
      const reply = await this.outgoing.publication(outgoing).finally(() => this.unanswered--);
      const [cursor, matched, targeted, overMs] = readPublishReply(reply);
      if (overMs > 0) this.context.quota.block(publication.user!, overMs);
      const { epoch, seq } = readPlace(cursor);
      if (epoch === this.place.epoch) this.publishedAt = Math.max(this.publishedAt, seq);
      // The answer and the inbox come over two connections: whoever is told of it finds it at this node's sockets.
      if (given !== undefined) await given;
      if (call === undefined || targeted === '') return { matched, responses: [], missing: [] };
      const sockets = JSON.parse(targeted) as [socketId: string, user: string, node: string][];
      const nodes = new Set(sockets.map(([, , node]) => node));
      const answers = await call.answers(nodes, ackTimeoutMs + REPLY_SLACK_MS);
      return { matched, ...receiptsOf(sockets, answers.values()) };
    } catch (failure) {
      this.releaseAll();
      throw failure;
    } finally {
      call?.drop();
    }
  }

  /**
   * Redis counts what a user had kept on all nodes, and says so with its answer; what is under way until then is counted
   * here. [Q7]
   */
  private countForUser({ user, volatile }: Publication, { order, payload }: OutgoingPublication): void {
    if (user === undefined || volatile || typeof order === 'string') return;
    const histories = order[4].filter(([, size]) => size > 0).length;
    if (histories > 0) this.context.quota.count(user, histories * payload.length);
  }
}

/** A promise whose failure may go unseen: whoever does not ask what became of a publication need not catch it. */
function owned<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

function readPositions(text: string): ReadonlyMap<string, Position> | undefined {
  if (text === '') return undefined;
  const positions = JSON.parse(text) as [part: string, epoch: string, offset: number][];
  return new Map(positions.map(([part, epoch, offset]) => [roomOfPart(part)!, { epoch, offset }]));
}
