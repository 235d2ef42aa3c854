import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { until } from '../../../../test/support/until.js';
import { IDEMPOTENCY_WINDOW_MS } from '../../idempotency.js';
import type { Claim } from '../../sessions.js';
import { hashed } from '../keys.js';

const unavailable = { code: 'engine.unavailable' };

describeWithRedis('sessions in Redis', () => {
  let redis: TestRedis;
  let one: TestNode;
  let two: TestNode;

  beforeEach(async () => {
    redis = await TestRedis.start();
    const history = [{ pattern: 'kept', size: 10, ttlMs: 60_000 }];
    const config = { history, recoveryWindowMs: 1_000, nodeLeaseMs: 1_000 };
    [one, two] = await Promise.all([TestNode.start(redis.url, config), TestNode.start(redis.url, config)]);
  });
  afterEach(async () => {
    await Promise.all([one.engine.stop(), two.engine.stop()]);
    await redis.kill();
  });

  const session = { sessionId: 'the-secret', socketId: 'a', user: 'ann', namespace: '/', token: null };
  const request = { user: 'ann', namespace: '/', cursor: undefined };
  const keys = (pattern: string): Promise<string[]> => redis.ask((client) => client.keys(`{sb}:${pattern}`));

  it('[H4] nothing stays for ever of a session that nobody came back to', async () => {
    await one.engine.sessions.open(session);
    await one.engine.sessions.joined(session.sessionId, { room: 'x', meta: false, byRight: true });
    await one.engine.publish(publication({ rooms: ['x'], users: ['ann'], sockets: ['a'] })).remote;
    await one.engine.publish(publication({ all: true })).remote;
    await one.engine.sessions.detach(session.sessionId);
    await until('it has ended', async () => (await keys('session:*')).length === 0);
    expect(await one.engine.sessions.claim(session.sessionId, request)).toBeUndefined();
    for (const pattern of ['us:*', 'ss:*', 'waiting', 'kept:*', '*:sa']) {
      expect([pattern, await keys(pattern)]).toEqual([pattern, []]);
    }
    const lasting = await redis.ask(async (client) => {
      const kept = [...(await keys('meta:*')), ...(await keys('log:*'))];
      const times = await Promise.all(kept.map((key) => client.pttl(key)));
      return kept.filter((_, index) => times[index]! < 0);
    });
    expect(lasting).toEqual([]);
    // And nothing is kept any longer for what nobody wants.
    await one.engine.publish(publication({ rooms: ['unwanted'] })).remote;
    expect(await keys('log:runwanted')).toEqual([]);
  });

  it('[H4] Redis never learns what a client proves itself with', async () => {
    await one.engine.sessions.open(session);
    const turn = await one.engine.idempotency.begin('the-secret', 'print');
    expect(turn.state).toBe('first');
    const names = await keys('*');
    expect(names.filter((name) => name.includes('the-secret'))).toEqual([]);
  });

  it('[D7] a repetition on another node gets the response of the first', async () => {
    const first = await one.engine.idempotency.begin('key', 'print');
    const repeated = two.engine.idempotency.begin('key', 'print');
    expect(await two.engine.idempotency.begin('key', 'other')).toEqual({ state: 'conflict' });
    if (first.state === 'first') await first.settle('done');
    expect(await repeated).toEqual({ state: 'repeated', response: 'done' });
  });

  it('[D7] Redis keeps a key for the window, counted from the answer, and not longer', async () => {
    const remembered = async (): Promise<[number, string?]> => {
      const [name] = await keys('idem:*');
      return redis.ask(async (client) => [await client.pttl(name!), name]);
    };
    const first = await one.engine.idempotency.begin('key', 'print');
    const [taken, name] = await remembered();
    expect(taken).toBeGreaterThan(IDEMPOTENCY_WINDOW_MS - 30_000);
    expect(taken).toBeLessThanOrEqual(IDEMPOTENCY_WINDOW_MS);
    // As if it had taken a minute less than the window to carry it out.
    await redis.ask((client) => client.pexpire(name!, 60_000));
    if (first.state === 'first') await first.settle('done');
    const [settled] = await remembered();
    expect(settled).toBeGreaterThan(IDEMPOTENCY_WINDOW_MS - 30_000);
    expect(settled).toBeLessThanOrEqual(IDEMPOTENCY_WINDOW_MS);
    // A repetition is not a new answer.
    await redis.ask((client) => client.pexpire(name!, 60_000));
    expect(await two.engine.idempotency.begin('key', 'print')).toMatchObject({ state: 'repeated' });
    expect((await remembered())[0]).toBeLessThanOrEqual(60_000);
    await redis.ask((client) => client.pexpire(name!, 0));
    expect(await two.engine.idempotency.begin('key', 'print')).toMatchObject({ state: 'first' });
  });

  it('[H4] [H6] one of many that want a session on several nodes gets it', async () => {
    await one.engine.sessions.open(session);
    await one.engine.sessions.detach(session.sessionId);
    const claims = await Promise.allSettled(
      [one, two, one, two].map(({ engine }) => engine.sessions.claim(session.sessionId, request)),
    );
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('[H3] [H4] what the answer to a join has given is not missed', async () => {
    const how = { room: 'kept', meta: false, byRight: true };
    await one.engine.sessions.open(session);
    await one.engine.sessions.joined(session.sessionId, how);
    // Between the session's coming in and that of its socket: from the history only.
    await two.engine.publish(publication({ rooms: ['kept'] })).remote;
    const { epoch, offset } = await one.engine.history.read('kept', { limit: 1 });
    await one.engine.sessions.joined(session.sessionId, { ...how, caughtUpTo: { epoch, offset } });
    await one.engine.sessions.detach(session.sessionId);
    const later = publication({ rooms: ['kept'] });
    await two.engine.publish(later).remote;
    const claim = await two.engine.sessions.claim(session.sessionId, request);
    const missed = await claim!.missed();
    expect(missed.map(({ publication: { id } }) => id)).toEqual([later.id]);
  });

  it('[H4] what a session missed ends where live delivery goes on', async () => {
    await one.engine.sessions.open(session);
    await one.engine.sessions.joined(session.sessionId, { room: 'x', meta: false, byRight: true });
    await two.connect('watcher', 'w', ['x']);
    const publishMany = () =>
      Array.from({ length: 20 }, () => {
        const next = publication({ rooms: ['x'] });
        one.engine.publish(next);
        return next.id;
      });
    const sent = publishMany();
    await one.engine.sessions.detach(session.sessionId);
    sent.push(...publishMany());
    const claim = await two.engine.sessions.claim(session.sessionId, request);
    const liveFrom = two.got.length;
    sent.push(...publishMany());
    const missing = claim!.missed();
    sent.push(...publishMany());
    const missed = (await missing).map(({ publication: { id } }) => id);
    const heldUntil = two.got.length;
    await until('all has arrived', () => two.got.length === sent.length);
    // What came while it was being read is in it; what comes afterwards is not.
    const held = two.got.slice(liveFrom, heldUntil).filter((id) => !missed.includes(id));
    expect(held).toEqual([]);
    expect([...missed, ...two.got.slice(heldUntil)]).toEqual(sent);
  });

  describe('when something is not answered or not taken', () => {
    const how = { room: 'x', meta: false, byRight: true };
    let node: TestNode;

    beforeEach(async () => {
      node = await TestNode.start(redis.url, { nodeLeaseMs: 60_000 });
    });
    afterEach(() => node.engine.stop());

    const stateOf = (sessionId: string): Promise<string | null> =>
      redis.ask((client) => client.hget(`{sb}:session:${hashed(sessionId)}`, 'st'));
    const outOfMemory = (isSo: boolean): Promise<unknown> =>
      redis.ask((client) => client.config('SET', 'maxmemory', isSo ? '1' : '0'));

    it('[H4] a claim that nobody was told of is taken back', async () => {
      await node.engine.sessions.open(session);
      await node.engine.sessions.detach(session.sessionId);
      redis.pause();
      const unanswered = node.engine.sessions.claim(session.sessionId, request);
      await expect(unanswered).rejects.toMatchObject(unavailable);
      redis.resume();
      let claim: Claim | undefined;
      await until('it can be claimed', async () => {
        claim = await node.engine.sessions.claim(session.sessionId, request).catch(() => undefined);
        return claim !== undefined;
      });
      expect(claim!.socketId).toBe('a');
    });

    it('[H4] a claim that fails while it reads what was missed is taken back too', async () => {
      await node.engine.sessions.open(session);
      await node.engine.sessions.detach(session.sessionId);
      const claim = await node.engine.sessions.claim(session.sessionId, request);
      // Read, and nobody was told.
      await claim!.missed();
      claim!.release();
      node.engine.sessions.flush();
      expect(await stateOf(session.sessionId)).toBe('waiting');
    });

    it('[H4] a late word of the break does not reach the session of a client that is back', async () => {
      await node.engine.sessions.open(session);
      await outOfMemory(true);
      await expect(node.engine.sessions.detach(session.sessionId)).rejects.toMatchObject(unavailable);
      await outOfMemory(false);
      const claim = await node.engine.sessions.claim(session.sessionId, request);
      await claim!.missed();
      await node.engine.sessions.settle();
      expect(await stateOf(session.sessionId)).toBe('live');
    });

    it('[H4] what is changed while sessions are written again holds', async () => {
      const ids = Array.from({ length: 300 }, (_, index) => `s${index}`);
      await outOfMemory(true);
      const openings = ids.map((sessionId) => node.engine.sessions.open({ ...session, sessionId }));
      await Promise.allSettled(openings);
      await outOfMemory(false);
      const settled = node.engine.sessions.settle();
      const changes = [
        node.engine.sessions.close('s299'),
        node.engine.sessions.joined('s298', how),
        node.engine.sessions.detach('s297'),
      ];
      await Promise.all([settled, ...changes]);
      expect(await Promise.all(['s299', 's298', 's297'].map(stateOf))).toEqual([null, 'live', null]);
      expect(await redis.ask((client) => client.hexists(`{sb}:session:${hashed('s298')}`, 'r:x'))).toBe(1);
    });

    it('[H2] [H4] what went with a whole log is not taken for nothing', async () => {
      await node.engine.sessions.open(session);
      await node.engine.sessions.joined(session.sessionId, how);
      const send = () => node.engine.publish(publication({ rooms: ['x'] })).remote;
      await send();
      const { cursor } = node.arrivals.at(-1)!.stamp;
      await send();
      await redis.ask((client) => client.pexpire('{sb}:log:rx', 0));
      await send();
      await node.engine.sessions.detach(session.sessionId);
      expect(await node.engine.sessions.claim(session.sessionId, { ...request, cursor })).toBeUndefined();
    });

    it('[D7] a turn that nobody was told of is free again', async () => {
      redis.pause();
      await expect(node.engine.idempotency.begin('key', 'print')).rejects.toMatchObject(unavailable);
      redis.resume();
      await until('Redis is there again', () => node.isReady);
      expect(await node.engine.idempotency.begin('key', 'print')).toMatchObject({ state: 'first' });
    });
  });
});
