import { jest } from '@jest/globals';
import { setImmediate } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { scriptsOver } from '../../../../test/support/redis-script.js';
import { TcpProxy } from '../../../../test/support/tcp-proxy.js';
import { until } from '../../../../test/support/until.js';
import { createClient } from '../connection/client.js';
import { NodeInbox, type InboxEntry } from './inbox.js';
import { DEFAULT_PREFIX, stateKey } from '../keys.js';
import { Lease, type Held } from '../node/lease.js';
import { READ_INBOX, REPLY } from '../lua/scripts.js';
import type { ReadReply } from '../lua/inbox.js';
import type { RunScript } from '../lua/script.js';

const NODE = 'n-one';
const KEY = `{sb}:inbox:${NODE}`;

describeWithRedis('the inbox of a node', () => {
  let redis: TestRedis;
  /** Only messages go through it; what is read does not. */
  let proxy: TcpProxy;
  let client: Redis;
  let inbox: NodeInbox;
  let lease: Lease;
  let got: string[];
  let gaps: number;
  /** What the entry `hold` waits for. */
  let letGo: () => void;

  /** How many entries one answer held. */
  let longestAnswer: number;
  let reads: ('under way' | 'over')[] = [];

  const run: RunScript = async (script, ...args) => {
    if (script === READ_INBOX) reads.push('under way');
    const reply = await scriptsOver(() => client)(script, ...args);
    if (script === READ_INBOX) reads[reads.indexOf('under way')] = 'over';
    if (script === READ_INBOX) longestAnswer = Math.max(longestAnswer, (reply as ReadReply)[1].length);
    return reply;
  };
  const tell = (text: string): Promise<unknown> => run(REPLY, NODE, 'i', 'n-other', text);
  /** As if the message had been lost. */
  const tellSilently = async (text: string): Promise<void> => {
    await client.xadd(KEY, '1-*', 'd', `reply\nd\n${text}`);
  };
  const entry = ({ fields }: InboxEntry): Promise<void> | undefined => {
    const text = fields['d']!;
    got.push(text);
    return text === 'hold' ? new Promise((resolve) => (letGo = resolve)) : undefined;
  };
  const subscribers = async (): Promise<number> => {
    const [, count] = (await client.call('PUBSUB', 'SHARDNUMSUB', KEY)) as [string, number];
    return count;
  };

  beforeAll(async () => {
    redis = await TestRedis.start();
    client = createClient(redis.url, stateKey(DEFAULT_PREFIX));
    await client.connect();
  });
  afterAll(async () => {
    client.disconnect();
    await redis.kill();
  });
  beforeEach(async () => {
    await client.flushall();
    [got, gaps] = [[], 0];
    proxy = await TcpProxy.to(redis.port);
    inbox = new NodeInbox(`redis://127.0.0.1:${proxy.port}`, KEY, NODE, run, {
      entry,
      gap: () => gaps++,
      failed: () => undefined,
    });
    const settings = { node: NODE, startedAt: new Date(0), leaseMs: 60_000 };
    lease = new Lease(run, {
      ...settings,
      recoveryWindowMs: 10_000,
      sessionsKeepMs: 10_000,
      maxHistoryBytes: 134_217_728,
    });
    await lease.attach(0);
    inbox.restart(lease.beginning);
    await until('it is subscribed', async () => (await subscribers()) === 1);
  });
  afterEach(async () => {
    inbox.stop();
    await proxy.close();
  });

  const arrives = (...texts: readonly string[]): Promise<void> =>
    until(`${texts.length} entries have come`, () => got.length >= texts.length).then(() =>
      expect(got).toEqual(texts),
    );

  it('[D4] gives what is told once and in order, however many are told at once', async () => {
    const texts = Array.from({ length: 500 }, (_, index) => `${index}\t"é`);
    await Promise.all(texts.map(tell));
    await arrives(...texts);
    expect(inbox.position).toBe((await client.xrevrange(KEY, '+', '-', 'COUNT', 1))[0]![0]);
    expect(gaps).toBe(0);
  });

  it('[D5] reads what a lost message told when the next one comes, before that one', async () => {
    await tell('a');
    await tellSilently('b');
    await tellSilently('c');
    await tell('d');
    await arrives('a', 'b', 'c', 'd');
    expect(gaps).toBe(0);
  });

  it('[D5] reads what a lost message told also when no other comes', async () => {
    await tell('a');
    await arrives('a');
    await tellSilently('b');
    await arrives('a', 'b');
  });

  it('[D5] does not wake its node while that renews its lease, and reads what a lost message told at the next renewal', async () => {
    const renewed = async (): Promise<void> => {
      const renewal = await lease.renew(inbox, 0);
      const { beginning, hasMore } = (renewal as Held).inbox;
      inbox.lookedAt(beginning, hasMore);
    };
    inbox.stop();
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      inbox = new NodeInbox(redis.url, KEY, NODE, run, { entry, gap: () => gaps++, failed: () => undefined });
      inbox.restart(lease.beginning);
      while ((await subscribers()) !== 1) await setImmediate();
      await tell('a');
      // The read that follows its subscription has come back too.
      const isBusy = (): boolean => reads.includes('under way') || jest.getTimerCount() > 1;
      while (got.length < 1 || isBusy()) {
        await setImmediate();
        jest.advanceTimersByTime(10);
      }
      reads = [];
      for (let second = 0; second < 10; second++) {
        await jest.advanceTimersByTimeAsync(1_000);
        await renewed();
        // Redis says that messages come.
        while (jest.getTimerCount() > 1) await setImmediate();
      }
      expect(reads).toEqual([]);
      await tellSilently('b');
      await renewed();
      while (got.length < 2 || isBusy()) await setImmediate();
      expect(got).toEqual(['a', 'b']);
      const at = jest.now();
      jest.advanceTimersToNextTimer();
      expect(jest.now() - at).toBeGreaterThan(1_000);
    } finally {
      jest.useRealTimers();
    }
  });

  it('[D5] [O3] goes on while the connection for messages cannot be made', async () => {
    await tell('a');
    await arrives('a');
    proxy.cut();
    await until('it is noticed', async () => (await subscribers()) === 0);
    await tell('b');
    await arrives('a', 'b');
    expect(inbox.isBehind).toBe(false);
    proxy.mend();
    await until('it is subscribed', async () => (await subscribers()) === 1);
    await tell('c');
    await arrives('a', 'b', 'c');
    expect(gaps).toBe(0);
  });

  it('[D4] gives nothing behind an entry that is waited for, and reads the rest from Redis if that is much', async () => {
    await tell('hold');
    const texts = Array.from({ length: 3_000 }, (_, index) => String(index));
    await Promise.all(texts.map(tell));
    await arrives('hold');
    letGo();
    await arrives('hold', ...texts);
    expect(gaps).toBe(0);
  });

  it('[D5] reads what is large in several parts', async () => {
    const texts = Array.from({ length: 30 }, (_, index) => String(index).padEnd(1_000_000));
    proxy.cut();
    await until('it is noticed', async () => (await subscribers()) === 0);
    longestAnswer = 0;
    for (const text of texts) await tellSilently(text);
    await arrives(...texts);
    expect(longestAnswer).toBeLessThan(20);
    expect(gaps).toBe(0);
  });

  it('[D5] tells when Redis had to drop something, before what comes after it', async () => {
    proxy.cut();
    await tell('hold');
    await arrives('hold');
    await Promise.all(['a', 'b', 'c'].map(tellSilently));
    await client.xtrim(KEY, 'MAXLEN', 1);
    letGo();
    await arrives('hold', 'c');
    expect(gaps).toBe(1);
  });

  it('[R4] takes nothing for its own that an earlier inbox of the node was told', async () => {
    const earlier = lease.beginning;
    await client.flushall();
    await lease.attach(0);
    inbox.restart(lease.beginning);
    await client.call('SPUBLISH', KEY, `${earlier}\r1-1\nreply\nd\nlate`);
    await tell('a');
    await arrives('a');
    await setImmediate();
    expect(got).toEqual(['a']);
  });
});
