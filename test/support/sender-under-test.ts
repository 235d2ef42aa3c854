import { loadConfig, type SwitchboardConfig, type SwitchboardOptions } from '../../src/config/config.js';
import { createMemoryEngine } from '../../src/engine/contract/memory-engine-under-test.js';
import type { Engine } from '../../src/engine/engine.js';
import { NodeIdentity } from '../../src/engine/node-identity.js';
import { keyOfUser, partitionOf } from '../../src/engine/outbox.js';
import { OutboundClient } from '../../src/outbound/outbound-client.js';
import type { SocketEntry } from '../../src/protocol/entries.js';
import type { WebhookAttempt, WebhookEventEntry } from '../../src/protocol/webhooks.js';
import { HealthDetails } from '../../src/telemetry/health-details.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { Endpoint } from '../../src/webhooks/endpoint.js';
import { WebhookMetrics } from '../../src/webhooks/webhook-metrics.js';
import { postMessage } from '../../src/webhooks/webhook-post.js';
import { WebhookSender } from '../../src/webhooks/webhook-sender.js';
import { Webhooks } from '../../src/webhooks/webhooks.service.js';
import { TestNode } from './redis-node.js';
import { socketEntry } from './socket-entry.js';
import { TurnedClock } from './turned-clock.js';
import { until } from './until.js';

export const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** A user whose events are in the same partition as those of another one. */
export const besideUser = (user: string): string =>
  Array.from({ length: 500 }, (_, index) => `u${index}`).find(
    (each) => partitionOf(keyOfUser(each)) === partitionOf(keyOfUser(user)),
  )!;

/** An engine, and how sockets come and go on it. */
interface EngineOfSender {
  readonly engine: Engine;
  enter(user: string): Promise<void>;
  leave(user: string): Promise<void>;
  join(user: string, room: string): Promise<void>;
  close(): Promise<void>;
}

const entryOf = (user: string, node: string): SocketEntry =>
  socketEntry({ socketId: `s-${user}`, user, node });

async function onMemory(config: SwitchboardConfig): Promise<EngineOfSender> {
  const { engine, close } = await createMemoryEngine({ ...config, recoveryWindowMs: 0 });
  const { holdings } = engine;
  return {
    engine,
    enter: async (user) => holdings.enter(`s-${user}`, () => entryOf(user, 'n-1')),
    leave: async (user) => holdings.leave(`s-${user}`, false, 'left'),
    join: async (user, room) => holdings.joined(`s-${user}`, room),
    close,
  };
}

async function onRedis({ webhooks, webhookEvents }: SwitchboardConfig, url: string): Promise<EngineOfSender> {
  const config = { webhooks, webhookEvents, nodeLeaseMs: 60_000, recoveryWindowMs: 0 };
  const node = await TestNode.start(url, config);
  await until('the node is ready', () => node.isReady);
  const { engine, holdings } = node;
  return {
    engine,
    enter: (user) => holdings.enter(`s-${user}`, () => entryOf(user, node.id), 0),
    leave: (user) => holdings.leave(`s-${user}`, false),
    join: (user, room) => holdings.joined(`s-${user}`, room),
    close: () => engine.stop(),
  };
}

/** A sender of one endpoint, `shop`, with its clock in the hands of the test. */
export class SenderUnderTest {
  /** Changes that are under way. */
  private writes: Promise<void>[] = [];

  private constructor(
    private readonly on: EngineOfSender,
    readonly clock: TurnedClock,
    readonly client: OutboundClient,
    readonly endpoint: Endpoint,
    readonly sender: WebhookSender,
    private readonly service: Webhooks,
  ) {}

  /**
   * @param clock turned on before anything is sent, where a test wants that
   * @param redisUrl of the Redis that the outbox is in; without, it is in memory
   */
  static async start(
    url: string,
    options: SwitchboardOptions = {},
    clock = new TurnedClock(),
    redisUrl?: string,
  ): Promise<SenderUnderTest> {
    const webhooks = `shop=${url}`;
    const config = loadConfig({ options: { webhooks, webhookSecrets: `shop:${SECRET}`, ...options } });
    const on = redisUrl === undefined ? await onMemory(config) : await onRedis(config, redisUrl);
    const client = new OutboundClient(config);
    const endpoint = new Endpoint('shop', config);
    const metrics = new WebhookMetrics(new Metrics());
    const sender = new WebhookSender({
      outbox: on.engine.outbox,
      endpoints: [endpoint],
      clock,
      metrics,
      node: 'n-1',
      post: (to, message) => postMessage(client, to, message),
    });
    sender.start();
    const identity = new NodeIdentity();
    const health = new HealthDetails();
    const service = new Webhooks(config, on.engine, identity, client, metrics, health, clock);
    return new SenderUnderTest(on, clock, client, endpoint, sender, service);
  }

  get engine(): Engine {
    return this.on.engine;
  }

  enter(user: string): void {
    this.writes.push(this.on.enter(user));
  }

  leave(user: string): void {
    this.writes.push(this.on.leave(user));
  }

  join(user: string, room: string): void {
    this.writes.push(this.on.join(user, room));
  }

  comeAndGo(user: string): void {
    this.enter(user);
    this.leave(user);
  }

  /** How the endpoint is, as a node says that has sent it nothing. */
  async state(): Promise<string> {
    return (await this.service.list())[0]!.state;
  }

  /** What an operator is told of a user's events, newest first. */
  async eventsOf(user: string): Promise<readonly WebhookEventEntry[]> {
    return (await this.service.attempts({ name: 'shop', user })).events!;
  }

  /** What is noted of requests, newest first. */
  async attempts(): Promise<WebhookAttempt[]> {
    return (await this.engine.outbox.attempts('shop')).map((text) => JSON.parse(text) as WebhookAttempt);
  }

  /** Whether everything is noted as delivered. */
  async isDelivered(): Promise<boolean> {
    await Promise.all(this.writes.splice(0));
    const { last, endpoints } = await this.engine.outbox.state(['shop']);
    return last.every((seq, partition) => endpoints[0]!.delivered[partition] === seq);
  }

  async close(): Promise<void> {
    await this.sender.stop();
    await this.on.close();
    await this.client.onApplicationShutdown();
  }
}
