import { loadConfig, type SwitchboardOptions } from '../../src/config/config.js';
import { createMemoryEngine } from '../../src/engine/contract/memory-engine-under-test.js';
import type { MemoryEngine } from '../../src/engine/memory/memory-engine.js';
import { keyOfUser, partitionOf } from '../../src/engine/outbox.js';
import { OutboundClient } from '../../src/outbound/outbound-client.js';
import type { SocketEntry } from '../../src/protocol/entries.js';
import type { WebhookAttempt } from '../../src/protocol/webhooks.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { Endpoint } from '../../src/webhooks/endpoint.js';
import { WebhookMetrics } from '../../src/webhooks/webhook-metrics.js';
import { postMessage } from '../../src/webhooks/webhook-post.js';
import { WebhookSender } from '../../src/webhooks/webhook-sender.js';
import { TurnedClock } from './turned-clock.js';

export const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

/** A user whose events are in the same partition as those of another one. */
export const besideUser = (user: string): string =>
  Array.from({ length: 500 }, (_, index) => `u${index}`).find(
    (each) => partitionOf(keyOfUser(each)) === partitionOf(keyOfUser(user)),
  )!;

/** A sender of one endpoint, `shop`, on an outbox in memory, with its clock in the hands of the test. */
export class SenderUnderTest {
  private constructor(
    readonly engine: MemoryEngine,
    readonly clock: TurnedClock,
    readonly client: OutboundClient,
    readonly endpoint: Endpoint,
    readonly sender: WebhookSender,
    private readonly closeEngine: () => Promise<void>,
  ) {}

  /** @param clock turned on before anything is sent, where a test wants that */
  static async start(
    url: string,
    options: SwitchboardOptions = {},
    clock = new TurnedClock(),
  ): Promise<SenderUnderTest> {
    const webhooks = `shop=${url}`;
    const config = loadConfig({ options: { webhooks, webhookSecrets: `shop:${SECRET}`, ...options } });
    const { engine, close } = await createMemoryEngine({ ...config, recoveryWindowMs: 0 });
    const client = new OutboundClient(config);
    const endpoint = new Endpoint('shop', config);
    const sender = new WebhookSender({
      outbox: engine.outbox,
      endpoints: [endpoint],
      clock,
      metrics: new WebhookMetrics(new Metrics()),
      node: 'n-1',
      post: (to, message) => postMessage(client, to, message),
    });
    sender.start();
    return new SenderUnderTest(engine, clock, client, endpoint, sender, close);
  }

  enter(user: string): void {
    const entry = { socketId: `s-${user}`, user, node: 'n-1', namespace: '/', info: null, rooms: [] };
    this.engine.outbox.follower!.entered(entry as unknown as SocketEntry);
  }

  leave(user: string): void {
    this.engine.outbox.follower!.left(`s-${user}`, false, 'left');
  }

  comeAndGo(user: string): void {
    this.enter(user);
    this.leave(user);
  }

  /** What is noted of requests, newest first. */
  async attempts(): Promise<WebhookAttempt[]> {
    return (await this.engine.outbox.attempts('shop')).map((text) => JSON.parse(text) as WebhookAttempt);
  }

  /** Whether everything is noted as delivered. */
  async isDelivered(): Promise<boolean> {
    const { last, endpoints } = await this.engine.outbox.state(['shop']);
    return last.every((seq, partition) => endpoints[0]!.delivered[partition] === seq);
  }

  async close(): Promise<void> {
    await this.sender.stop();
    await this.closeEngine();
    await this.client.onApplicationShutdown();
  }
}
