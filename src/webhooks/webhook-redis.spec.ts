import { SECRET } from '../../test/support/sender-under-test.js';
import { TestNode } from '../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../test/support/redis.js';
import { TurnedClock } from '../../test/support/turned-clock.js';
import { until } from '../../test/support/until.js';
import { failing, OK, WebhookReceiver } from '../../test/support/webhook-receiver.js';
import { loadConfig } from '../config/config.js';
import { keyOfUser, partitionOf } from '../engine/outbox.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { Metrics } from '../telemetry/metrics.js';
import { Endpoint } from './endpoint.js';
import { WebhookMetrics } from './webhook-metrics.js';
import { postMessage } from './webhook-post.js';
import { WebhookSender } from './webhook-sender.js';

const ADA = 'ada';
const PARTITION = partitionOf(keyOfUser(ADA));
const STREAM = `ev:${PARTITION.toString(16)}`;

describeWithRedis('the sender of webhooks on Redis', () => {
  let redis: TestRedis;
  let receiver: WebhookReceiver;
  let node: TestNode;
  let sender: WebhookSender;
  let clock: TurnedClock;
  const client = new OutboundClient({ outboundCa: undefined });

  const comeAndGo = async (user: string): Promise<void> => {
    await node.connect(`s-${user}`, user);
    await node.holdings.leave(`s-${user}`, false);
  };
  const isDelivered = async (): Promise<boolean> => {
    const { last, endpoints } = await node.engine.outbox.state(['shop']);
    return last.every((seq, partition) => endpoints[0]!.delivered[partition] === seq);
  };

  beforeEach(async () => {
    redis = await TestRedis.start();
    receiver = await WebhookReceiver.start();
    const config = loadConfig({
      options: { webhooks: `shop=${receiver.url}`, webhookSecrets: `shop:${SECRET}` },
    });
    node = await TestNode.start(redis.url, {
      webhooks: config.webhooks,
      webhookEvents: config.webhookEvents,
      nodeLeaseMs: 60_000,
    });
    clock = new TurnedClock();
    sender = new WebhookSender({
      outbox: node.engine.outbox,
      endpoints: [new Endpoint('shop', config)],
      clock,
      metrics: new WebhookMetrics(new Metrics()),
      node: node.id,
      post: (endpoint, message) => postMessage(client, endpoint, message),
    });
    sender.start();
  });
  afterEach(async () => {
    await sender.stop();
    await node.engine.stop();
    await redis.kill();
    await receiver.stop();
  });
  afterAll(() => client.onApplicationShutdown());

  it('[W6] what Redis had to drop is told as lost, exactly, in its place, and what is left is delivered', async () => {
    receiver.answer = (response, { user }) => (user === ADA ? failing(503) : OK)(response, {} as never);
    await node.connect(`s-${ADA}`, ADA);
    await until('it waits to try again', () => clock.waits.length === 1);
    await node.holdings.leave(`s-${ADA}`, false);
    for (let turn = 0; turn < 300; turn++) await comeAndGo(ADA);
    // 602 events: the one under way, 200 that were read by now at the most, and then those that are still there.
    await redis.ask(async (redisClient) => {
      const [key] = (await redisClient.keys(`*${STREAM}`)) as [string];
      await redisClient.xtrim(key, 'MINID', '1-581');
    });
    receiver.answer = OK;
    clock.turn(1_200);
    await until('all is delivered', isDelivered);
    const told = receiver.got.filter(({ user, data }) => user === ADA || data['partition'] === PARTITION);
    const seqs = told.filter(({ type }) => type !== 'events.lost').map(({ data }) => Number(data['seq']));
    const [lost, ...others] = told.filter(({ type }) => type === 'events.lost');
    const { from, to, count } = lost!.data as { from: number; to: number; count: number };
    expect(others).toEqual([]);
    expect(to).toBe(580);
    expect(count).toBe(to - from + 1);
    expect([...new Set(seqs)].toSorted((one, other) => one - other)).toEqual([
      ...Array.from({ length: from - 1 }, (_, index) => index + 1),
      ...Array.from({ length: 602 - to }, (_, index) => to + 1 + index),
    ]);
    const place = told.findIndex(({ type }) => type === 'events.lost');
    expect(told.slice(place + 1).map(({ data }) => Number(data['seq']))).toEqual(
      Array.from({ length: 602 - to }, (_, index) => to + 1 + index),
    );
  });

  it('[W5] what was delivered before Redis lost its memory does not count for what is new', async () => {
    for (let turn = 0; turn < 20; turn++) await comeAndGo(ADA);
    await until('all is delivered', isDelivered);
    const { epoch } = await node.engine.outbox.state(['shop']);
    await node.connect('s-bob', 'bob');
    await redis.restartEmpty();
    await until('it is told anew', () =>
      receiver.got.some(({ user, data }) => user === 'bob' && data['epoch'] !== epoch),
    );
    await comeAndGo(ADA);
    await until('she is told anew', () => receiver.typesOf(ADA).length === 42);
    await until('all is delivered', isDelivered);
    const started = receiver.got.filter(({ type }) => type === 'gateway.started');
    expect(started.map(({ data }) => data['epoch'] === epoch)).toEqual([true, false]);
  });
});
