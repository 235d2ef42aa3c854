import {
  Inject,
  Injectable,
  Logger,
  Optional,
  type BeforeApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import type { AttemptsRequest } from '../backend/webhook-control.js';
import { WebhookControl } from '../backend/webhook-control.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { isPlain } from '../config/handler-rules.js';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { KEEP_EVENTS_MS, keyOfRoom, keyOfUser, type OutboxEvent } from '../engine/outbox.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { SwitchboardError } from '../protocol/errors.js';
import type {
  WebhookAttempt,
  WebhookAttempts,
  WebhookEntry,
  WebhookEventEntry,
  WebhookReplay,
  WebhookTestResult,
} from '../protocol/webhooks.js';
import { HealthDetails } from '../telemetry/health-details.js';
import { Endpoint } from './endpoint.js';
import { machineClock, WEBHOOK_CLOCK, type WebhookClock } from './webhook-clock.js';
import { idOf } from './webhook-message.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { postMessage } from './webhook-post.js';
import type { WebhookSender } from './webhook-sender.js';

/** Events of a user or room that are shown beside the attempts. */
const EVENTS_SHOWN = 100;
/** An event that waits for longer does so because others fail: too many may have gone since for the attempts to show it. */
const MAX_LAG_MS = 60_000;
/** The node that has a partition now makes a request again that is due: what is overdue for longer was given up. */
const RETRIED_WITHIN_MS = 20_000;

/** The endpoints of the configuration, their sender, and what is asked of them over the API. [W1] [W7] */
@Injectable()
export class Webhooks extends WebhookControl implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger('Webhooks');
  private readonly endpoints: readonly Endpoint[];
  private sender: WebhookSender | undefined;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly node: NodeIdentity,
    private readonly outbound: OutboundClient,
    private readonly metrics: WebhookMetrics,
    private readonly health: HealthDetails,
    @Optional() @Inject(WEBHOOK_CLOCK) private readonly clock: WebhookClock = machineClock,
  ) {
    super();
    this.endpoints = config.webhooks.map(({ name }) => new Endpoint(name, config));
  }

  async onModuleInit(): Promise<void> {
    const { endpoints } = this;
    if (endpoints.length === 0) return;
    // Where nobody is told, what tells them is not loaded.
    const { WebhookSender } = await import('./webhook-sender.js');
    const sender = new WebhookSender({
      outbox: this.engine.outbox,
      endpoints,
      clock: this.clock,
      metrics: this.metrics,
      node: this.node.id,
      post: (endpoint, message) => postMessage(this.outbound, endpoint, message),
    });
    this.sender = sender;
    await this.metrics.start(() => sender.loads());
    this.health.add('webhooks', () => Object.fromEntries(endpoints.map(({ name, state }) => [name, state])));
    const plain = this.config.webhooks.filter(({ url }) => isPlain(url)).map(({ name }) => name);
    if (plain.length > 0) {
      this.logger.warn('events cross a network in the clear: use https', { endpoints: plain.join(' ') });
    }
    sender.start();
  }

  /** Before the sockets end: what they tell then waits for another node, or for this one's next start. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.sender?.stop();
  }

  async list(): Promise<WebhookEntry[]> {
    if (this.endpoints.length === 0) return [];
    const { outbox } = this.engine;
    const { endpoints, last } = await outbox.state(this.endpoints.map(({ name }) => name));
    const now = this.clock.now();
    return Promise.all(
      this.endpoints.map(async (endpoint, index): Promise<WebhookEntry> => {
        const { delivered, stoppedAs } = endpoints[index]!;
        const times = (await outbox.oldest(delivered)).filter((at) => at !== undefined);
        const lagMs = Math.max(0, ...times.map((at) => now - at));
        const isFailing = lagMs > MAX_LAG_MS || (await this.isFailing(endpoint));
        return {
          name: endpoint.name,
          url: endpoint.url.origin + endpoint.url.pathname,
          events: endpoint.choices.map(({ event, rooms }) => (rooms === '*' ? event : `${event}:${rooms}`)),
          batch: endpoint.isBatched,
          state: stoppedAs === endpoint.mark ? 'stopped' : isFailing ? 'failing' : 'ok',
          depth: last.reduce((sum, seq, partition) => sum + Math.max(0, seq - delivered[partition]!), 0),
          lagMs,
        };
      }),
    );
  }

  async attempts({ name, user, room }: AttemptsRequest): Promise<WebhookAttempts> {
    const endpoint = this.find(name);
    const { outbox } = this.engine;
    const items = await this.itemsOf(name);
    const keys = [
      ...(user === undefined ? [] : [keyOfUser(user)]),
      ...(room === undefined ? [] : [keyOfRoom(room)]),
    ];
    if (keys.length === 0) return { items };
    const { delivered, tellsSince } = (await outbox.state([name])).endpoints[0]!;
    const found = await Promise.all(keys.map((key) => outbox.find(key, EVENTS_SHOWN)));
    // What was not delivered in a day was given up, and the newest event of a partition stays for longer.
    const since = Math.max(tellsSince, this.clock.now() - KEEP_EVENTS_MS);
    const events = found.flat().filter((event) => event.at >= since && endpoint.wants(event));
    return { items, events: events.map((event) => shownEvent(event, delivered)) };
  }

  /** Newest first. */
  private async itemsOf(name: string): Promise<WebhookAttempt[]> {
    return (await this.engine.outbox.attempts(name)).map((text) => JSON.parse(text) as WebhookAttempt);
  }

  /** Here, or at another node: a request that failed and was not made again since. */
  private async isFailing(endpoint: Endpoint): Promise<boolean> {
    if (endpoint.failing > 0) return true;
    const seen = new Set<string>();
    return (await this.itemsOf(endpoint.name)).some(({ id, at, retryInMs }) => {
      const isNewest = !seen.has(id);
      seen.add(id);
      return isNewest && retryInMs !== null && Date.parse(at) + retryInMs + RETRIED_WITHIN_MS > Date.now();
    });
  }

  async test(name: string): Promise<WebhookTestResult> {
    const endpoint = this.find(name);
    const id = `test_${randomUUID()}`;
    const type = 'webhook.test';
    const body = JSON.stringify({ type, timestamp: new Date().toISOString(), data: { node: this.node.id } });
    const result = await postMessage(this.outbound, endpoint, { id, type, body });
    if (result.outcome === 'delivered') await this.engine.outbox.stop(name, undefined);
    const { outcome, status, ms, error, answer } = result;
    return { id, outcome, status, ms, error, answer };
  }

  async replay(name: string, sinceMs: number): Promise<WebhookReplay> {
    this.find(name);
    return { events: await this.engine.outbox.replay(name, sinceMs) };
  }

  private find(name: string): Endpoint {
    const endpoint = this.endpoints.find((each) => each.name === name);
    if (endpoint === undefined) throw new SwitchboardError('webhook.unknown');
    return endpoint;
  }
}

const shownEvent = (event: OutboxEvent, delivered: readonly number[]): WebhookEventEntry => {
  const { type, at, data, seq, epoch, partition } = event;
  return {
    id: idOf(event),
    type,
    timestamp: new Date(at).toISOString(),
    data: { ...data, seq, epoch },
    delivered: delivered[partition]! >= seq,
  };
};
