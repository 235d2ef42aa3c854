import { Logger } from '@nestjs/common';
import type { Outbox, OutboxState } from '../engine/outbox.js';
import { DeliveryNotes } from './delivery-notes.js';
import type { Endpoint } from './endpoint.js';
import { Lane, type LaneContext } from './lane.js';
import type { SentParcel } from './parcel.js';
import type { WebhookClock } from './webhook-clock.js';
import type { WebhookMessage } from './webhook-message.js';
import type { EndpointLoad, WebhookMetrics } from './webhook-metrics.js';
import type { PostResult } from './webhook-post.js';

/** How often the outbox is looked at: what happened is on its way after half of it on average. */
const LOOK_EVERY_MS = 100;
/** How long requests under way may take when this node stops. */
const STOP_WITHIN_MS = 3_000;

/** What the sender needs of the door. */
export interface SenderParts {
  readonly outbox: Outbox;
  readonly endpoints: readonly Endpoint[];
  readonly clock: WebhookClock;
  readonly metrics: WebhookMetrics;
  readonly node: string;
  readonly post: (endpoint: Endpoint, message: WebhookMessage) => Promise<PostResult>;
}

/** Sends the events of this node's partitions to all endpoints, a lane for each pair. [W6] [W8] */
export class WebhookSender {
  private readonly logger = new Logger('Webhooks');
  private readonly lanes = new Map<string, Lane>();
  private readonly notes: DeliveryNotes<Lane>;
  private readonly names: readonly string[];
  private readonly context: LaneContext;
  private state: OutboxState | undefined;
  /** Until when the partitions are this node's, unless it looks again. */
  private ownsUntil = -Infinity;
  /** Endpoints that have answered 410, which shared state does not know yet. */
  private readonly gone = new Set<Endpoint>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  private lastRead: Promise<unknown> = Promise.resolve();
  private isStopped = false;

  constructor(private readonly parts: SenderParts) {
    this.names = parts.endpoints.map(({ name }) => name);
    this.notes = new DeliveryNotes(parts.outbox, (lane) => this.drop(lane));
    this.context = this.laneContext();
  }

  start(): void {
    this.schedule();
  }

  /** Begins nothing more, waits a little for what is under way, and gives the partitions back. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.looking;
    for (const lane of this.lanes.values()) lane.isRetiring = true;
    const until = performance.now() + STOP_WITHIN_MS;
    while ([...this.lanes.values()].some(({ isIdle }) => !isIdle) && performance.now() < until) {
      await new Promise((done) => setTimeout(done, 10));
    }
    for (const lane of this.lanes.values()) lane.end();
    await this.notes.end();
    await this.parts.outbox.release(this.state?.owned ?? []).catch(() => undefined);
    this.lanes.clear();
  }

  /** What this node has to deliver. */
  loads(): EndpointLoad[] {
    const now = this.parts.clock.now();
    return this.parts.endpoints.map(({ name, isStopped }, index) => {
      const { owned = [], last = [], endpoints = [] } = this.state ?? {};
      const delivered = endpoints[index]?.delivered ?? [];
      const depth = owned.reduce(
        (sum, each) => sum + Math.max(0, (last[each] ?? 0) - (delivered[each] ?? 0)),
        0,
      );
      const times = owned.flatMap((partition) => this.lanes.get(laneKey(name, partition))?.oldest ?? []);
      return { name, isStopped, depth, lagMs: Math.max(0, ...times.map((at) => now - at)) };
    });
  }

