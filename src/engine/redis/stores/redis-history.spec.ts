import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';

describeWithRedis('histories in Redis', () => {
  let redis: TestRedis;
  let node: TestNode;

  beforeEach(async () => {
    redis = await TestRedis.start();
    node = await TestNode.start(redis.url, { history: [{ pattern: 'kept*', size: 1_000, ttlMs: 60_000 }] });
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
