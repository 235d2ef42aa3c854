import { publication, TestNode } from '../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { until } from '../../../test/support/until.js';

describeWithRedis('a Redis that lost some of its keys', () => {
  let redis: TestRedis;
  let one: TestNode;
  let two: TestNode;

  beforeEach(async () => {
    redis = await TestRedis.start();
    const config = { recoveryWindowMs: 500, nodeLeaseMs: 1_500 };
    [one, two] = await Promise.all([TestNode.start(redis.url, config), TestNode.start(redis.url, config)]);
  });
  afterEach(async () => {
    await Promise.all([one.engine.stop(), two.engine.stop()]);
    await redis.kill();
  });

  const keys = (pattern: string): Promise<string[]> => redis.ask((client) => client.keys(`{sb}:${pattern}`));

  it('[R4] [H6] what a dead node is cleared up by is written again: its sockets and sessions do not stay', async () => {
    await one.connect('a', 'ann', ['x']);
    const session = { sessionId: 'secret', socketId: 'a', user: 'ann', namespace: '/', token: null };
    await one.engine.sessions.open(session);
    await redis.ask((client) => client.del(`{sb}:held:${one.id}`, `{sb}:kept:${one.id}`));
    await until('both are there again', async () => (await keys(`*:${one.id}`)).length >= 4);
    expect((await keys(`held:${one.id}`)).length + (await keys(`kept:${one.id}`)).length).toBe(2);
    // Dead for the others, as after a `kill -9`.
    await redis.ask((client) => client.zadd('{sb}:nodes', 'XX', 0, one.id));
    const stopped = one.engine.stop();
    await until('its session is over', async () => (await keys('session:*')).length === 0);
    await stopped;
    expect(await two.registry.counts()).toEqual({ sockets: 0, users: 0, rooms: 0 });
  });

  it('[A8] a full Redis refuses publications and takes commands, also of the same turn', async () => {
    await one.connect('a', 'ann', ['x']);
    await redis.ask((client) => client.config('SET', 'maxmemory', '1'));
    const refused = two.engine.publish(publication({ rooms: ['x'] })).remote;
    const kicked = two.engine.command({ do: 'disconnect', subject: { user: 'ann' }, reconnect: false });
    const refusedToo = two.engine.publish(publication({ rooms: ['x'] })).remote;
    await expect(refused).rejects.toMatchObject({ code: 'engine.unavailable' });
    await expect(refusedToo).rejects.toMatchObject({ code: 'engine.unavailable' });
    expect(await kicked).toBe(1);
    expect(one.got).toEqual([]);
    expect(one.commands).toMatchObject([{ do: 'disconnect', subject: { user: 'ann' } }]);
  });
});
