/** Why a client did not get its session back: each reason, made for real. [X1] [X2] */
import type { Server } from 'socket.io';
import {
  startGateway,
  type StartOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { byEngine } from '../../support/engine-under-test.js';
import { explain, explained, type Headers } from '../../support/explained.js';
import { breakOff, comeBack, sessionOf } from '../../support/recovering.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { everythingIn, inSeconds, SECRET, sign } from '../../support/tokens.js';

/** What the record says of a client that came back, and what is found. */
async function told(gateway: TestGateway, user: string, why: string, headers: Headers = {}): Promise<void> {
  const answer = await explained(
    gateway,
    { user },
    ({ episodes }) => episodes.some(({ recovery }) => recovery !== null),
    headers,
  );
  const last = answer.episodes.findLast(({ recovery }) => recovery !== null);
  expect([user, last!.recovery]).toEqual([user, { outcome: 'not_recovered', why }]);
  const finding = answer.findings.find(({ id }) => id === 'not_recovered');
  expect(finding).toMatchObject({ confidence: 'certain' });
  // In words.
  expect(finding!.title).not.toMatch(new RegExp(`: ${why}$`));
}

describe('a session that is not given back', () => {
  const { key, entry } = createApiKey('operator', ['read', 'emit', 'manage']);
  const started: TestGateway[] = [];
  const begin = async (options: StartOptions = {}): Promise<TestGateway> => {
    const gateway = await startGateway({ history: 'chat:*=5/1h', ...options });
    started.push(gateway);
    return gateway;
  };
  afterEach(async () => {
    for (const gateway of started.splice(0)) await gateway.close();
  });

  const connect = (gateway: TestGateway, auth: object): Promise<TestClient> =>
    gateway.connect({ auth: { recovery: true, ...auth } });

  /** With something that it got, so that it has a position to come back with. */
  const connectAs = async (gateway: TestGateway, user: string): Promise<TestClient> => {
    const client = await connect(gateway, { user });
    await gateway.broadcaster.toUsers(user).emit('first');
    await client.next('first');
    return client;
  };

  it('[X1] unknown_session, foreign_cursor and other_user: not its session', async () => {
    const gateway = await begin();
    const owner = await connectAs(gateway, 'owner');
    const { pid, offset } = sessionOf(owner);
    await breakOff(gateway, owner);
    await connect(gateway, { user: 'guesser', pid: 'made up', offset });
    await connect(gateway, { user: 'thief', pid, offset });
    await connect(gateway, { user: 'owner', pid, offset: 'made up' });
    await told(gateway, 'guesser', 'unknown_session');
    await told(gateway, 'thief', 'other_user');
    await told(gateway, 'owner', 'foreign_cursor');
    expect(JSON.stringify(await explain(gateway, { user: 'thief' }))).not.toContain('owner');
  });

  it('[X1] ended_on_purpose: it was kicked before', async () => {
    const gateway = await begin();
    const kicked = await connectAs(gateway, 'kicked');
    const { pid, offset } = sessionOf(kicked);
    const { status } = await gateway.http('DELETE', `/v1/sockets/${kicked.id}`);
    expect(status).toBe(204);
    await kicked.next('disconnect');
    await connect(gateway, { user: 'kicked', pid, offset });
    await told(gateway, 'kicked', 'ended_on_purpose');
  });

  it('[X1] log_trimmed: something that it missed is no longer kept', async () => {
    const gateway = await begin();
    const client = await connectAs(gateway, 'late');
    await client.request('room:join', { room: 'chat:1' });
    await breakOff(gateway, client);
    await gateway.broadcaster.toRooms('chat:1').emit('x');
    await gateway.http('DELETE', '/v1/rooms/chat:1/history');
    await gateway.broadcaster.toRooms('chat:1').emit('x');
    expect(await comeBack(client)).toBe(false);
    await told(gateway, 'late', 'log_trimmed');
  });

  it('[X1] too_much_missed: more than is given back at once; in one process, where less is kept, log_trimmed', async () => {
    const gateway = await begin(byEngine({ memory: { maxHistoryBytes: 1_000_000 }, redis: {} }));
    const client = await connectAs(gateway, 'buried');
    for (const room of ['one', 'two']) await client.request('room:join', { room });
    await breakOff(gateway, client);
    const data = 'x'.repeat(90_000);
    for (let sent = 0; sent < 220; sent++) {
      for (const room of ['one', 'two']) await gateway.broadcaster.toRooms(room).emit('x', data);
    }
    // It is given back before it is read, then: its socket is ended and has to come again.
    if (await comeBack(client)) {
      await client.next('disconnect');
      expect(await comeBack(client)).toBe(false);
    }
    await told(gateway, 'buried', byEngine({ memory: 'log_trimmed', redis: 'too_much_missed' }));
  });

  it('[X1] recovery_off: there are no sessions', async () => {
    const gateway = await begin({ recoveryWindowMs: 0 });
    await connect(gateway, { user: 'hopeful', pid: 'kept from before', offset: 'x' });
    await told(gateway, 'hopeful', 'recovery_off');
  });

  it('[X1] token_ended: its session ended with its token, though it has another one', async () => {
    const gateway = await begin({ jwtSecret: SECRET, apiKeys: entry });
    const claims = { sub: 'ada', caps: [everythingIn('*')] };
    const client = await connect(gateway, { token: await sign({ ...claims, exp: inSeconds(3) }) });
    await gateway.broadcaster.toUsers('ada').emit('first');
    await client.next('first');
    const { pid, offset } = sessionOf(client);
    await breakOff(gateway, client);
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    await connect(gateway, { token: await sign({ ...claims, exp: inSeconds(600) }), pid, offset });
    await told(gateway, 'ada', 'token_ended', { authorization: `Bearer ${key}` });
  });

  it('[X1] other_namespace: it comes back to another namespace than it left', async () => {
    const gateway = await begin();
    const server = gateway.app.get(Namespaces).all[0]!.nsp.server as Server;
    server.of('/admin');
    const client = await connectAs(gateway, 'mover');
    const { pid, offset } = sessionOf(client);
    await breakOff(gateway, client);
    await gateway.connect({ auth: { recovery: true, user: 'mover', pid, offset }, namespace: '/admin' });
    await told(gateway, 'mover', 'other_namespace');
  });

  it('[X1] revoked: the token that it was opened with was revoked while it was away, though it has another one', async () => {
    const gateway = await begin({ jwtSecret: SECRET, apiKeys: entry });
    const headers = { authorization: `Bearer ${key}` };
    const claims = { sub: 'ada', caps: [everythingIn('*')], exp: inSeconds(600) };
    const client = await connect(gateway, { token: await sign({ ...claims, jti: 'lost phone' }) });
    await gateway.broadcaster.toUsers('ada').emit('first');
    await client.next('first');
    const { pid, offset } = sessionOf(client);
    await breakOff(gateway, client);
    const { status } = await gateway.http('POST', '/v1/tokens/revoke', { jti: 'lost phone' }, headers);
    expect(status).toBe(204);
    await connect(gateway, { token: await sign({ ...claims, jti: 'new phone' }), pid, offset });
    await told(gateway, 'ada', 'revoked', headers);
  });
});

describeWithRedis('a session that cannot be looked for', () => {
  let redis: TestRedis;
  let gateway: TestGateway;

  beforeAll(async () => {
    redis = await TestRedis.start();
    gateway = await startGateway({ redisUrl: redis.url });
  });
  afterAll(async () => {
    redis.resume();
    await gateway?.close();
    await redis?.kill();
  });

  it('[X1] [O3] engine_unavailable: Redis hangs when it comes back', async () => {
    const client = await gateway.connect({ auth: { recovery: true, user: 'ada' } });
    await gateway.broadcaster.toUsers('ada').emit('first');
    await client.next('first');
    await breakOff(gateway, client);
    redis.pause();
    expect(await comeBack(client)).toBe(false);
    await told(gateway, 'ada', 'engine_unavailable');
    redis.resume();
  });
});
