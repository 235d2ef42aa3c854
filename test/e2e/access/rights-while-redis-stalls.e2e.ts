/**
 * A right is checked in the turn in which it is used, also when the wait before it is one for Redis. [A7]
 *
 * Each row holds what the gateway asks of Redis for a request, takes the right away meanwhile, lets it through, and looks
 * at what the client got and at what it has done.
 */
import { startGateway, type Answer, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { hashed } from '../../../src/engine/redis/keys.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { findSocketState } from '../../../src/sockets/socket-state.js';
import { arrivedAt } from '../../support/arrivals.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { everythingIn, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const ROOM = 'secret';
const ALL = ['join', 'emit', 'presence', 'history'];
const { key, entry } = createApiKey('backend', ['manage', 'emit', 'read']);
const AUTH = { authorization: `Bearer ${key}` };

type Row = readonly [request: string, payload: object, isIn: 'member' | 'outside'];

/** What waits for Redis between a check and its use, and whether the client is in the room before. */
const REQUESTS: readonly Row[] = [
  ['room:join', {}, 'outside'],
  ['room:join', { meta: true }, 'outside'],
  ['room:join', { since: { epoch: 'none', offset: 0 } }, 'outside'],
  ['room:join', { presence: true }, 'outside'],
  ['room:members', {}, 'member'],
  ['room:history', {}, 'member'],
  ['room:emit', { event: 'said', args: ['secret'], id: 'once' }, 'member'],
];

const ENDINGS = ['the room token is revoked', 'the user is blocked'] as const;

describeWithRedis('a request that waits for Redis', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let gateway: TestGateway;
  let witness: TestClient;
  let users = 0;

  beforeAll(async () => {
    redis = await TestRedis.start();
    proxy = await TcpProxy.to(redis.port);
    gateway = await startGateway({
      redisUrl: proxy.url,
      jwtSecret: SECRET,
      apiKeys: entry,
      recoveryWindowMs: 0,
      history: [{ pattern: ROOM, size: 100, ttlMs: 600_000 }],
    });
    witness = await gateway.connect({
      auth: { token: await sign({ sub: 'witness', caps: [everythingIn(ROOM)] }) },
    });
    await witness.request('room:join', { room: ROOM });
    await gateway.broadcaster.toRooms(ROOM).emit('whisper', 'for members');
  });
  afterAll(async () => {
    await gateway?.close();
    await proxy.close();
    await redis.kill();
  });

  const api = (method: string, path: string, body?: unknown) => gateway.http(method, path, body, AUTH);
  const isReady = async (): Promise<boolean> => (await gateway.http('GET', '/health/ready')).status === 200;

  const rows = ENDINGS.flatMap((ending) => REQUESTS.map((row) => [ending, ...row] as const));

  it.each(rows)('[A7] %s during %s %j of a %s: it gets nothing and does nothing', async (...row) => {
    const [ending, request, payload, isIn] = row;
    const [user, jti] = [`user-${++users}`, `jti-${users}`];
    await until('the gateway is ready', isReady);
    const client = await gateway.connect({ auth: { token: await sign({ sub: user }) } });
    const token = await sign({ sub: user, room: ROOM, allow: ALL, jti });
    expect(await client.request('room:join', { room: ROOM, token })).toMatchObject({ ok: true });
    if (isIn === 'outside') await client.request('room:leave', { room: ROOM });
    const state = findSocketState(gateway.app.get(Namespaces).findSocket(client.id!)!)!;
    const said = arrivedAt(witness, 'said').length;
    const answers: Answer[] = [];
    proxy.holdBack();
    client.socket.emit(request, { room: ROOM, ...payload }, (answer: Answer) => void answers.push(answer));
    const traces = [ROOM, client.id!, hashed(`${user}\nonce`)];
    await until('Redis is asked', () => traces.some((trace) => proxy.holds(trace)));
    // Takes effect here at once. Its answer waits for Redis too.
    const ended =
      ending === 'the user is blocked'
        ? api('PUT', `/v1/users/${user}/block`)
        : api('POST', '/v1/tokens/revoke', { jti });
    if (ending === 'the user is blocked') await client.next('server:disconnect');
    else await until('the right is gone', () => !state.roomGrants?.get(ROOM)?.length);
    proxy.letThrough();
    await ended;
    await until('the gateway is ready', isReady);
    if (ending === 'the room token is revoked') {
      await until('it is answered', () => answers.length > 0);
      const codes = ['access.denied', 'engine.unavailable', 'room.not_joined'];
      expect(answers).toEqual([{ ok: false, error: expect.objectContaining({ code: expect.any(String) }) }]);
      expect(codes).toContain((answers[0] as { error?: { code: string } }).error?.code);
      expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
    } else {
      expect(answers.filter(({ ok }) => ok)).toEqual([]);
    }
    await gateway.broadcaster.toRooms(ROOM).emit('fence');
    await witness.next('fence');
    expect(arrivedAt(witness, 'said')).toHaveLength(said);
    expect(arrivedAt(client, 'fence')).toEqual([]);
    const { body } = await api('GET', `/v1/rooms/${ROOM}/members`);
    expect(body['items']).toMatchObject([{ user: 'witness' }]);
    client.close();
  });
});
