import {
  startGateway,
  type StartOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { ok, TestBackend } from '../../support/backend.js';
import { everythingIn, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const denied = expect.objectContaining({
  ok: false,
  error: expect.objectContaining({ code: 'access.denied' }),
});

describe('a backend that says who may enter', () => {
  let backend: TestBackend;
  let gateway: TestGateway;
  let client: TestClient;

  const start = async (options: StartOptions = {}): Promise<void> => {
    gateway = await startGateway({
      jwtSecret: SECRET,
      history: 'chat:*=10/1h',
      handlers: { '@join:chat:*': backend.url },
      ...options,
    });
    const token = await sign({ sub: 'ann', info: { name: 'Ann' }, caps: [everythingIn('open:*')] });
    client = await gateway.connect({ auth: { token } });
  };
  beforeEach(async () => {
    backend = await TestBackend.start(() => ok({ allow: ['join', 'emit'] }));
  });
  afterEach(async () => {
    await gateway.close();
    await backend.stop();
  });

  it('[B6] is asked where caps do not grant the room, and allows what it names', async () => {
    await start();
    await client.request('room:join', { room: 'open:1' });
    backend.answer = () => ok({ allow: ['join', 'emit'], info: { title: 'One' } });
    expect(await client.request('room:join', { room: 'chat:1' })).toMatchObject({
      ok: true,
      room: 'chat:1',
      info: { title: 'One' },
    });
    expect(backend.requests.map(({ body }) => body)).toEqual([
      {
        type: 'join',
        id: expect.any(String),
        node: expect.any(String),
        at: expect.any(String),
        user: 'ann',
        info: { name: 'Ann' },
        socketId: client.id,
        rooms: ['open:1'],
        address: '127.0.0.1',
        namespace: '/',
        room: 'chat:1',
        actions: ['join'],
      },
    ]);
    expect(await client.request('room:emit', { room: 'chat:1', event: 'x', args: [] })).toMatchObject({
      ok: true,
    });
    expect(await client.request('room:members', { room: 'chat:1' })).toEqual(denied);
    expect(await client.request('room:history', { room: 'chat:1' })).toEqual(denied);
  });

  it('[B6] is not asked about other rooms, those that caps grant, and those that are private', async () => {
    await start({ handlers: { '@join:*': backend.url } });
    const other = await gateway.connect({ auth: { token: await sign({ sub: 'bob' }) } });
    for (const room of ['user:bob', other.id!]) {
      expect(await client.request('room:join', { room })).toEqual(denied);
    }
    expect(await client.request('room:join', { room: 'user:ann' })).toMatchObject({ ok: true });
    expect(await client.request('room:join', { room: 'open:2' })).toMatchObject({ ok: true });
    const roomToken = await sign({ sub: 'ann', room: 'other', allow: ['join'] });
    expect(await client.request('room:join', { room: 'other', token: roomToken })).toMatchObject({
      ok: true,
    });
    expect(backend.requests).toHaveLength(0);
  });

  it('[B6] is asked again when the socket has left the room, by itself or by a backend', async () => {
    await start();
    expect(await client.request('room:join', { room: 'chat:1' })).toMatchObject({ ok: true });
    await client.request('room:leave', { room: 'chat:1' });
    backend.answer = () => ok({ allow: [] });
    expect(await client.request('room:join', { room: 'chat:1' })).toEqual(denied);
    expect(backend.requests).toHaveLength(2);
    expect(await client.request('room:emit', { room: 'chat:1', event: 'x', args: [] })).toEqual(denied);
  });

  it('[B6] allows no more than it says: presence and history are asked for with the join', async () => {
    await start();
    const more = { room: 'chat:1', presence: true };
    expect(await client.request('room:join', more)).toEqual(denied);
    expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
    backend.answer = () => ok({ allow: ['join', 'presence'] });
    expect(await client.request('room:join', more)).toMatchObject({ ok: true });
    expect(backend.requests.map(({ body }) => body['actions'])).toEqual([
      ['join', 'presence'],
      ['join', 'presence'],
    ]);
  });

  it.each([
    ['an error', { status: 403, body: { error: { code: 'full', message: 'full' } } }, 'app.full'],
    ['403', { status: 403 }, 'access.denied'],
    ['500', { status: 500 }, 'handler.failed'],
    ['no list', ok({ allow: 'join' }), 'handler.failed'],
    ['true', ok({ allow: true }), 'handler.failed'],
    ['nothing', { status: 204 }, 'handler.failed'],
  ])('[B6] [M1] answers the client by %s', async (_, answer, code) => {
    await start();
    backend.answer = () => answer;
    expect(await client.request('room:join', { room: 'chat:1' })).toMatchObject({ error: { code } });
    expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
  });

  it('[A7] what it allowed is nothing for a user that was blocked, or has gone, before the answer came', async () => {
    await start();
    let answer!: () => void;
    const answered = new Promise<void>((done) => (answer = done));
    backend.answer = async () => {
      await answered;
      return ok({ allow: ['join'] });
    };
    client.emit('room:join', { room: 'chat:1' });
    await until('it is asked', () => backend.requests.length === 1);
    client.close();
    await until('it has gone', async () => !(await gateway.registry.getUser('ann')).online);
    answer();
    const again = await gateway.connect({ auth: { token: await sign({ sub: 'ann' }) } });
    backend.answer = () => ok({ allow: [] });
    expect(await again.request('room:join', { room: 'chat:1' })).toEqual(denied);
    expect((await gateway.registry.getRoom('chat:1'))?.sockets ?? 0).toBe(0);
  });

  it('[H4] is not asked again about a client that comes back with its session', async () => {
    await start();
    const token = await sign({ sub: 'ann' });
    const returning = await gateway.connect({
      auth: { token, recovery: true },
      client: { reconnection: true, reconnectionDelay: 10 },
    });
    expect(await returning.request('room:join', { room: 'chat:1' })).toMatchObject({ ok: true });
    returning.breakTransport();
    await returning.next('disconnect');
    await returning.next('connect');
    expect(await returning.request('socket:info')).toMatchObject({ recovered: true, rooms: ['chat:1'] });
    expect(await returning.request('room:emit', { room: 'chat:1', event: 'x', args: [] })).toMatchObject({
      ok: true,
    });
    expect(backend.requests).toHaveLength(1);
    await returning.request('room:leave', { room: 'chat:1' });
    expect(await returning.request('room:emit', { room: 'chat:1', event: 'x', args: [] })).toEqual(denied);
  });
});
