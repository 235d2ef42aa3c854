import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { TestAuthority } from '../../../../test/support/certificates.js';
import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { freePort } from '../../../../test/support/free-port.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { TcpProxy } from '../../../../test/support/tcp-proxy.js';
import { until } from '../../../../test/support/until.js';
import type { EngineHealth } from '../../engine.js';

const unavailable = { code: 'engine.unavailable' };

const reasonOf = (health: EngineHealth): string =>
  health.state === 'unavailable' ? health.reason : health.state;

describeWithRedis('when Redis is in trouble', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  const nodes: TestNode[] = [];
  const start = async (...args: Parameters<typeof TestNode.start>): Promise<TestNode> => {
    const node = await TestNode.start(...args);
    nodes.push(node);
    return node;
  };

  beforeEach(async () => {
    redis = await TestRedis.start();
    proxy = await TcpProxy.to(redis.port);
  });
  afterEach(async () => {
    redis.resume();
    await Promise.all(nodes.splice(0).map(({ engine }) => engine.stop()));
    await proxy.close();
    await redis.kill();
  });

  it('[O3] starts without it, says so, and begins by itself when it comes', async () => {
    await redis.kill();
    const node = await start(redis.url);
    expect(node.engine.health()).toEqual({
      state: 'unavailable',
      reason: 'Redis refuses the connection',
      since: expect.any(Date),
    });
    const { stamp, remote } = node.engine.publish(publication({ all: true }));
    expect(typeof stamp?.cursor).toBe('string');
    await expect(remote).rejects.toMatchObject(unavailable);
    await expect(node.connect('a', 'ann')).rejects.toMatchObject(unavailable);
    await expect(node.engine.history.read('x', { limit: 1 })).rejects.toMatchObject({
      code: 'history.disabled',
    });
    await redis.run();
    await until('it is ready', () => node.isReady);
    await node.connect('a', 'ann');
    expect((await node.registry.counts()).sockets).toBe(1);
  });

  it('[O3] starts when Redis takes connections and never answers', async () => {
    redis.pause();
    const node = await start(redis.url);
    expect(reasonOf(node.engine.health())).toBe('Redis has not answered yet');
    redis.resume();
    await until('it is ready', () => node.isReady);
  });

  it('[O3] what a node holds is written again when Redis comes back empty', async () => {
    const history = [{ pattern: '*', size: 10, ttlMs: 60_000 }];
    const [one, two] = await Promise.all([start(redis.url, { history }), start(redis.url, { history })]);
    await one.watch('x');
    await one.connect('a', 'ann', ['x', 'y']);
    await two.connect('b', 'ben', ['x']);
    one.watched.set('x', ['ann', 'ben']);
    await one.engine.publish(publication({ rooms: ['x'] })).remote;
    const { epoch } = await one.engine.history.read('x', { limit: 1 });
    await until('presence is known', () => one.presenceChanges.length === 2);
    await redis.kill();
    await until('it is noticed', () => !one.isReady && !two.isReady);
    await redis.run();
    await until('they are back', () => one.isReady && two.isReady);
    expect(await one.registry.counts()).toEqual({ sockets: 2, users: 2, rooms: 2 });
    expect(await two.registry.room('x')).toEqual({ room: 'x', sockets: 2, users: 2 });
    const written = await Promise.all(['a', 'b'].map((id) => two.registry.socket(id)));
    expect(written).toEqual([one.held.get('a'), two.held.get('b')]);
    expect(await one.engine.history.read('x', { since: { epoch, offset: 1 }, limit: 10 })).toMatchObject({
      covered: false,
      publications: [],
    });
    const sent = publication({ rooms: ['x'] });
    expect((await one.engine.publish(sent).remote)?.matched).toBe(1);
    await until('it has arrived', () => two.got.includes(sent.id) && one.got.includes(sent.id));
    expect([one.timesFenced, two.timesFenced]).toEqual([0, 0]);
    // Nobody has come who was there, and nobody has gone.
    await until('it is told who is there', () => one.presenceStates.length === 2);
    expect(one.presenceStates[1]!.joined).toEqual([]);
    expect(one.presenceChanges.slice(2).flatMap(({ left, lost }) => [...left, ...lost])).toEqual([]);
  });

  it('[M4] [O3] who left on purpose while Redis was away, and then went, has left and is not held', async () => {
    const [one, two] = await Promise.all([start(redis.url), start(redis.url)]);
    await two.watch('x');
    await one.connect('a', 'ann', ['x', 'y']);
    await one.connect('b', 'ben', ['x']);
    redis.pause();
    await until('it is noticed', () => !one.isReady);
    await Promise.allSettled([one.holdings.parted('a', 'x'), one.disconnect('a'), one.disconnect('b')]);
    redis.resume();
    await until('they have gone', async () => one.isReady && (await one.registry.counts()).sockets === 0);
    await until('it is told', () => two.presenceChanges.some(({ broken }) => broken.includes('ben')));
    expect(two.presenceChanges.flatMap(({ left }) => left)).toEqual(['ann']);
    expect(two.presenceChanges.flatMap(({ broken }) => broken)).toEqual(['ben']);
  });

  it.each([
    ['', false],
    [', if at the second attempt', true],
  ])(
    '[H4] sessions of live sockets can be recovered again after Redis came back empty%s',
    async (_, isInterrupted) => {
      const [one, two] = await Promise.all([start(redis.url), start(redis.url)]);
      if (isInterrupted) {
        one.watchedRooms = () => {
          one.watchedRooms = () => one.watched;
          throw new Error('it has gone again');
        };
      }
      await one.engine.sessions.open({
        sessionId: 'secret',
        socketId: 'a',
        user: 'ann',
        namespace: '/',
        token: null,
      });
      const how = { room: 'x', meta: true, byRight: true };
      await one.engine.sessions.joined('secret', how);
      const before = one.engine.cursor;
      await redis.kill();
      await until('it is noticed', () => !one.isReady && !two.isReady);
      await redis.run();
      await until('they are back', () => one.isReady && two.isReady);
      // Watchers are told with it what became different, one room after the other.
      const between = one.engine.cursor;
      const seen = publication({ rooms: ['x'] });
      await one.engine.publish(seen).remote;
      await until('it has arrived', () => one.got.includes(seen.id));
      const { cursor } = one.arrivals.at(-1)!.stamp;
      const missed = publication({ rooms: ['x'] });
      await one.engine.publish(missed).remote;
      await one.engine.sessions.detach('secret');
      const request = { user: 'ann', namespace: '/' };
      for (const cursor of [before, between]) {
        expect(await two.engine.sessions.claim('secret', { ...request, cursor })).toBeUndefined();
      }
      const claim = await two.engine.sessions.claim('secret', { ...request, cursor });
      expect(claim?.rooms).toEqual([how]);
      expect((await claim!.missed()).map(({ publication: { id } }) => id)).toEqual([missed.id]);
    },
  );

  it.each([
    ['that it read', true],
    ['that nobody here was told of', false],
  ])('[H2] offsets %s are not given twice when Redis comes back with an older copy', async (_, tracks) => {
    const node = await start(redis.url, {
      history: [{ pattern: '*', size: 10, ttlMs: 60_000 }],
      nodeLeaseMs: 1_000,
    });
    node.hasTrackers = tracks;
    await node.connect('a', 'ann', ['x']);
    for (let index = 0; index < 3; index++) await node.engine.publish(publication({ rooms: ['x'] })).remote;
    await until('all have arrived', () => node.got.length === (tracks ? 3 : 0));
    const { epoch } = await node.engine.history.read('x', { limit: 1 });
    await redis.ask((client) => client.hset('{sb}:state', 'q', 1));
    await until('it is noticed', () => node.troubles.length > 0);
    await until('it is back', () => node.isReady);
    const page = await node.engine.history.read('x', { limit: 10 });
    expect(page).toMatchObject({ offset: 0, publications: [] });
    expect(page.epoch).not.toBe(epoch);
    expect(node.timesFenced).toBe(0);
    expect((await node.registry.room('x')).sockets).toBe(1);
  });

  it('[O3] sockets that track positions are held up no longer than it takes to notice', async () => {
    const node = await start(redis.url);
    await node.connect('a', 'ann', ['x']);
    redis.pause();
    const sent = [publication({ rooms: ['x'] }), publication({ rooms: ['x'] })];
    const handovers = sent.map((each) => node.engine.publish(each));
    expect(handovers.map(({ stamp }) => stamp)).toEqual([undefined, undefined]);
    const outcomes = await Promise.allSettled(handovers.map(({ remote }) => remote));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(node.got).toEqual(sent.map(({ id }) => id));
    expect(reasonOf(node.engine.health())).toBe('Redis does not answer');
    // From now on nothing waits.
    const later = node.engine.publish(publication({ rooms: ['x'] }));
    expect(later.stamp?.cursor).toBe(node.engine.cursor);
    await expect(later.remote).rejects.toMatchObject(unavailable);
    redis.resume();
    await until('it is back', () => node.isReady);
    const after = publication({ rooms: ['x'] });
    await node.engine.publish(after).remote;
    await until('it has arrived', () => node.got.includes(after.id));
    expect(node.got).toEqual([...sent, after].map(({ id }) => id));
  });

  it('[O3] [D4] slow, 200 ms there and back: everything works, in order, and local delivery does not wait', async () => {
    proxy.slowDown(100);
    const [near, far] = [await start(redis.url), await start(proxy.url)];
    await until('it is ready', () => far.isReady);
    far.hasTrackers = false;
    await far.connect('a', 'ann', ['x']);
    await near.connect('b', 'ben', ['x']);
    const sent = Array.from({ length: 20 }, () => publication({ rooms: ['x'] }));
    const handed = sent.map((each) => far.engine.publish(each));
    // Without a place to wait for, the caller delivers at once.
    expect(handed.map(({ stamp }) => stamp)).toEqual(sent.map(() => undefined));
    expect(await Promise.all(handed.map(({ remote }) => remote))).toMatchObject(
      sent.map(() => ({ matched: 1 })),
    );
    await until('they have arrived', () => near.got.length === sent.length);
    expect(near.got).toEqual(sent.map(({ id }) => id));
    const back = sent.map(() => publication({ rooms: ['x'] }));
    await Promise.all(back.map((each) => near.engine.publish(each).remote));
    await until('they have arrived', () => far.got.length === back.length);
    expect(far.got).toEqual(back.map(({ id }) => id));
    expect(await far.registry.room('x')).toEqual({ room: 'x', sockets: 2, users: 2 });
    expect([near.troubles, far.troubles]).toEqual([[], []]);
  });

  it('[O3] read-only: says so, and goes on by itself when it takes writes again', async () => {
    const [one, two] = [await start(redis.url), await start(redis.url)];
    await one.connect('a', 'ann', ['x']);
    await redis.ask((client) => client.replicaof('127.0.0.1', '1'));
    await until('it is noticed', () => !one.isReady && !two.isReady);
    expect(reasonOf(one.engine.health())).toBe('this Redis is a replica');
    const refused = publication({ rooms: ['x'] });
    const { stamp, remote } = one.engine.publish(refused);
    await expect(remote).rejects.toMatchObject(unavailable);
    // The sockets here get it at once, or when Redis has refused it.
    expect(stamp !== undefined || one.got.includes(refused.id)).toBe(true);
    await redis.ask((client) => client.replicaof('NO', 'ONE'));
    await until('they are back', () => one.isReady && two.isReady);
    const sent = publication({ rooms: ['x'] });
    expect((await two.engine.publish(sent).remote)?.matched).toBe(1);
    await until('it has arrived', () => one.got.includes(sent.id));
    expect([one.timesFenced, two.timesFenced]).toEqual([0, 0]);
  });

  it('[O3] loading its data: waits, and begins by itself when it has', async () => {
    await redis.kill();
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-'));
    try {
      redis = await TestRedis.start(['--dir', folder]);
      const names = Array.from({ length: 400 }, (_, number) => `k${number}`);
      await redis.ask(async (client) => {
        await client.mset(Object.fromEntries(names.map((name) => [name, 'x'.repeat(4_000)])));
        await client.save();
      });
      await redis.kill();
      // Ten milliseconds a key, and it answers in between.
      const slowly = ['--key-load-delay', '10000', '--loading-process-events-interval-bytes', '1024'];
      redis = await TestRedis.planned(['--dir', folder, ...slowly]);
      const loaded = redis.run();
      const node = await start(redis.url);
      expect(node.isReady).toBe(false);
      await loaded;
      await until('it is ready', () => node.isReady);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('[O3] look-ups fail while Redis hangs, those that wait behind others too, and are answered again after', async () => {
    const node = await start(redis.url);
    await node.connect('a', 'ann', ['x']);
    redis.pause();
    const { registry } = node;
    const first = [registry.user('ann'), registry.sockets({ room: 'x' }, {})];
    await setImmediate();
    const behind = [registry.socket('a'), registry.counts()];
    const outcomes = await Promise.allSettled([...first, ...behind]);
    expect(outcomes).toMatchObject([1, 2, 3, 4].map(() => ({ status: 'rejected', reason: unavailable })));
    redis.resume();
    await until('it is back', () => node.isReady);
    expect(await registry.socket('a')).toEqual(node.held.get('a'));
  });

  it('[H4] what a client had while Redis hung is not given to it again', async () => {
    const [node, other] = await Promise.all([start(redis.url), start(redis.url)]);
    const session = { sessionId: 'secret', socketId: 'a', user: 'ann', namespace: '/', token: null };
    await node.engine.sessions.open(session);
    redis.pause();
    const had = publication({ users: ['ann'] });
    await expect(node.engine.publish(had).remote).rejects.toMatchObject(unavailable);
    const { cursor } = node.arrivals.at(-1)!.stamp;
    redis.resume();
    await until('they are back', () => node.isReady && other.isReady);
    const missed = publication({ users: ['ann'] });
    await other.engine.publish(missed).remote;
    await node.engine.sessions.detach('secret');
    const claim = await other.engine.sessions.claim('secret', { user: 'ann', namespace: '/', cursor });
    const ids = (await claim!.missed()).map(({ publication: { id } }) => id);
    expect(ids).toEqual([missed.id]);
    // Redis has had it, which is why it could have been given twice.
    await node.engine.sessions.detach('secret');
    await other.engine.sessions.detach('secret');
    const again = await node.engine.sessions.claim('secret', {
      user: 'ann',
      namespace: '/',
      cursor: undefined,
    });
    expect((await again!.missed()).map(({ publication: { id } }) => id)).toEqual([had.id, missed.id]);
  });

  it('[D5] a node whose connection is cut for a moment loses nothing', async () => {
    const [one, two] = await Promise.all([start(redis.url), start(proxy.url)]);
    await two.connect('b', 'ben', ['x']);
    const sent: string[] = [];
    for (let round = 0; round < 5; round++) {
      for (let index = 0; index < 20; index++) {
        const next = publication({ rooms: ['x'] });
        sent.push(next.id);
        await one.engine.publish(next).remote;
        if (index === 10) proxy.cut();
      }
      proxy.mend();
      await until('it is back', () => two.isReady && two.got.length === sent.length);
    }
    expect(two.got).toEqual(sent);
    expect(two.timesFenced).toBe(0);
    expect((await one.registry.room('x')).sockets).toBe(1);
  });

  it('[D5] a node that Redis could not keep everything for starts anew rather than skip', async () => {
    const [one, two] = await Promise.all([start(redis.url), start(proxy.url)]);
    await two.connect('b', 'ben', ['x']);
    proxy.cut();
    for (let index = 0; index < 5; index++) await one.engine.publish(publication({ rooms: ['x'] })).remote;
    await redis.ask((client) => client.xtrim(`{sb}:inbox:${two.id}`, 'MAXLEN', 2));
    proxy.mend();
    await until('it is noticed', () => two.timesFenced === 1);
  });

  it('[O3] says that credentials are wrong, and never which', async () => {
    await redis.kill();
    redis = await TestRedis.start([], 'the-right-secret');
    const node = await start(redis.urlWith('the-wrong-secret'));
    expect(reasonOf(node.engine.health())).toBe('Redis does not take these credentials');
    const failure: unknown = await node.engine.nodes(0).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject(unavailable);
    expect(inspect([failure, node.engine.health(), node.troubles], { depth: 20 })).not.toContain('secret');
    const right = await start(redis.url);
    expect(right.isReady).toBe(true);
  });

  describe('with a user of Redis that may do only some things', () => {
    /** As docs/operations.md gives it. */
    const RULES = '~{sb}:* &{sb}:* +@read +@write +@scripting +@connection +@pubsub +time +info'.split(' ');
    const startAs = async (rules: readonly string[]): Promise<TestNode> => {
      await redis.ask((client) => client.acl('SETUSER', 'limited', 'reset', 'on', '>password', ...rules));
      return start(redis.url.replace('//', '//limited:password@'));
    };

    it('[O3] a node does all that it has to with what operations.md asks for', async () => {
      const [one, two] = [await startAs(RULES), await startAs(RULES)];
      await one.connect('a', 'ann', ['x']);
      const sent = publication({ rooms: ['x'] });
      await two.engine.publish(sent).remote;
      await until('it has arrived', () => one.got.includes(sent.id));
      const refusals = (await redis.ask((client) => client.acl('LOG'))) as unknown[];
      expect(refusals).toEqual([]);
    });

    it.each(['~{sb}:*', '&{sb}:*', '+@write', '+@pubsub'])(
      '[O3] it says so at once without %s',
      async (missing) => {
        const node = await startAs(RULES.filter((rule) => rule !== missing));
        expect(reasonOf(node.engine.health())).toBe('Redis does not allow this user what is needed');
      },
    );
  });

  it('[O3] trusts no certificate that nobody vouches for', async () => {
    const authority = await TestAuthority.create();
    const tlsPort = await freePort();
    const secured = await TestRedis.start(authority.args(tlsPort));
    const node = await start(`rediss://127.0.0.1:${tlsPort}`);
    expect(reasonOf(node.engine.health())).toBe('the certificate of Redis is not trusted');
    await secured.kill();
    await authority.remove();
  });

  it('[O3] refuses what cannot be kept when Redis is out of memory, and keeps its lease', async () => {
    const node = await start(redis.url, { nodeLeaseMs: 1_000 });
    await node.connect('a', 'ann', ['x']);
    await redis.ask((client) => client.config('SET', 'maxmemory', '1'));
    await expect(node.connect('b', 'ben')).rejects.toMatchObject(unavailable);
    await expect(node.engine.publish(publication({ rooms: ['x'] })).remote).rejects.toMatchObject(
      unavailable,
    );
    expect(node.got).toHaveLength(1);
    expect(reasonOf(node.engine.health())).toBe('Redis is out of memory');
    expect((await node.registry.counts()).sockets).toBe(1);
    const full = Date.now() + 1_500;
    await until('a lease would have lapsed', () => Date.now() > full);
    await redis.ask((client) => client.config('SET', 'maxmemory', '0'));
    await until('it is ready without being asked for anything', () => node.isReady);
    await node.connect('c', 'cy', ['x']);
    expect(await node.registry.counts()).toEqual({ sockets: 2, users: 2, rooms: 1 });
    expect([node.timesFenced, (await node.engine.nodes(2)).length]).toEqual([0, 1]);
  });

  it('[E3] what fails with one publication is told once, and the next ones arrive', async () => {
    const [one, two] = await Promise.all([start(redis.url), start(redis.url)]);
    await two.connect('b', 'ben', ['x']);
    const sent = [1, 2, 3].map(() => publication({ rooms: ['x'] }));
    two.acknowledge = ({ publication: { id } }) => {
      if (id === sent[1]!.id) throw new TypeError(`no good: ${id}`);
      return undefined;
    };
    for (const each of sent) await one.engine.publish(each).remote;
    await until('all have arrived', () => two.got.length === 3);
    expect(two.got).toEqual(sent.map(({ id }) => id));
    expect(two.entryFailures.map(String)).toEqual([
      'EntryFailure: an entry of kind "publication" failed with TypeError',
    ]);
    expect(inspect(two.entryFailures)).not.toContain(sent[1]!.id);
  });

  it('goes on when Redis has forgotten its scripts', async () => {
    const node = await start(redis.url);
    await redis.ask((client) => client.script('FLUSH'));
    await node.connect('a', 'ann', ['x']);
    await node.engine.publish(publication({ rooms: ['x'] })).remote;
    await until('it has arrived', () => node.got.length === 1);
  });

  it('[H4] a session whose socket broke while Redis was away waits for its client, and one that was ended does not', async () => {
    const [one, two] = await Promise.all([start(proxy.url), start(redis.url)]);
    for (const name of ['broken', 'ended']) {
      await one.engine.sessions.open({
        sessionId: name,
        socketId: name,
        user: 'ann',
        namespace: '/',
        token: null,
      });
    }
    proxy.cut();
    await until('it is noticed', () => !one.isReady);
    await expect(one.engine.sessions.detach('broken')).rejects.toMatchObject(unavailable);
    await expect(one.engine.sessions.close('ended')).rejects.toMatchObject(unavailable);
    proxy.mend();
    await until('it is back', () => one.isReady);
    const request = { user: 'ann', namespace: '/', cursor: undefined };
    expect(await two.engine.sessions.claim('ended', request)).toBeUndefined();
    expect(await two.engine.sessions.claim('broken', request)).toMatchObject({ socketId: 'broken' });
    expect(one.takenOver).toEqual([]);
  });

  it('[H4] a session that Redis does not know all of never passes a part off as the whole', async () => {
    const [one, two] = await Promise.all([start(proxy.url), start(redis.url)]);
    await one.engine.sessions.open({
      sessionId: 'secret',
      socketId: 'a',
      user: 'ann',
      namespace: '/',
      token: { jti: 'j' },
    });
    proxy.cut();
    await until('it is noticed', () => !one.isReady);
    const how = { room: 'x', meta: false, byRight: true };
    await expect(one.engine.sessions.joined('secret', how)).rejects.toMatchObject(unavailable);
    await two.engine.publish(publication({ rooms: ['x'] })).remote;
    proxy.mend();
    await until('it is back', () => one.isReady);
    const request = { user: 'ann', namespace: '/' };
    expect(await two.engine.sessions.claim('secret', { ...request, cursor: undefined })).toBeUndefined();
    const seen = publication({ users: ['ann'] });
    await one.engine.publish(seen).remote;
    await until('it has arrived', () => one.got.includes(seen.id));
    const { cursor } = one.arrivals.at(-1)!.stamp;
    const missed = publication({ rooms: ['x'] });
    await two.engine.publish(missed).remote;
    const claim = await two.engine.sessions.claim('secret', { ...request, cursor });
    expect(claim).toMatchObject({ rooms: [how], token: { jti: 'j' } });
    expect((await claim!.missed()).map(({ publication: { id } }) => id)).toEqual([missed.id]);
  });

  it('[R4] what the registry has lost is written again, however much it is', async () => {
    const node = await start(proxy.url);
    await Promise.all(
      Array.from({ length: 450 }, (_, index) => node.connect(`s${index}`, `u${index}`, ['x'])),
    );
    proxy.cut();
    await until('it is noticed', () => !node.isReady);
    // As a replica would that has become the primary without the last writes.
    await redis.ask(async (client) => {
      await client.hincrby(`{sb}:node:${node.id}`, 'w', -1);
      await client.del('{sb}:rs:x', '{sb}:rn:x', '{sb}:rc:x', '{sb}:ru:x', '{sb}:rooms', '{sb}:s:s7');
    });
    proxy.mend();
    await until('it is back', () => node.isReady);
    expect(await node.registry.socket('s7')).toMatchObject({ user: 'u7', rooms: ['x'] });
  });

  it('[O3] a change that was lost is made up for', async () => {
    const node = await start(proxy.url, { nodeLeaseMs: 1_000 });
    await node.connect('a', 'ann', ['x']);
    await node.connect('b', 'ben', ['x']);
    proxy.cut();
    await until('it is noticed', () => !node.isReady);
    await expect(node.disconnect('a')).rejects.toMatchObject(unavailable);
    node.held.get('b')!.rooms.push('y');
    proxy.mend();
    await until('it is back', () => node.isReady);
    expect(await node.registry.counts()).toEqual({ sockets: 1, users: 1, rooms: 2 });
  });
});
