import { createApiKey } from '../../../src/access/api-keys.js';
import { CHANGE } from '../../../src/engine/redis/lua/scripts.js';
import {
  startGateway,
  type HttpAnswer,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { recipientsOf } from '../../support/arrivals.js';
import { EAGER } from '../../support/client-matrix.js';
import { bodyOf, Cluster } from '../../support/cluster.js';
import { describeWithRedis } from '../../support/redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { inSeconds, refusalOf, SECRET, sign, everythingIn } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const { key, entry } = createApiKey('backend', ['read', 'emit', 'manage']);

describeWithRedis('what a backend asks of one node about the sockets of another', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;

  beforeEach(async () => {
    cluster = await Cluster.start({ jwtSecret: SECRET, apiKeys: entry, maxSocketsPerUser: 0 });
    ({ a, b } = cluster);
  });
  afterEach(() => cluster.close());

  const ask = <Body = Record<string, unknown>>(
    node: TestGateway,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<HttpAnswer<Body>> => node.http<Body>(method, path, body, { authorization: `Bearer ${key}` });

  const connect = async (node: TestGateway, user: string, claims: object = {}): Promise<TestClient> =>
    node.connect({
      auth: { token: await sign({ sub: user, caps: [everythingIn('*')], ...claims }) },
      client: EAGER,
    });

  it('[M2] puts sockets and users into rooms and takes them out; it is so on all nodes when the answer comes', async () => {
    const clients = {
      adaA: await connect(a, 'ada'),
      adaB: await connect(b, 'ada'),
      bob: await connect(b, 'bob'),
    };
    const reach = async (room: string): Promise<Record<string, number>> => {
      const event = `to ${room} ${Math.random()}`;
      // The answer comes when everyone who got it has said so.
      for (const client of Object.values(clients)) client.answer(event, () => 'got it');
      const ack = { timeoutMs: 10_000 };
      expect(await bodyOf(ask(a, 'POST', '/v1/emit', { to: { rooms: [room] }, event, ack }))).toMatchObject({
        missing: [],
      });
      return recipientsOf(event, clients);
    };
    await bodyOf(ask(a, 'PUT', '/v1/users/ada/rooms/vip'), 204);
    expect(await bodyOf(ask(b, 'GET', '/v1/rooms/vip'))).toMatchObject({ sockets: 2, users: 1 });
    expect(await reach('vip')).toEqual({ adaA: 1, adaB: 1 });
    await bodyOf(ask(a, 'PUT', `/v1/sockets/${clients.bob.id}/rooms/vip`), 204);
    expect(await reach('vip')).toEqual({ adaA: 1, adaB: 1, bob: 1 });
    await bodyOf(ask(b, 'DELETE', `/v1/sockets/${clients.adaA.id}/rooms/vip`), 204);
    expect(await reach('vip')).toEqual({ adaB: 1, bob: 1 });
    await bodyOf(ask(b, 'DELETE', '/v1/users/ada/rooms/vip'), 204);
    expect(await reach('vip')).toEqual({ bob: 1 });
    expect(await ask(a, 'PUT', '/v1/sockets/nobody/rooms/vip')).toMatchObject({
      status: 404,
      body: { code: 'socket.not_found' },
    });
    await bodyOf(ask(a, 'PUT', '/v1/users/nobody/rooms/vip'), 204);
  });

  it('carries a batch out in order, wherever its sockets are', async () => {
    const bob = await connect(b, 'bob');
    const commands = [
      { join: { room: 'one', user: 'bob' } },
      { emit: { to: { rooms: ['one'] }, event: 'first' } },
      { leave: { room: 'one', socketId: bob.id } },
      { emit: { to: { rooms: ['one'] }, event: 'second' } },
      { join: { room: 'one', socketId: 'nobody' } },
      { disconnect: { user: 'bob' } },
      { emit: { to: { users: ['bob'] }, event: 'third' } },
    ];
    const { results } = await bodyOf<{ results: unknown[] }>(ask(a, 'POST', '/v1/batch', { commands }));
    expect(results).toMatchObject([
      { ok: true },
      { ok: true, matched: 1 },
      { ok: true },
      { ok: true, matched: 0 },
      { ok: false, error: { code: 'socket.not_found' } },
      { ok: true, disconnected: 1 },
      { ok: true, matched: 0 },
    ]);
    await bob.next('first');
    await bob.next('disconnect');
  });

  it('[L3] [L7] ends sockets of another node: they have left the registry when the answer comes', async () => {
    const [one, two, three] = [await connect(b, 'ada'), await connect(b, 'ada'), await connect(a, 'ada')];
    const { id } = one!;
    await bodyOf(ask(a, 'DELETE', `/v1/sockets/${id}`), 204);
    await bodyOf(ask(a, 'GET', `/v1/sockets/${id}`), 404);
    expect(await one!.next('server:disconnect')).toEqual([
      { code: 'kicked', message: expect.any(String), retryable: false },
    ]);
    expect((await one!.next('disconnect'))[0]).toBe('io server disconnect');
    await bodyOf(ask(a, 'DELETE', `/v1/sockets/${id}`), 404);

    expect(await bodyOf(ask(a, 'DELETE', '/v1/users/ada/sockets?reconnect=true'))).toEqual({
      disconnected: 2,
    });
    for (const client of [two!, three!]) {
      expect(await client.next('server:disconnect')).toMatchObject([{ code: 'kicked', retryable: true }]);
      await client.next('connect');
    }
    expect(await bodyOf(ask(b, 'GET', '/v1/users/ada'))).toMatchObject({ online: true });
  });

  it('[L3] [R4] is answered when all nodes know, whichever it was asked for', async () => {
    const proxy = await TcpProxy.to(cluster.redis.port);
    const c = await startGateway({ jwtSecret: SECRET, apiKeys: entry, redisUrl: proxy.url });
    const token = await sign({ sub: 'ada' });
    /** Gives 503 where the machine was so busy that Redis, which is held back, counted as gone. */
    const endOn = async (asked: TestGateway): Promise<number> => {
      const { id } = await c.connect({ auth: { token } });
      let isAnswered = false;
      const held = asked === c ? 'before it is known' : 'by the other node';
      proxy.holdBack();
      const ended = ask(asked, 'DELETE', `/v1/sockets/${id}`).then(({ status }) => {
        isAnswered = true;
        return status;
      });
      await until('it has been ended', () => proxy.holds(CHANGE.sha));
      await bodyOf(ask(a, 'GET', `/v1/sockets/${id}`));
      expect({ [held]: isAnswered }).toEqual({ [held]: false });
      proxy.letThrough();
      const status = await ended;
      if (status !== 503) await bodyOf(ask(a, 'GET', `/v1/sockets/${id}`), 404);
      return status;
    };
    for (const asked of [a, c]) {
      let status: number | undefined;
      await until('Redis was there', async () => (status = await endOn(asked)) !== 503);
      expect(status).toBe(204);
    }
    await c.close();
    await proxy.close();
  });

  it('[A6] shuts a user out on all nodes before the answer comes, and lets it in again', async () => {
    const [here, there, bystander] = [
      await connect(a, 'eve'),
      await connect(b, 'eve'),
      await connect(b, 'bob'),
    ];
    await bodyOf(ask(a, 'PUT', '/v1/users/eve/block'), 204);
    for (const client of [here!, there!]) {
      expect(await client.next('server:disconnect')).toMatchObject([{ code: 'auth.revoked' }]);
      expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
    }
    const token = await sign({ sub: 'eve' });
    for (const node of [a, b]) {
      expect(await refusalOf(node.open({ auth: { token } }))).toMatchObject({ code: 'auth.revoked' });
    }
    await bodyOf(ask(b, 'DELETE', '/v1/users/eve/block'), 204);
    await b.connect({ auth: { token } });
    await bystander!.settled();
    expect(bystander!.queue.pending('disconnect')).toBe(0);
  });

  it('[A6] revokes tokens on all nodes, by their ID and by the time of issue', async () => {
    const old = { iat: Math.floor(inSeconds(-100)) };
    const byId = await connect(b, 'ada', { jti: 'stolen' });
    const byTime = await connect(b, 'bob', old);
    const newer = await connect(b, 'bob', { iat: Math.floor(inSeconds(0)) });
    await bodyOf(ask(a, 'POST', '/v1/tokens/revoke', { jti: 'stolen' }), 204);
    expect((await byId.next('server:disconnect'))[0]).toMatchObject({ code: 'auth.revoked' });
    const issuedBefore = Math.floor(inSeconds(-50));
    await bodyOf(ask(a, 'POST', '/v1/tokens/revoke', { user: 'bob', issuedBefore }), 204);
    expect((await byTime.next('server:disconnect'))[0]).toMatchObject({ code: 'auth.revoked' });
    await newer.settled();
    expect(newer.queue.pending('server:disconnect')).toBe(0);
    const stolen = await sign({ sub: 'ada', jti: 'stolen' });
    expect(await refusalOf(b.open({ auth: { token: stolen } }))).toMatchObject({ code: 'auth.revoked' });
  });
});
