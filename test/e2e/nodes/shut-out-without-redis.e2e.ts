import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Cluster } from '../../support/cluster.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { SECRET, sign, type Claims } from '../../support/tokens.js';
import { createApiKey } from '../../../src/access/api-keys.js';
import { until } from '../../support/until.js';

const KEY = createApiKey('ops', ['read', 'emit', 'manage']);
const AUTH = { authorization: `Bearer ${KEY.key}` };

describeWithRedis('shutting out while Redis cannot be reached', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  const nodes: TestGateway[] = [];

  beforeEach(async () => {
    redis = await TestRedis.start();
    proxy = await TcpProxy.to(redis.port);
  });
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    await proxy.close();
    await redis.kill();
  });

  it('[A8] an order stands until the other nodes have been told, though Redis has kept all it knew', async () => {
    const secured = { jwtSecret: SECRET, apiKeys: KEY.entry };
    const here = await startGateway({ ...secured, redisUrl: proxy.url });
    const there = await startGateway({ ...secured, redisUrl: redis.url });
    nodes.push(here, there);
    const orders: readonly (readonly [claims: Claims, method: string, path: string, body?: object])[] = [
      [{ sub: 'ada' }, 'PUT', '/v1/users/ada/block'],
      [{ sub: 'bob', jti: 'j1' }, 'POST', '/v1/tokens/revoke', { jti: 'j1' }],
      [{ sub: 'cleo', iat: 1_000 }, 'POST', '/v1/tokens/revoke', { user: 'cleo', issuedBefore: 2_000 }],
    ];
    const clients = await Promise.all(
      orders.map(async ([claims]) => there.connect({ auth: { token: await sign(claims) } })),
    );
    proxy.cut();
    for (const [, method, path, body] of orders) {
      expect((await here.http(method, path, body, AUTH)).status).toBe(503);
    }
    proxy.mend();
    for (const client of clients) {
      expect(await client.next('server:disconnect')).toMatchObject([{ code: 'auth.revoked' }]);
    }
    for (const node of nodes) {
      await until('both are ready', async () => (await node.http('GET', '/health/ready')).status === 200);
      const { body } = await node.http('GET', '/v1/blocks', undefined, AUTH);
      expect(body).toMatchObject({ items: [{ user: 'ada' }] });
    }
  });
});

describeWithRedis('shutting out while Redis is away', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;

  beforeEach(async () => {
    cluster = await Cluster.start({ jwtSecret: SECRET, apiKeys: KEY.entry });
    ({ a, b } = cluster);
  });
  afterEach(() => cluster.close());

  const join = async (node: TestGateway, claims: Record<string, unknown>): Promise<TestClient> =>
    node.connect({ auth: { token: await sign(claims) } });
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown[]> => {
    const answer = await a.http(method, path, body, AUTH);
    return [answer.status, answer.body['code']];
  };
  const endOf = async (client: TestClient): Promise<unknown> =>
    ((await client.next('server:disconnect'))[0] as { code: unknown }).code;
  const UNAVAILABLE = [503, 'engine.unavailable'];
  const untilReady = (): Promise<void> =>
    until('both are ready', async () => {
      const answers = await Promise.all([a, b].map((node) => node.http('GET', '/health/ready')));
      return answers.every(({ status }) => status === 200);
    });

  it.each(['paused', 'gone'] as const)(
    '[A8] %s: a block, a revocation and a kick hold here at once, and elsewhere when they can be told',
    async (how) => {
      const here = await Promise.all([
        join(a, { sub: 'ada' }),
        join(a, { sub: 'bob', jti: 'j1' }),
        join(a, { sub: 'cleo', iat: 1_000 }),
        join(a, { sub: 'dan' }),
      ]);
      const there = await Promise.all([
        join(b, { sub: 'ada' }),
        join(b, { sub: 'bob', jti: 'j1' }),
        join(b, { sub: 'cleo', iat: 1_000 }),
        join(b, { sub: 'dan' }),
      ]);
      if (how === 'paused') cluster.redis.pause();
      else await cluster.redis.kill();
      const answers = Promise.all([
        ask('PUT', '/v1/users/ada/block'),
        ask('POST', '/v1/tokens/revoke', { jti: 'j1' }),
        ask('POST', '/v1/tokens/revoke', { user: 'cleo', issuedBefore: 2_000 }),
        ask('DELETE', '/v1/users/dan/sockets'),
      ]);
      expect(await Promise.all(here.map(endOf))).toEqual([
        'auth.revoked',
        'auth.revoked',
        'auth.revoked',
        'kicked',
      ]);
      expect(await answers).toEqual([UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, UNAVAILABLE]);
      const refused = a.open({ auth: { token: await sign({ sub: 'ada' }) } });
      expect(((await refused.next('connect_error'))[0] as { data?: { code: unknown } }).data?.code).toBe(
        'auth.revoked',
      );
      if (how === 'paused') cluster.redis.resume();
      else await cluster.redis.restartEmpty();
      expect(await Promise.all(there.map(endOf))).toEqual([
        'auth.revoked',
        'auth.revoked',
        'auth.revoked',
        'kicked',
      ]);
      await untilReady();
      expect((await b.http('GET', '/v1/blocks', undefined, AUTH)).body).toMatchObject({
        items: [{ user: 'ada' }],
      });
    },
  );

  it('[A8] full: a block, a revocation and a kick hold everywhere, where a publication is refused', async () => {
    const clients = await Promise.all(
      [a, b].flatMap((node) => [
        join(node, { sub: 'ada' }),
        join(node, { sub: 'bob', jti: 'j1' }),
        join(node, { sub: 'cleo', iat: 1_000 }),
        join(node, { sub: 'dan' }),
      ]),
    );
    await cluster.redis.ask((client) => client.config('SET', 'maxmemory-policy', 'noeviction'));
    await cluster.redis.ask((client) => client.config('SET', 'maxmemory', '1'));
    expect(await ask('POST', '/v1/emit', { to: { users: ['ada'] }, event: 'news' })).toEqual(UNAVAILABLE);
    expect(await ask('PUT', '/v1/users/ada/block')).toEqual([204, undefined]);
    expect(await ask('POST', '/v1/tokens/revoke', { jti: 'j1' })).toEqual([204, undefined]);
    expect(await ask('POST', '/v1/tokens/revoke', { user: 'cleo', issuedBefore: 2_000 })).toEqual([
      204,
      undefined,
    ]);
    expect(await ask('DELETE', '/v1/users/dan/sockets')).toEqual([200, undefined]);
    const codes = ['auth.revoked', 'auth.revoked', 'auth.revoked', 'kicked'];
    expect(await Promise.all(clients.map(endOf))).toEqual([...codes, ...codes]);
    expect(await ask('DELETE', '/v1/users/ada/block')).toEqual([204, undefined]);
    await cluster.redis.ask((client) => client.config('SET', 'maxmemory', '0'));
    await untilReady();
    await Promise.all([a, b].map((node) => join(node, { sub: 'ada' })));
  });

  it('[A8] an unblock after a block that could not be told is the last word', async () => {
    cluster.redis.pause();
    expect(await ask('PUT', '/v1/users/ada/block')).toEqual(UNAVAILABLE);
    cluster.redis.resume();
    await untilReady();
    expect(await ask('DELETE', '/v1/users/ada/block')).toEqual([204, undefined]);
    for (const node of [a, b]) {
      await until('nobody is blocked', async () => {
        const { body } = await node.http('GET', '/v1/blocks', undefined, AUTH);
        return (body as { total: number }).total === 0;
      });
      await join(node, { sub: 'ada' });
    }
  });
});
