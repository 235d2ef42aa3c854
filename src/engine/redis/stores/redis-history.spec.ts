import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { until } from '../../../../test/support/until.js';

describeWithRedis('histories in Redis', () => {
  let redis: TestRedis;
  let node: TestNode;

  beforeEach(async () => {
    redis = await TestRedis.start();
    node = await TestNode.start(redis.url, {
      history: [
        { pattern: 'kept*', size: 1_000, ttlMs: 60_000 },
        { pattern: 'few*', size: 2, ttlMs: 60_000 },
      ],
      maxHistoryBytes: 536_870_912,
    });
  });
  afterEach(async () => {
    await node.engine.stop();
    await redis.kill();
  });

  const publish = (room: string, args: unknown[] = []): Promise<unknown> =>
    node.engine.publish(publication({ rooms: [room] }, { args })).remote!;

  it('[H1] nothing is known for ever of a room', async () => {
    await node.engine.publish(publication({ rooms: ['kept:volatile'] }, { volatile: true })).remote;
    await node.engine.history.drop('kept:dropped');
    await node.engine.history.read('kept:read', { limit: 1 });
    await publish('kept');
    const known = await redis.ask((client) => client.keys('{sb}:meta:*'));
    const times = await redis.ask((client) => Promise.all(known.map((key) => client.pttl(key))));
    expect(known).toHaveLength(4);
    expect(times.filter((time) => time < 0)).toEqual([]);
  });

  it('[H1] nothing at all is known of a room without a history when no session wants it any longer', async () => {
    const session = { sessionId: 'secret', socketId: 'a', user: 'ann', namespace: '/', token: null };
    await node.engine.sessions.open(session);
    await node.engine.sessions.joined('secret', { room: 'x', meta: false, byRight: true });
    await publish('x');
    await node.engine.sessions.left('secret', 'x');
    expect(await redis.ask((client) => client.keys('{sb}:*:rx'))).toEqual([]);
  });

  it('[Q7] counts nothing any longer of logs that have gone, by themselves or dropped', async () => {
    const brief = await TestNode.start(redis.url, {
      history: [{ pattern: 'brief*', size: 10, ttlMs: 300 }],
      nodeLeaseMs: 600,
    });
    for (const room of ['brief:1', 'brief:2']) {
      await brief.engine.publish(publication({ rooms: [room] })).remote;
    }
    await publish('kept:dropped');
    const countedParts = (): Promise<number> =>
      redis.ask(async (client) => Object.keys(await client.hgetall('{sb}:bytes')).length);
    expect(await countedParts()).toBe(4);
    await node.engine.history.drop('kept:dropped');
    await until('the logs have gone', async () => (await countedParts()) === 1);
    expect(await redis.ask((client) => client.hgetall('{sb}:bytes'))).toEqual({ '*': '0' });
    const named = await redis.ask(async (client) => [
      await client.zcard('{sb}:logs'),
      await client.zcard('{sb}:lapsing'),
    ]);
    expect(named).toEqual([0, 0]);
    await brief.engine.stop();
  });

  it('[Q7] counts a log that was there before, and one whose name was lost', async () => {
    await publish('kept:old');
    await redis.ask((client) => client.del('{sb}:bytes', '{sb}:logs', '{sb}:lapsing'));
    await publish('kept:old');
    const [counted, named] = await redis.ask(async (client) => [
      Number(await client.hget('{sb}:bytes', 'rkept:old')),
      await client.zcard('{sb}:logs'),
    ]);
    expect(counted).toBeGreaterThan(500);
    expect(named).toBe(1);
  });

  /** As a node of a version that counts nothing leaves it. A number that was 0 and negated is `-0`, which Redis takes for none. */
  it('[Q7] counts a full log that was not counted when what comes is as large as what goes', async () => {
    for (let times = 0; times < 3; times++) await publish('few');
    await redis.ask((client) => client.del('{sb}:bytes'));
    await publish('few');
    expect(await redis.ask((client) => client.hget('{sb}:bytes', 'rfew'))).toMatch(/^[1-9]\d+$/);
    expect((await node.engine.history.read('few', { limit: 5 })).offset).toBe(4);
  });

  it('[Q7] forgets rooms that are only asked for when there are more than 100,000', async () => {
    const fill = `for n = ARGV[1] + 1, ARGV[1] + 10000 do
      redis.call('ZADD', KEYS[1], n, 'rkept:' .. n)
      redis.call('HSET', '{sb}:meta:rkept:' .. n, 'e', 'x')
    end`;
    await redis.ask(async (client) => {
      for (let done = 0; done < 100_000; done += 10_000) await client.eval(fill, 1, '{sb}:told', done);
    });
    await node.engine.history.read('kept:new', { limit: 1 });
    const [told, oldest] = await redis.ask(async (client) => [
      await client.zcard('{sb}:told'),
      await client.exists('{sb}:meta:rkept:1'),
    ]);
    expect(told).toBeLessThanOrEqual(100_000);
    expect(oldest).toBe(0);
  });

  it('[Q7] a user is over its quota on every node that it publishes from', async () => {
    const history = [{ pattern: 'kept*', size: 1_000, ttlMs: 60_000 }];
    const [one, two] = await Promise.all(
      [1, 2].map(() => TestNode.start(redis.url, { history, maxHistoryBytes: 16_777_216 })),
    );
    const send = (by: TestNode, room: string): Promise<unknown> =>
      by.engine.publish(publication({ rooms: [room] }, { args: ['x'.repeat(90_000)], user: 'ann' })).remote!;
    for (let number = 0; number < 8; number++) await send(one!, `kept:${number}`);
    expect(one!.engine.history.overQuotaMs('ann')).toBe(0);
    for (let number = 0; number < 6; number++) await send(two!, `kept:two:${number}`);
    expect(two!.engine.history.overQuotaMs('ann')).toBeGreaterThan(0);
    await Promise.all([one!.engine.stop(), two!.engine.stop()]);
  });

  it('[Q7] Redis stays within its memory whatever is published into ever new rooms', async () => {
    const small = await TestRedis.start(['--maxmemory', '48mb']);
    const busy = await TestNode.start(small.url, {
      history: [{ pattern: 'kept*', size: 1_000, ttlMs: 3_600_000 }],
      maxHistoryBytes: 16_777_216,
    });
    const text = 'x'.repeat(95_000);
    for (let number = 0; number < 800; number++) {
      await busy.engine.publish(publication({ rooms: [`kept:${number}`] }, { args: [text] })).remote;
    }
    expect(busy.engine.health()).toEqual({ state: 'ready' });
    expect((await busy.engine.history.read('kept:799', { limit: 1 })).publications).toHaveLength(1);
    expect((await busy.engine.history.read('kept:0', { limit: 1 })).publications).toHaveLength(0);
    await busy.engine.stop();
    await small.kill();
  });

  it('[H2] a room whose offsets were lost begins anew, and proves nothing of before', async () => {
    await publish('kept:damaged');
    const before = await node.engine.history.read('kept:damaged', { limit: 1 });
    await redis.ask((client) => client.hdel('{sb}:meta:rkept:damaged', 'o'));
    await publish('kept:damaged');
    const since = { epoch: before.epoch, offset: before.offset };
    const after = await node.engine.history.read('kept:damaged', { since, limit: 10 });
    expect(after).toMatchObject({ offset: 1, covered: false });
    expect(after.epoch).not.toBe(before.epoch);
  });

  it('[H4] a session whose log was lost is not given a part for the whole', async () => {
    const session = { sessionId: 'secret', socketId: 'a', user: 'ann', namespace: '/', token: null };
    await node.engine.sessions.open(session);
    await node.engine.sessions.joined('secret', { room: 'x', meta: false, byRight: true });
    await publish('x');
    await node.engine.sessions.detach('secret');
    await redis.ask((client) => client.del('{sb}:meta:rx', '{sb}:log:rx'));
    const claim = node.engine.sessions.claim('secret', { user: 'ann', namespace: '/', cursor: undefined });
    expect(await claim).toBeUndefined();
  });

  it('[H4] keeps 32 MiB for sessions, and what a rule says beside', async () => {
    const session = { sessionId: 'secret', socketId: 'a', user: 'ann', namespace: '/', token: null };
    await node.engine.sessions.open(session);
    const text = 'x'.repeat(200_000);
    for (const room of ['x', 'kept']) {
      await node.engine.sessions.joined('secret', { room, meta: false, byRight: true });
      for (let number = 1; number <= 200; number++) await publish(room, [text]);
    }
    const lengths = await redis.ask(async (client) => [
      await client.xlen('{sb}:log:rx'),
      await client.xlen('{sb}:log:rkept'),
    ]);
    expect(lengths).toEqual([Math.floor(33_554_432 / 200_070), 200]);
    await node.engine.sessions.detach('secret');
    const request = { user: 'ann', namespace: '/', cursor: undefined };
    expect(await node.engine.sessions.claim('secret', request)).toBeUndefined();
  });

  it('[H2] a publication that has gone from the middle is not passed over', async () => {
    for (let number = 1; number <= 3; number++) await publish('kept', [number]);
    const { epoch } = await node.engine.history.read('kept', { limit: 1 });
    await redis.ask(async (client) => {
      const [, [id]] = (await client.xrange('{sb}:log:rkept', '-', '+')) as [unknown, [string]];
      await client.xdel('{sb}:log:rkept', id);
    });
    const page = await node.engine.history.read('kept', { since: { epoch, offset: 0 }, limit: 10 });
    expect(page).toMatchObject({ covered: false, publications: [] });
  });
});
