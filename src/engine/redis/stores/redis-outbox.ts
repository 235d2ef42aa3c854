import type { Publication } from '../../../protocol/publication.js';
import type {
  AttemptRecord,
  Delivered,
  EndpointState,
  Outbox,
  OutboxEvent,
  OutboxEventType,
  OutboxState,
  UserEvent,
  WantedEvents,
} from '../../outbox.js';
import { partitionOf } from '../../outbox.js';
import { publicationEvent } from '../../wanted-events.js';
import type { EndpointReply, StandingReply, WrittenWants } from '../lua/outbox.js';
import { luaJson, type RunScript } from '../lua/script.js';
import type { NodeContext } from '../node/node-context.js';
import {
  CLAIM_PARTITIONS,
  FIND_EVENTS,
  NOTE_DELIVERED,
  OLDEST_EVENTS,
  READ_ATTEMPTS,
  READ_EVENTS,
  RELEASE_PARTITIONS,
  REPLAY_EVENTS,
  STOP_ENDPOINT,
  WANT_EVENTS,
} from '../lua/scripts.js';

/** What the outbox uses of the node. */
export type OutboxContext = Pick<NodeContext, 'run' | 'runEarly' | 'identity' | 'isAvailable'>;

/** How often events that are too old are dropped. */
const DROP_EVERY_MS = 60_000;

/** An event as the scripts write it. */
interface WrittenEvent {
  readonly t: OutboxEventType;
  readonly e: string;
  readonly k: string;
  readonly at: number;
  readonly d: Readonly<Record<string, unknown>>;
}

const digitOf = (partition: number): string => partition.toString(16);

function eventOf(partition: number, seq: number, text: string): OutboxEvent {
  const { t, e, k, at, d } = JSON.parse(text) as WrittenEvent;
  return { type: t, partition, seq, epoch: e, at, key: k, data: d };
}

/** A publication that is told, for the script that puts it in its place: the rooms, and its data without the brackets. */
export type PublicationTells = readonly [rooms: readonly string[], data: string];

/** The outbox in Redis: events are written by the scripts that change the registry. [W5] [W8] */
export class RedisOutbox implements Outbox {
  readonly follower = undefined;
  private readonly listeners = new Set<(event: UserEvent) => void>();
  private isDeclared = false;
  private droppedAt = 0;

  constructor(
    private readonly wanted: WantedEvents,
    private readonly context: OutboxContext,
  ) {}

  /** Redis does not know what this node wants: it is new there, or was taken out. */
  lost(): void {
    this.isDeclared = false;
  }

  /** Says what this node wants, before it writes what it holds. */
  async declare(): Promise<void> {
    if (this.isDeclared) return;
    this.isDeclared = true;
    try {
      await this.want(this.context.runEarly);
    } catch (failure) {
      this.isDeclared = false;
      throw failure;
    }
  }

  hear(listener: (event: UserEvent) => void): () => void {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.wantMeanwhile();
    return () => {
      if (this.listeners.delete(listener) && this.listeners.size === 0) this.wantMeanwhile();
    };
  }

  /** An event of the inbox. */
  told(partition: string, id: string, text: string): void {
    const event = eventOf(Number.parseInt(partition, 16), Number(id.slice(2)), text) as UserEvent;
    for (const listener of this.listeners) listener(event);
  }

  tellsOf(publication: Publication): PublicationTells | undefined {
    const tells = publicationEvent(this.wanted, publication);
    return tells && [tells.rooms, JSON.stringify(tells.data).slice(1, -1)];
  }

  claim(endpoints: readonly string[]): Promise<OutboxState> {
    const isDropping = performance.now() - this.droppedAt > DROP_EVERY_MS;
    if (isDropping) this.droppedAt = performance.now();
    return this.standing(endpoints, 1, isDropping ? 1 : 0);
  }

  state(endpoints: readonly string[]): Promise<OutboxState> {
    return this.standing(endpoints, 0, 0);
  }

