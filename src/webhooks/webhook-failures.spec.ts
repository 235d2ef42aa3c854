import { publicationTo } from '../engine/contract/engine-under-test.js';
import { besideUser, SECRET, SenderUnderTest } from '../../test/support/sender-under-test.js';
import { TurnedClock } from '../../test/support/turned-clock.js';
import { until } from '../../test/support/until.js';
import { failing, OK, WebhookReceiver } from '../../test/support/webhook-receiver.js';
import type { SwitchboardOptions } from '../config/config.js';
import { keyOfUser, partitionOf } from '../engine/outbox.js';
import { postMessage } from './webhook-post.js';

const HOUR_MS = 3_600_000;
/** Two users in different partitions, neither of which is that of `gateway.started`. */
const [ADA, BOB] = ['ada', 'bob'] as const;

describe('the sender of webhooks, when something goes wrong', () => {
  let test: SenderUnderTest;
  let receiver: WebhookReceiver;
  const isDelivered = () => test.isDelivered();
  const start = async (options?: SwitchboardOptions, clock?: TurnedClock): Promise<void> => {
    test = await SenderUnderTest.start(receiver.url, options, clock);
  };
  /** Waits until the sender has looked at the outbox twice: what it does with what is there by now, it has begun. */
  const twoLooks = async (): Promise<void> => {
    const { outbox } = test.engine;
    const claim = outbox.claim.bind(outbox);
    let looks = 0;
    outbox.claim = (endpoints) => {
      looks++;
      return claim(endpoints);
    };
    await until('it has looked', () => looks === 2);
    outbox.claim = claim;
  };
  /** Whatever was sent before this has arrived. */
  const sendLast = async (): Promise<void> => {
    await postMessage(test.client, test.endpoint, { id: 'x', type: 'x', body: '{"type":"x","data":{}}' });
  };
  const areGone = (count: number) =>
    until('410 is noted', async () => {
      return (await test.attempts()).filter(({ outcome }) => outcome === 'gone').length === count;
    });

  beforeEach(async () => {
    receiver = await WebhookReceiver.start();
  });
  afterEach(async () => {
    await test.close();
    await receiver.stop();
  });

  it('[W6] 410 stops the endpoint until it is told to go on', async () => {
    receiver.answer = failing(410);
    await start();
    test.comeAndGo(ADA);
    await areGone(2);
    await until('all nodes know', async () => {
      const { endpoints } = await test.engine.outbox.state(['shop']);
      return endpoints[0]!.stoppedAs !== undefined;
    });
    test.comeAndGo(BOB);
    await twoLooks();
    await sendLast();
    expect(receiver.got).toHaveLength(3);
    expect(test.sender.loads()).toMatchObject([{ isStopped: true, depth: 5 }]);
    receiver.answer = OK;
    await test.engine.outbox.stop('shop', undefined);
    await until('all is delivered', isDelivered);
    for (const user of [ADA, BOB]) {
      expect(receiver.typesOf(user).slice(-2)).toEqual(['user.online', 'user.offline']);
    }
  });

  it('[W6] what waits to be tried again when the endpoint is gone is not sent until it goes on', async () => {
    receiver.answer = (response, { user }) => failing(user === ADA ? 500 : 410)(response, {} as never);
    await start();
    test.enter(ADA);
    await areGone(1);
    await until('it waits to try again', () => test.clock.waits.length === 1);
    await twoLooks();
    test.clock.turn(2 * HOUR_MS);
    await sendLast();
    expect(receiver.typesOf(ADA)).toEqual(['user.online']);
    receiver.answer = OK;
    await test.engine.outbox.stop('shop', undefined);
    await until('all is delivered', isDelivered);
    expect(receiver.typesOf(ADA)).toEqual(['user.online', 'user.online']);
  });

  it('[W6] a 410 that shared state could not be told of at once stops the endpoint all the same', async () => {
    receiver.answer = failing(410);
    await start();
    const { outbox } = test.engine;
    const stop = outbox.stop.bind(outbox);
    let tries = 0;
    outbox.stop = async (...args) => {
      if (++tries < 3) throw new Error('gone');
      await stop(...args);
    };
    await until(
      'it is stopped',
      async () => (await outbox.state(['shop'])).endpoints[0]!.stoppedAs !== undefined,
    );
    await areGone(1);
    expect(receiver.got).toHaveLength(1);
    receiver.answer = OK;
    await outbox.stop('shop', undefined);
    await until('all is delivered', isDelivered);
  });

  it('[W6] after a loss the events that follow of the same user are delivered', async () => {
    receiver.answer = (response, { user }) => (user === ADA ? failing(500) : OK)(response, {} as never);
    await start();
    test.enter(ADA);
    await until('it waits to try again', () => test.clock.waits.length === 1);
    test.clock.turn(25 * HOUR_MS);
    await until('the loss is told', () => receiver.got.some(({ type }) => type === 'events.lost'));
    receiver.answer = OK;
    test.clock.turn(-25 * HOUR_MS);
    test.leave(ADA);
    test.enter(ADA);
    await until('all is delivered', isDelivered);
    expect(receiver.typesOf(ADA)).toEqual(['user.online', 'user.offline', 'user.online']);
  });

  it('[W6] what an endpoint did not ask for is no loss to it', async () => {
    const clock = new TurnedClock();
    clock.turn(25 * HOUR_MS);
    const webhooks = `shop=${receiver.url},audit=${receiver.url}`;
    const webhookSecrets = `shop:${SECRET},audit:${SECRET}`;
    await start({ webhooks, webhookSecrets, webhookEvents: 'audit=socket.*' }, clock);
    test.comeAndGo(ADA);
    const { partition } = (await test.engine.outbox.find(keyOfUser(ADA), 1))[0]!;
    await until('all is delivered', isDelivered);
    const lost = receiver.got.find(
      ({ type, data }) => type === 'events.lost' && data['partition'] === partition,
    );
    expect(lost!.data['count']).toBe(2);
  });

  it('[W8] a partition that was to go to a node that has gone again is sent on', async () => {
    await start();
    const { outbox } = test.engine;
    const claim = outbox.claim.bind(outbox);
    const inPartition15 = Array.from({ length: 500 }, (_, index) => `u${index}`).filter(
      (user) => partitionOf(keyOfUser(user)) === 15,
    );
    const held: (() => void)[] = [];
    receiver.answer = (response, got) => {
      if (got.user === inPartition15[0]) held.push(() => OK(response, got));
      else OK(response, got);
    };
    test.enter(inPartition15[0]!);
    await until('it is under way', () => held.length === 1);
    outbox.claim = async (endpoints) => ({ ...(await claim(endpoints)), share: 8 });
    await twoLooks();
    test.comeAndGo(inPartition15[1]!);
    outbox.claim = claim;
    await twoLooks();
    held[0]!();
    await until('all is delivered', isDelivered);
  });

  it('[W8] a node sends nothing of partitions that it may have lost by now', async () => {
    receiver.answer = (response, got) => (got.type === 'user.online' ? failing(500) : OK)(response, got);
    await start();
    const { outbox } = test.engine;
    const claim = outbox.claim.bind(outbox);
    await until('all is delivered', isDelivered);
    test.enter(ADA);
    await until('it waits to try again', () => test.clock.waits.length === 1);
    outbox.claim = async (endpoints) => ({ ...(await claim(endpoints)), ownedForMs: 0 });
    await twoLooks();
    test.enter(BOB);
    await twoLooks();
    test.clock.turn(1_200);
    await sendLast();
    expect([...receiver.typesOf(ADA), ...receiver.typesOf(BOB)]).toEqual(['user.online']);
    receiver.answer = OK;
    outbox.claim = claim;
    await twoLooks();
    test.clock.turn(1_200);
    await until('all is delivered', isDelivered);
  });

  it('[W6] a batch takes no more than 100 kB, in order', async () => {
    const batches: { bytes: number; args: unknown[] }[] = [];
    receiver.answer = (response, got) => {
      const events = got.data['events'] as { type: string; data: { args: unknown[] } }[];
      const args = events.filter(({ type }) => type === 'publication').map(({ data }) => data.args[0]);
      batches.push({ bytes: got.bytes, args });
      OK(response, got);
    };
    await start({ webhookBatch: 'shop', webhookEvents: 'shop=publication:chat' });
    for (let index = 0; index < 30; index++) {
      const args = [index, 'ü'.repeat(7_000)];
      await test.engine.publish(publicationTo({ rooms: ['chat'] }, { args })).remote;
    }
    await until('all is delivered', isDelivered);
    expect(batches.flatMap(({ args }) => args)).toEqual(Array.from({ length: 30 }, (_, index) => index));
    expect(Math.max(...batches.map(({ bytes }) => bytes))).toBeLessThanOrEqual(100_000);
    expect(batches.length).toBeLessThan(20);
  });

  it('[W6] an event of one user waits behind a failing one of another in its partition, and no other does', async () => {
    const beside = besideUser(ADA);
    receiver.answer = (response, { user }) => (user === ADA ? failing(503) : OK)(response, {} as never);
    await start();
    test.enter(ADA);
    await until('it waits to try again', () => test.clock.waits.length === 1);
    test.comeAndGo(beside);
    test.comeAndGo(BOB);
    await until('the other partition is through', () => receiver.typesOf(BOB).length === 2);
    expect(receiver.typesOf(beside)).toEqual([]);
    receiver.answer = OK;
    test.clock.turn(1_200);
    await until('all is delivered', isDelivered);
    expect(receiver.typesOf(beside)).toEqual(['user.online', 'user.offline']);
  });
});
