import { jest } from '@jest/globals';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { ok, TestBackend, type BackendAnswer } from '../../support/backend.js';
import { until } from '../../support/until.js';

/** The monotonic clock goes on by so much: nobody waits for minutes. */
let ahead = 0;

const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe('a backend that is asked whether a client may stay', () => {
  let backend: TestBackend;
  let gateway: TestGateway;
  let client: TestClient;
  let refresh: (count: number) => BackendAnswer | Promise<BackendAnswer>;
  let refreshes: Record<string, unknown>[];

  beforeEach(async () => {
    ahead = 0;
    refreshes = [];
    const now = performance.now.bind(performance);
    jest.spyOn(performance, 'now').mockImplementation(() => now() + ahead);
    backend = await TestBackend.start(({ body }) => {
      if (body['type'] === 'connect') {
        return ok({ user: 'ann', caps: [{ room: 'a', allow: ['join'] }], expiresAt: inMs(60_000) });
      }
      refreshes.push(body);
      return refresh(refreshes.length);
    });
    gateway = await startGateway({
      handlers: { '@connect': backend.url, '@refresh': backend.url },
      handlerHeaders: 'cookie',
    });
    client = await gateway.connect({ client: { extraHeaders: { cookie: 'session=1' } } });
    await client.request('room:join', { room: 'a' });
  });
  afterEach(async () => {
    await gateway.close();
    await backend.stop();
    jest.restoreAllMocks();
  });

  /** Goes to half a minute before the end, and waits for the question. */
  const askedAfter = async (ms: number): Promise<void> => {
    const before = refreshes.length;
    ahead += ms;
    await until('the backend is asked', () => refreshes.length > before);
    // Its answer, from which the next half minute counts, has been taken when the clock goes on.
    await client.request('socket:info');
  };

  it('[B6] [A3] renews the rights of the socket before they end, without the client', async () => {
    refresh = () => ok({ caps: [{ room: 'b', allow: ['join'] }], expiresAt: inMs(120_000) });
    await askedAfter(31_000);
    expect(refreshes).toEqual([
      expect.objectContaining({
        type: 'refresh',
        user: 'ann',
        socketId: client.id,
        rooms: ['a'],
        headers: { cookie: 'session=1' },
        expiresAt: expect.stringMatching(/Z$/),
      }),
    ]);
    await until('it has left what it may no longer be in', async () => {
      return ((await client.request('socket:info'))['rooms'] as string[]).length === 0;
    });
    expect(await client.request('room:join', { room: 'b' })).toMatchObject({ ok: true });
    ahead += 60_000;
    expect(await client.request('room:join', { room: 'b' })).toMatchObject({ ok: true });
    refresh = () => ok({});
    await askedAfter(35_000);
    await until('it does not end any longer', async () => (ahead += 600_000) > 3_000_000);
    expect(await client.request('socket:info')).toMatchObject({ ok: true, rooms: ['b'] });
  });

  it.each<[string, BackendAnswer]>([
    ['an error', { status: 403, body: { error: { code: 'x', message: 'logged out' } } }],
    ['401', { status: 401 }],
    ['a past time', ok({ expiresAt: '2020-01-01T00:00:00Z' })],
    ['another user', ok({ user: 'bob' })],
  ])('[B6] ends the socket with auth.token_expired by %s', async (_, answer) => {
    refresh = () => answer;
    ahead += 31_000;
    expect(await client.next('server:disconnect')).toMatchObject([{ code: 'auth.token_expired' }]);
    expect(refreshes).toHaveLength(1);
  });

  it('[B6] [L7] ends the socket in its own words', async () => {
    refresh = () => ok({ disconnect: { message: 'account closed' } });
    ahead += 31_000;
    expect(await client.next('server:disconnect')).toMatchObject([
      { code: 'kicked', message: 'account closed', retryable: false },
    ]);
  });

  it('[B6] a backend that is down ends no socket until it has been so three minutes long', async () => {
    refresh = (count) =>
      [{ status: 500 }, ok({ caps: 7 }), { status: 429 }, { status: 404 }][count - 1] ?? ok({});
    await askedAfter(31_000);
    for (let extension = 1; extension <= 3; extension++) {
      expect(await client.request('socket:info')).toMatchObject({ ok: true });
      await askedAfter(60_000);
    }
    expect(await client.next('auth:expiring')).toMatchObject([{ expiresInMs: expect.any(Number) }]);
    ahead += 31_000;
    expect(await client.next('server:disconnect')).toMatchObject([{ code: 'auth.token_expired' }]);
    expect(refreshes).toHaveLength(4);
  });

  it('[B6] a backend that is up again renews as if it had not been away', async () => {
    refresh = (count) => (count < 3 ? { status: 503 } : ok({ expiresAt: inMs(3_600_000) }));
    await askedAfter(31_000);
    await askedAfter(60_000);
    await askedAfter(60_000);
    ahead += 600_000;
    expect(await client.request('socket:info')).toMatchObject({ ok: true });
    expect(refreshes).toHaveLength(3);
  });
});
