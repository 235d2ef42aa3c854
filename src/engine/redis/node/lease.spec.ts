import type { Redis } from 'ioredis';
import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { scriptsOver } from '../../../../test/support/redis-script.js';
import { TcpProxy } from '../../../../test/support/tcp-proxy.js';
import { until } from '../../../../test/support/until.js';
import { createClient } from '../connection/client.js';
import { DEFAULT_PREFIX, stateKey } from '../keys.js';
import { Lease, type Held } from './lease.js';
import { Reaper } from './reaper.js';
import type { Change } from '../lua/change.js';
import { CHANGE, CHANGE_SESSIONS, WATCH } from '../lua/scripts.js';
import { luaJson } from '../lua/script.js';
import type { SessionChange } from '../lua/session.js';

const LEASE_MS = 1_000;

describeWithRedis('nodes that die', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let one: TestNode;
  let two: TestNode;
  let lost: TestNode;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());
  beforeEach(async () => {
    await redis.ask((client) => client.flushall());
    proxy = await TcpProxy.to(redis.port);
    const lease = { nodeLeaseMs: LEASE_MS };
    [one, two, lost] = await Promise.all([
      TestNode.start(redis.url, lease),
      TestNode.start(redis.url, lease),
      TestNode.start(proxy.url, lease),
    ]);
  });
  afterEach(async () => {
    await Promise.all([one.engine.stop(), two.engine.stop(), lost.engine.stop()]);
    await proxy.close();
  });

  const isLost = () => until('the node was lost', () => one.nodesLost.length + two.nodesLost.length > 0);

  it('[R4] all of a dead node is taken out once, and who watches is told', async () => {
    await one.connect('a', 'ann', ['x']);
    await one.watch('x');
    for (let index = 0; index < 250; index++) await lost.connect(`s${index}`, `u${index}`, ['x', 'y']);
    await lost.connect('b', 'ann', ['x']);
    proxy.cut();
    await isLost();
    expect([...one.nodesLost, ...two.nodesLost]).toEqual([{ node: lost.id, sockets: 251 }]);
    expect(await one.registry.counts()).toEqual({ sockets: 1, users: 1, rooms: 1 });
    expect((await two.engine.nodes(0)).map(({ node }) => node).toSorted()).toEqual(
      [one.id, two.id].toSorted(),
    );
    await until('they left', () => one.presenceChanges.flatMap(({ broken }) => broken).length === 250);
    expect(one.presenceChanges.flatMap(({ broken }) => broken)).not.toContain('ann');
    expect((await one.engine.publish(publication({ all: true })).remote)?.matched).toBe(0);
  });

  it('[H6] sessions of a dead node wait for their clients', async () => {
    const session = { sessionId: 'secret', socketId: 'b', user: 'ben', namespace: '/', token: null };
    await lost.engine.sessions.open(session);
    await lost.connect('b', 'ben');
    const how = { room: 'x', meta: false, byRight: true };
    await lost.join('b', 'x');
    await lost.engine.sessions.joined('secret', how);
    const seen = publication({ rooms: ['x'] });
    await one.engine.publish(seen).remote;
    await until('it has arrived', () => lost.got.includes(seen.id));
    const { cursor } = lost.arrivals.at(-1)!.stamp;
    proxy.cut();
    await isLost();
    const missed = publication({ rooms: ['x'] });
    await one.engine.publish(missed).remote;
    const claim = await two.engine.sessions.claim('secret', { user: 'ben', namespace: '/', cursor });
    expect(claim).toMatchObject({ socketId: 'b', rooms: [how] });
    expect((await claim!.missed()).map(({ publication: { id } }) => id)).toEqual([missed.id]);
    expect(
      await one.engine.sessions.claim('secret', { user: 'mallory', namespace: '/', cursor }),
    ).toBeUndefined();
  });

  it('[R4] a node that was taken for dead learns it, and starts anew', async () => {
    await lost.connect('b', 'ben', ['x']);
    proxy.cut();
    await isLost();
    expect(lost.isReady).toBe(false);
    expect(lost.timesFenced).toBe(0);
    proxy.mend();
    await until('it is back', () => lost.isReady);
    expect(lost.timesFenced).toBe(1);
    expect((await one.registry.counts()).sockets).toBe(0);
    await lost.connect('c', 'cy', ['x']);
    await one.engine.publish(publication({ rooms: ['x'] })).remote;
    await until('it has arrived', () => lost.got.length === 1);
  });

  it('[R4] nobody is taken for dead because Redis hangs', async () => {
    await one.connect('a', 'ann', ['x']);
    await two.connect('b', 'ben', ['x']);
    redis.pause();
    await until('it is noticed', () => !one.isReady && !two.isReady && !lost.isReady);
    const resumesAt = Date.now() + 2 * LEASE_MS;
    await until('all leases have lapsed', () => Date.now() > resumesAt);
    redis.resume();
    await until('all are back', () => one.isReady && two.isReady && lost.isReady);
    expect((await one.registry.counts()).sockets).toBe(2);
    const nodes = [one, two, lost];
    expect(nodes.map(({ timesFenced }) => timesFenced)).toEqual([0, 0, 0]);
    expect(nodes.flatMap(({ nodesLost }) => nodesLost)).toEqual([]);
  });

  it('[H4] a socket that came back elsewhere while its node was cut off stays there', async () => {
    await lost.engine.sessions.open({
      sessionId: 'secret',
      socketId: 'b',
      user: 'ben',
      namespace: '/',
      token: null,
    });
    await lost.connect('b', 'ben', ['x']);
    proxy.cut();
    const request = { user: 'ben', namespace: '/', cursor: undefined };
    const claim = await one.engine.sessions.claim('secret', request);
    await one.connect('b', 'ben', ['x']);
    await claim!.missed();
    proxy.mend();
    await until('its socket was ended', () => lost.takenOver.includes('b') && lost.isReady);
    await lost.disconnect('b');
    expect(await two.registry.socket('b')).toMatchObject({ node: one.id, rooms: ['x'] });
    expect(lost.timesFenced).toBe(0);
  });

  it('a node that stops takes its own things along', async () => {
    const four = await TestNode.start(redis.url);
    await four.connect('d', 'dan', ['x']);
    await four.engine.stop();
    expect((await one.registry.counts()).sockets).toBe(0);
    expect(await one.engine.nodes(0)).toHaveLength(3);
    expect([...one.nodesLost, ...two.nodesLost]).toEqual([]);
  });

  it('[H4] a session is taken over from a node that has not noticed the end of its socket', async () => {
    await one.engine.sessions.open({
      sessionId: 'secret',
      socketId: 'b',
      user: 'ben',
      namespace: '/',
      token: null,
    });
    const claim = await two.engine.sessions.claim('secret', {
      user: 'ben',
      namespace: '/',
      cursor: undefined,
    });
    expect(claim?.socketId).toBe('b');
    await until('its socket was ended', () => one.takenOver.length === 1);
    // What the first node still says of it has no effect.
    await one.engine.sessions.close('secret');
    expect(await claim!.missed()).toEqual([]);
    await two.engine.sessions.detach('secret');
    expect(
      await one.engine.sessions.claim('secret', { user: 'ben', namespace: '/', cursor: undefined }),
    ).toBeDefined();
  });
});