  private schedule(): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      this.looking = this.look()
        // Shared state is gone: the lanes stand still until it is back.
        .catch(() => undefined)
        .finally(() => this.schedule());
    }, LOOK_EVERY_MS).unref();
  }

  private async look(): Promise<void> {
    await this.noteGone();
    const at = performance.now();
    const state = await this.parts.outbox.claim(this.names);
    this.ownsUntil = at + state.ownedForMs;
    if (this.isStopped) return;
    if (this.state !== undefined && state.epoch !== this.state.epoch) this.dropAll();
    this.state = state;
    this.parts.endpoints.forEach((endpoint, index) =>
      this.follow(endpoint, state.endpoints[index]!.stoppedAs),
    );
    const owned = new Set(state.owned);
    for (const lane of this.lanes.values()) if (!owned.has(lane.partition)) this.drop(lane);
    for (const partition of state.owned) this.pump(partition, state);
    await this.giveBack(state);
  }

  private async noteGone(): Promise<void> {
    for (const endpoint of this.gone) {
      await this.parts.outbox.stop(endpoint.name, endpoint.mark);
      this.gone.delete(endpoint);
    }
  }

  /** Another node may have been answered that it is gone, or been told to go on. */
  private follow(endpoint: Endpoint, stoppedAs: string | undefined): void {
    const isStopped = this.gone.has(endpoint) || stoppedAs === endpoint.mark;
    if (isStopped === endpoint.isStopped) return;
    endpoint.isStopped = isStopped;
    if (isStopped) return;
    for (const lane of this.lanes.values()) if (lane.endpoint === endpoint) this.drop(lane);
  }

  private pump(partition: number, { epoch, endpoints, last }: OutboxState): void {
    this.parts.endpoints.forEach((endpoint, index) => {
      const { delivered, replays } = endpoints[index]!;
      const key = laneKey(endpoint.name, partition);
      let lane = this.lanes.get(key);
      if (lane !== undefined && lane.replays !== replays) {
        this.drop(lane);
        lane = undefined;
      }
      if (lane === undefined) {
        lane = new Lane(endpoint, epoch, partition, replays, delivered[partition]!, this.context);
        this.lanes.set(key, lane);
      }
      lane.pump(last[partition]);
    });
  }

  /** What is beyond this node's share goes to nodes that have come, once nothing of it is under way. */
  private async giveBack({ owned, share }: OutboxState): Promise<void> {
    const surplus = new Set(owned.slice(share));
    // A node that has gone again leaves this one a larger share: what was to be given back goes on here.
    for (const lane of this.lanes.values()) lane.isRetiring = surplus.has(lane.partition);
    const ready = [...surplus].filter((partition) =>
      this.parts.endpoints
        .map(({ name }) => this.lanes.get(laneKey(name, partition))!)
        .every((lane) => lane.isIdle && this.notes.isNoted(lane)),
    );
    if (ready.length === 0) return;
    for (const lane of this.lanes.values()) if (ready.includes(lane.partition)) this.drop(lane);
    await this.parts.outbox.release(ready);
  }

  private drop(lane: Lane): void {
    lane.end();
    this.notes.forget(lane);
    const key = laneKey(lane.endpoint.name, lane.partition);
    if (this.lanes.get(key) === lane) this.lanes.delete(key);
  }

  private dropAll(): void {
    for (const lane of this.lanes.values()) this.drop(lane);
  }

  /** One lane at a time, each in a turn of its own: what is delivered to clients comes in between. [W8] */
  private read(...of: Parameters<Outbox['read']>): ReturnType<Outbox['read']> {
    const reading = this.lastRead.then(() => this.parts.outbox.read(...of));
    this.lastRead = reading.then(nextTurn, nextTurn);
    return reading;
  }

  private laneContext(): LaneContext {
    return {
      read: (...of) => this.read(...of),
      clock: this.parts.clock,
      post: (endpoint, message) => this.parts.post(endpoint, message),
      isOwner: () => performance.now() < this.ownsUntil,
      delivered: (lane, seq) => this.notes.deliveredUpTo(lane, seq),
      attempted: (lane, parcel, result, retryInMs) => this.attempted(lane, parcel, result, retryInMs),
      lost: ({ endpoint: { name }, partition }, { from, to, count }) => {
        this.parts.metrics.lost(name, count);
        this.logger.warn('events were lost before they were delivered', {
          endpoint: name,
          partition,
          from,
          to,
        });
      },
      gone: (endpoint) => {
        this.gone.add(endpoint);
        if (endpoint.isStopped) return;
        endpoint.isStopped = true;
        this.logger.warn('a webhook endpoint answered 410 and is sent nothing more', {
          endpoint: endpoint.name,
        });
      },
    };
  }

  private attempted(
    { endpoint: { name } }: Lane,
    { events, message, attempts }: SentParcel,
    result: PostResult,
    retryInMs: number | undefined,
  ): void {
    const { outcome, status, ms, error, answer } = result;
    this.parts.metrics.attempted(name, result, Math.max(1, events.length));
    if (outcome === 'failed' && attempts === 1) {
      this.logger.warn('a webhook endpoint did not take an event', {
        endpoint: name,
        id: message.id,
        status,
        error,
      });
    }
    const at = this.parts.clock.now();
    const write = (): string =>
      JSON.stringify({
        at: new Date(at).toISOString(),
        node: this.parts.node,
        id: message.id,
        type: message.type,
        events: events.length,
        about: events.length === 1 ? events[0]!.key.slice(1) : null,
        attempt: attempts,
        outcome,
        status,
        ms,
        error,
        answer,
        retryInMs: retryInMs ?? null,
      });
    this.notes.attempted({ endpoint: name, write });
  }
}

const nextTurn = (): Promise<void> => new Promise((done) => setImmediate(done));

const laneKey = (endpoint: string, partition: number): string => `${endpoint} ${partition}`;
