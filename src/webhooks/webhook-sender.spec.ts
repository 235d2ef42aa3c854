import { TestAuthority } from '../../test/support/certificates.js';
import { besideUser, SECRET, SenderUnderTest } from '../../test/support/sender-under-test.js';
import { describeWithRedis, TestRedis } from '../../test/support/redis.js';
import { TurnedClock } from '../../test/support/turned-clock.js';
import { until } from '../../test/support/until.js';
import { failing, OK, WebhookReceiver, type Answer, type Got } from '../../test/support/webhook-receiver.js';
import { loadConfig, type SwitchboardOptions } from '../config/config.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { Endpoint } from './endpoint.js';
import { postMessage } from './webhook-post.js';
import type { ServerResponse } from 'node:http';

const HOUR_MS = 3_600_000;

/** Two users in different partitions: what fails for one does not hold up the other. */
const [ADA, BOB] = ['ada', 'bob'] as const;
const SAME_PARTITION = besideUser(ADA);

describe('the sender of webhooks on the memory engine', () => sendsOn('memory'));
describeWithRedis('the sender of webhooks on the redis engine', () => sendsOn('redis'));

function sendsOn(kind: 'memory' | 'redis'): void {
  let test: SenderUnderTest;
  let redis: TestRedis | undefined;
  let receiver: WebhookReceiver;
  const closers: (() => Promise<unknown>)[] = [];
  const isDelivered = () => test.isDelivered();

  const start = async (url: string, options?: SwitchboardOptions): Promise<void> => {
    test = await SenderUnderTest.start(url, options, new TurnedClock(), redis?.url);
    closers.push(() => test.close());
  };

  beforeEach(async () => {
    if (kind === 'redis') {
      const started = await TestRedis.start();
      redis = started;
      closers.push(() => started.kill());
    }
    receiver = await WebhookReceiver.start();
    closers.push(() => receiver.stop());
  });
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });

  it('[W5] tells first that the gateway has started, and notes what was delivered', async () => {
    await start(receiver.url);
    test.comeAndGo(ADA);
    await until('all is delivered', isDelivered);
    expect(receiver.got.map(({ type }) => type).sort()).toEqual([
      'gateway.started',
      'user.offline',
      'user.online',
    ]);
    expect(receiver.typesOf(ADA)).toEqual(['user.online', 'user.offline']);
    const epochs = new Set(receiver.got.map(({ data }) => data['epoch']));
    expect(epochs.size).toBe(1);
    expect(test.sender.loads()).toMatchObject([{ name: 'shop', isStopped: false }]);
    await until('attempts are noted', async () => (await test.attempts()).length === 3);
    expect(await test.attempts()).toContainEqual({
      at: expect.any(String),
      node: 'n-1',
      id: expect.stringMatching(/^evt_/),
      type: 'user.online',
      events: 1,
      about: ADA,
      attempt: 1,
      outcome: 'delivered',
      status: 204,
      ms: expect.any(Number),
      error: null,
      answer: '',
      retryInMs: null,
    });
  });

  it('[W6] events of one key go one after another, those of others meanwhile', async () => {
    await start(receiver.url);
    const held: ServerResponse[] = [];
    receiver.answer = (response, got) => {
      if (got.user === ADA && held.length === 0) held.push(response);
      else OK(response, got);
    };
    for (let turn = 0; turn < 3; turn++) for (const user of [ADA, BOB, SAME_PARTITION]) test.comeAndGo(user);
    await until('the others are through', () => receiver.typesOf(SAME_PARTITION).length === 6);
    await until('the others are through', () => receiver.typesOf(BOB).length === 6);
    expect(receiver.typesOf(ADA)).toEqual(['user.online']);
    held[0]!.writeHead(200).end();
    await until('all is delivered', isDelivered);
    for (const user of [ADA, BOB, SAME_PARTITION]) {
      expect(receiver.typesOf(user)).toEqual(
        Array.from({ length: 3 }, () => ['user.online', 'user.offline']).flat(),
      );
    }
  });

  it.each([
    ['500', failing(500), 500, 'status 500'],
    [
      'a redirect',
      failing(302, { location: 'http://127.0.0.1:1/' }),
      302,
      'a redirect, which is not followed',
    ],
    [
      'a connection that breaks',
      ((response) => response.destroy()) as Answer,
      null,
      expect.stringMatching(/^broken/),
    ],
  ])(
    '[W6] %s holds up its partition only, and is tried again with the same ID',
    async (_, answer, status, error) => {
      await start(receiver.url);
      receiver.answer = (response, got) => (got.user === ADA ? answer : OK)(response, got);
      test.comeAndGo(ADA);
      test.comeAndGo(BOB);
      await until('the other partition is through', () => receiver.typesOf(BOB).length === 2);
      await until('it waits to try again', () => test.clock.waits.length === 1);
      test.enter(SAME_PARTITION);
      expect(test.clock.waits[0]).toBeGreaterThanOrEqual(800);
      expect(test.clock.waits[0]).toBeLessThanOrEqual(1_200);
      expect(receiver.typesOf(SAME_PARTITION)).toEqual([]);
      await until('the attempt is noted', async () =>
        (await test.attempts()).some(({ outcome }) => outcome === 'failed'),
      );
      expect((await test.attempts()).find(({ outcome }) => outcome === 'failed')).toMatchObject({
        status,
        error,
      });
      receiver.answer = OK;
      test.clock.turn(1_200);
      await until('all is delivered', isDelivered);
      expect(receiver.typesOf(ADA)).toEqual(['user.online', 'user.online', 'user.offline']);
      const [first, again] = receiver.got.filter(({ user }) => user === ADA);
      expect(again!.id).toBe(first!.id);
    },
  );

  it('[W6] a receiver that is down for an hour gets everything in order, and costs no memory meanwhile', async () => {
    await start(receiver.url);
    receiver.answer = failing(503);
    for (let turn = 0; turn < 500; turn++) test.comeAndGo(ADA);
    const delays: number[] = [];
    for (let turned = 0; turned < HOUR_MS;) {
      await until('it waits to try again', () => test.clock.waits.length >= 2);
      const next = Math.min(...test.clock.waits);
      delays.push(next);
      test.clock.turn(Math.max(next, 1));
      turned += Math.max(next, 1);
    }
    expect(receiver.typesOf(ADA).every((type) => type === 'user.online')).toBe(true);
    expect(test.sender.loads()[0]!.depth).toBeGreaterThanOrEqual(1_000);
    receiver.got.length = 0;
    receiver.answer = OK;
    test.clock.turn(2 * HOUR_MS);
    await until('all is delivered', isDelivered);
    expect(receiver.typesOf(ADA)).toEqual(
      Array.from({ length: 500 }, () => ['user.online', 'user.offline']).flat(),
    );
    const seqs = receiver.got.filter(({ user }) => user === ADA).map(({ data }) => Number(data['seq']));
    expect(seqs).toEqual([...seqs].sort((one, other) => one - other));
  });

  it('[W6] Retry-After is obeyed', async () => {
    await start(receiver.url);
    receiver.answer = failing(429, { 'retry-after': '90' });
    test.enter(ADA);
    await until('both partitions wait', () => test.clock.waits.length === 2);
    expect(Math.min(...test.clock.waits)).toBeGreaterThanOrEqual(90_000);
  });

  it('[W6] [W7] what could not be delivered in a day is lost, the endpoint is told how much, and nobody that it was delivered', async () => {
    await start(receiver.url);
    receiver.answer = (response, got) => (got.user === ADA ? failing(500) : OK)(response, got);
    test.comeAndGo(ADA);
    test.enter(ADA);
    await until('it waits to try again', () => test.clock.waits.length === 1);
    const delivered = async () => (await test.eventsOf(ADA)).map((event) => event.delivered);
    await until('all is written', async () => (await delivered()).length === 3);
    expect(await delivered()).toEqual([false, false, false]);
    test.clock.turn(25 * HOUR_MS);
    await until('all is delivered', isDelivered);
    const lost = receiver.got.filter(({ type }) => type === 'events.lost');
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.reduce((sum, { data }) => sum + Number(data['count']), 0)).toBe(3);
    expect(lost[0]!.data).toMatchObject({
      from: expect.any(Number),
      to: expect.any(Number),
      epoch: expect.any(String),
    });
    expect(await delivered()).toEqual([]);
  });

  it('[W6] a batch holds up to 100 events, in order, each with its own ID', async () => {
    const bodies: { id: string; type: string; data: Record<string, unknown> }[][] = [];
    receiver.answer = (response, { type, data }) => {
      if (type === 'batch') bodies.push(data['events'] as (typeof bodies)[number]);
      OK(response, {} as Got);
    };
    await start(receiver.url, { webhookBatch: 'shop' });
    for (let turn = 0; turn < 150; turn++) test.comeAndGo(ADA);
    await until('all is delivered', isDelivered);
    const events = bodies.flat().filter(({ data }) => data['user'] === ADA);
    expect(events.map(({ type }) => type)).toEqual(
      Array.from({ length: 150 }, () => ['user.online', 'user.offline']).flat(),
    );
    expect(Math.max(...bodies.map(({ length }) => length))).toBe(100);
    expect(new Set(events.map(({ id }) => id)).size).toBe(300);
  });

  it('[W7] an endpoint is failing when an event waits for a minute, whatever became of requests since', async () => {
    await start(receiver.url);
    const held: ServerResponse[] = [];
    receiver.answer = (response, got) => {
      if (got.user === ADA) held.push(response);
      else OK(response, got);
    };
    test.enter(ADA);
    await until('it is sent', () => held.length === 1);
    expect(await test.state()).toBe('ok');
    test.clock.turn(61_000);
    expect(await test.state()).toBe('failing');
    OK(held[0]!, {} as Got);
    await until('all is delivered', isDelivered);
    expect(await test.state()).toBe('ok');
  });

  it('[W1] only what the endpoint asked for is sent', async () => {
    await start(receiver.url, { webhookEvents: 'shop=socket.*+room.occupied:chat:*' });
    test.enter(ADA);
    test.join(ADA, 'chat:1');
    test.join(ADA, 'hall');
    await until('all is delivered', isDelivered);
    expect(receiver.got.map(({ type }) => type).sort()).toEqual([
      'gateway.started',
      'room.occupied',
      'socket.connected',
    ]);
  });

  it('[W7] a replay delivers what was delivered once more, with the same IDs', async () => {
    await start(receiver.url);
    test.comeAndGo(ADA);
    await until('all is delivered', isDelivered);
    const ids = receiver.got.map(({ id }) => id).sort();
    expect(await test.engine.outbox.replay('shop', 0)).toBe(3);
    await until('all is there twice', () => receiver.got.length === 6);
    expect(
      receiver.got
        .slice(3)
        .map(({ id }) => id)
        .sort(),
    ).toEqual(ids);
  });

  it('[W6] an answer that never comes is a failure after 15 s, and one that never ends is cut', async () => {
    await start(receiver.url);
    receiver.answer = (response, got) => {
      if (got.user !== ADA) OK(response, got);
      else response.writeHead(200).write('x'.repeat(100_000));
    };
    test.comeAndGo(ADA);
    await until('all is delivered', isDelivered);
    await until('the attempt is noted', async () =>
      (await test.attempts()).some(({ about }) => about === ADA),
    );
    expect((await test.attempts()).find(({ about }) => about === ADA)!.answer).toBe('x'.repeat(1_024));
    receiver.answer = () => undefined;
    test.comeAndGo(BOB);
    await until('it has timed out', async () =>
      (await test.attempts()).some(({ outcome }) => outcome === 'failed'),
    );
    expect((await test.attempts())[0]).toMatchObject({ status: null, error: 'timeout: TIMEOUT' });
  });

  it('[W1] [B7] a certificate that nobody vouches for, and a metadata address, are failures', async () => {
    const authority = await TestAuthority.create();
    closers.push(() => authority.remove());
    const secure = await WebhookReceiver.start(authority.vouchFor());
    closers.push(() => secure.stop());
    await start(secure.url);
    test.enter(ADA);
    await until('it waits to try again', () => test.clock.waits.length >= 1);
    await until('the attempt is noted', async () => (await test.attempts()).length > 0);
    expect((await test.attempts())[0]).toMatchObject({
      outcome: 'failed',
      status: null,
      error: expect.stringMatching(/^tls/),
    });
    expect(secure.got).toEqual([]);
    const pointsToMetadata = new OutboundClient({ outboundCa: undefined }, (_, done) =>
      done(null, [{ address: '169.254.169.254', family: 4 }]),
    );
    closers.push(() => pointsToMetadata.onApplicationShutdown());
    const config = loadConfig({
      options: { webhooks: 'shop=http://hooks.example/', webhookSecrets: `shop:${SECRET}` },
    });
    const message = { id: 'x', type: 'webhook.test', body: '{}' };
    const result = await postMessage(pointsToMetadata, new Endpoint('shop', config), message);
    expect(result).toMatchObject({ outcome: 'failed', error: expect.stringMatching(/^address_refused/) });
  });
}