  async release(partitions: readonly number[]): Promise<void> {
    if (partitions.length === 0) return;
    await this.context.run(RELEASE_PARTITIONS, ...this.context.identity(), partitions.map(digitOf).join(''));
  }

  async read(partition: number, after: number, limit: number): Promise<OutboxEvent[]> {
    const { run, identity } = this.context;
    return eventsOf(partition, await run(READ_EVENTS, ...identity(), digitOf(partition), after, limit));
  }

  async commit(delivered: readonly Delivered[], attempts: readonly AttemptRecord[]): Promise<boolean[]> {
    const { run, identity } = this.context;
    const marks = delivered.map(({ endpoint, epoch, partition, seq, replays }) => [
      endpoint,
      digitOf(partition),
      seq,
      replays,
      epoch,
    ]);
    const texts = attempts.flatMap(({ endpoint, text }) => [endpoint, text]);
    const noted = (await run(NOTE_DELIVERED, ...identity(), luaJson(marks), ...texts)) as number[];
    return noted.map((each) => each === 1);
  }

  async stop(endpoint: string, as: string | undefined): Promise<void> {
    await this.context.run(STOP_ENDPOINT, endpoint, as ?? '');
  }

  async replay(endpoint: string, sinceMs: number): Promise<number> {
    return (await this.context.run(REPLAY_EVENTS, endpoint, sinceMs)) as number;
  }

  async attempts(endpoint: string): Promise<string[]> {
    return (await this.context.run(READ_ATTEMPTS, endpoint)) as string[];
  }

  async find(key: string, limit: number): Promise<OutboxEvent[]> {
    const found: OutboxEvent[] = [];
    let before = '+';
    while (before !== '' && found.length < limit) {
      const reply = await this.context.run(FIND_EVENTS, key, limit - found.length, before);
      const [entries, next] = reply as [unknown, string];
      found.push(...eventsOf(partitionOf(key), entries));
      before = next;
    }
    return found;
  }

  async oldest(after: readonly number[]): Promise<(number | undefined)[]> {
    const times = (await this.context.run(OLDEST_EVENTS, luaJson(after))) as number[];
    return times.map((at) => (at === 0 ? undefined : at));
  }

  private async standing(endpoints: readonly string[], takes: 0 | 1, drops: 0 | 1): Promise<OutboxState> {
    const { run, identity } = this.context;
    const reply = await run(CLAIM_PARTITIONS, ...identity(), luaJson(endpoints), takes, drops);
    const [epoch, share, owned, last, states, ownedForMs] = reply as StandingReply;
    const read = ([delivered, replays, stoppedAs, tellsSince]: EndpointReply): EndpointState => ({
      delivered,
      replays,
      stoppedAs: stoppedAs === '' ? undefined : stoppedAs,
      tellsSince,
    });
    return { epoch, ownedForMs, share, owned, last, endpoints: states.map(read) };
  }

  /** What it wants has changed while it runs. Where that fails, it is said again when this node makes itself known. */
  private wantMeanwhile(): void {
    if (!this.context.isAvailable()) {
      this.isDeclared = false;
      return;
    }
    this.want(this.context.run).catch(() => (this.isDeclared = false));
  }

  private async want(run: RunScript): Promise<void> {
    const { events, endpoints } = this.wanted;
    const [node, generation] = this.context.identity();
    const wants: WrittenWants = {
      n: node,
      e: events,
      h: this.listeners.size > 0,
      s: endpoints.length > 0,
    };
    const isAny = wants.h || wants.s;
    await run(WANT_EVENTS, node, generation, isAny ? luaJson(wants) : '', luaJson(endpoints));
  }
}

const eventsOf = (partition: number, entries: unknown): OutboxEvent[] =>
  (entries as [seq: number, text: string][]).map(([seq, text]) => eventOf(partition, seq, text));