/** Redis answers the node after a fifth of a second, so that what it has to do takes longer than its lease. */
describeWithRedis('a node with much to do', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let client: Redis;
  /** Sees whose lease has lapsed, and does nothing about it. */
  let observer: Lease;
  const nodes: TestNode[] = [];

  const run = scriptsOver(() => client);
  const settings = {
    startedAt: new Date(0),
    leaseMs: 60_000,
    recoveryWindowMs: 10_000,
    sessionsKeepMs: 10_000,
    maxHistoryBytes: 134_217_728,
  };
  const startSlow = async (): Promise<TestNode> => {
    const node = await TestNode.start(proxy.url, { nodeLeaseMs: 2_000 });
    nodes.push(node);
    proxy.slowDown(100);
    return node;
  };
  const observed = async (): Promise<Held> => {
    const renewal = await observer.renew({ position: '0-0', taken: '0-0' }, 0);
    if (renewal.state !== 'held') throw new Error(`the observer itself is ${renewal.state}`);
    return renewal;
  };
  const change = (lease: Lease, changes: readonly Change[], holdMs = 0): Promise<unknown> =>
    run(CHANGE, ...lease.identity, luaJson(changes), holdMs, 1_000);
  const each = <Item>(count: number, make: (index: number) => Item): Item[] =>
    Array.from({ length: count }, (_, index) => make(index));

  beforeEach(async () => {
    redis = await TestRedis.start();
    proxy = await TcpProxy.to(redis.port);
    client = createClient(redis.url, stateKey(DEFAULT_PREFIX));
    await client.connect();
    observer = new Lease(run, { ...settings, node: 'n-observer' });
    await observer.attach(0);
  });
  afterEach(async () => {
    proxy.cut();
    await Promise.all(nodes.splice(0).map(({ engine }) => engine.stop()));
    client.disconnect();
    await proxy.close();
    await redis.kill();
  });

  it('[R4] is not taken for dead while it writes everything again', async () => {
    const node = await startSlow();
    await node.connect('s', 'ann');
    const entry = node.held.get('s')!;
    for (const socketId of each(1_500, (index) => `s${index}`)) {
      node.held.set(socketId, { ...entry, socketId });
    }
    await client.flushall();
    await observer.attach(0);
    await until('all of it is written', async () => {
      expect((await observed()).lapsed).toEqual([]);
      return (await client.scard(`{sb}:held:${node.id}`)) === node.held.size;
    });
    await until('it is back', () => node.isReady);
    expect(node.timesFenced).toBe(0);
  });

  it('[R4] is not taken for dead while it takes out one that is', async () => {
    const dead = new Lease(run, { ...settings, node: 'n-dead' });
    await dead.attach(0);
    await change(
      dead,
      each(3_000, (index): Change => ['hold', `s${index}`, 'ann', '/', 'w', '""', 'null', []]),
    );
    const node = await startSlow();
    await client.zadd('{sb}:nodes', 'XX', 0, 'n-dead');
    await until('all of it is taken out', async () => {
      expect((await observed()).lapsed).not.toContain(node.id);
      return node.nodesLost.length > 0;
    });
    expect(node.nodesLost).toEqual([{ node: 'n-dead', sockets: 3_000 }]);
    expect(node.timesFenced).toBe(0);
  });

  it.each([-3_600_000, 3_600_000])(
    '[A11] neither a lease nor a session ends early or late when the clock of Redis is set by %d ms',
    async (stepMs) => {
      const [one, two] = await Promise.all(
        [1, 2].map(() => TestNode.start(redis.url, { nodeLeaseMs: 3_000, recoveryWindowMs: 5_000 })),
      );
      nodes.push(one!, two!);
      for (const sessionId of ['back', 'away']) {
        const { sessions } = one!.engine;
        await sessions.open({
          sessionId,
          socketId: `s-${sessionId}`,
          user: 'ann',
          namespace: '/',
          token: null,
        });
        await sessions.detach(sessionId);
      }
      const detachedAt = performance.now();
      // What scripts see of a wall clock that is set.
      await client.hincrby('{sb}:state', 'shift', stepMs);
      await until('the step is taken off', async () => {
        const shift = Number(await client.hget('{sb}:state', 'shift'));
        return Math.abs(shift) < 60_000;
      });
      const claim = { user: 'ann', namespace: '/', cursor: undefined };
      expect(await two!.engine.sessions.claim('back', claim)).toMatchObject({ socketId: 's-back' });
      await until('the other one is over', async () => (await client.zcard('{sb}:waiting')) === 0);
      expect(performance.now() - detachedAt).toBeGreaterThan(4_000);
      expect([one!.timesFenced, two!.timesFenced]).toEqual([0, 0]);
      expect([...one!.nodesLost, ...two!.nodesLost].filter(({ node }) => node !== 'n-observer')).toEqual([]);
    },
  );

  it('[H4] [M4] ends all sessions and absences that are over, however many came since the last time', async () => {
    const ids = each(250, String);
    const sessions = ids.flatMap((id): SessionChange[] => [
      ['open', id, `s${id}`, 'ann', '/', 'null', 0, 0],
      ['detach', id],
    ]);
    await run(CHANGE_SESSIONS, ...observer.identity, 0, luaJson(sessions));
    await run(WATCH, ...observer.identity, 'x', '', 'nothing', 1, 1_000);
    const coming = ids.flatMap((id): Change[] => [
      ['enter', id, `u${id}`, '/', 'w', '""', 'null', 0],
      ['join', id, 'x'],
    ]);
    await change(observer, coming);
    await change(
      observer,
      ids.map((id): Change => ['leave', id, 'broken']),
      1,
    );
    let over = await observed();
    await until('it is time', async () => (over = await observed()).overdue === ids.length);
    expect(over.endedSessions).toBe(ids.length);
    const nothing = async (): Promise<void> => undefined;
    const context = { run, sessionsKeepMs: 1_000, renewWhenDue: nothing };
    // Its time is over after one batch of each: what is left is said, so that it goes on soon.
    let hurried = 0;
    const inHaste = new Reaper(observer, context, nothing, () => (hurried += 1_000));
    expect(await inHaste.carryOut(over)).toBe(false);
    expect(await observed()).toMatchObject({ endedSessions: 150, overdue: 150 });
    const patient = new Reaper(observer, context, nothing, () => 0);
    expect(await patient.carryOut(over)).toBe(true);
    expect(await observed()).toMatchObject({ endedSessions: 0, overdue: 0 });
  });
});
