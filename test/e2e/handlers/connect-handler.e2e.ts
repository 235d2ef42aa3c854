import { setTimeout as delay } from 'node:timers/promises';
import { startGateway, type ClientVersion, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { RevocationService } from '../../../src/access/revocation.service.js';
import { ok, TestBackend, type BackendAnswer } from '../../support/backend.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { OTHER_SECRET, refusalOf, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

describe('a backend that says who clients are', () => {
  let backend: TestBackend;
  let gateway: TestGateway;
  let logger: CollectingLogger;

  const start = async (options: object = {}): Promise<void> => {
    gateway = await startGateway({
      logger,
      handlers: { '@connect': `${backend.url}/connect` },
      handlerHeaders: 'cookie,X-Tenant',
      ...options,
    });
  };
  beforeEach(async () => {
    logger = new CollectingLogger();
    backend = await TestBackend.start(() => ok({ user: 'ann' }));
  });
  afterEach(async () => {
    await gateway.close();
    await backend.stop();
  });

  it.each([2, 3, 4] as const)('[B6] [L2] decides before the client sees connect (%i.x)', async (version) => {
    await start();
    backend.answer = () =>
      ok({
        user: 'ann',
        info: { name: 'Ann' },
        caps: [{ room: 'chat:*', allow: ['join'] }],
        rooms: ['staff', 'chat:1'],
        expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      });
    const client = await gateway.connect({ version: version as ClientVersion, auth: { ticket: 't' } });
    const info = await client.request('socket:info');
    expect(info).toMatchObject({ ok: true, user: 'ann' });
    expect([...(info['rooms'] as string[])].sort()).toEqual(['chat:1', 'staff']);
    expect((await gateway.registry.getUser('ann')).sockets).toMatchObject([{ info: { name: 'Ann' } }]);
    expect(await client.request('room:join', { room: 'chat:2' })).toMatchObject({ ok: true });
    expect(await client.request('room:join', { room: 'elsewhere' })).toMatchObject({
      error: { code: 'access.denied' },
    });
  });

  it('[B6] gets what the client presented, and of its headers those that were named', async () => {
    await start();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await gateway.connect({
      auth: { ticket: 7 },
      client: {
        query: { shop: 'berlin' },
        extraHeaders: {
          cookie: 'session=abc',
          'x-tenant': 't1',
          authorization: 'Basic c2VjcmV0',
          traceparent,
        },
      },
    });
    const [request] = backend.requests;
    expect(request!.path).toBe('/connect');
    expect(request!.headers['traceparent']).toBe(traceparent);
    expect(request!.body).toEqual({
      type: 'connect',
      id: expect.any(String),
      at: expect.any(String),
      node: expect.any(String),
      auth: { ticket: 7 },
      query: expect.objectContaining({ shop: 'berlin' }),
      headers: { cookie: 'session=abc', 'x-tenant': 't1' },
      address: '127.0.0.1',
      namespace: '/',
    });
    expect(request!.text).not.toContain('c2VjcmV0');
  });

  it('[B6] [A1] is not asked about a token of ours, good or bad, and is asked about any other', async () => {
    await start({ jwtSecret: SECRET });
    const ours = await gateway.connect({ auth: { token: await sign({ sub: 'bob' }) } });
    expect(await ours.request('socket:info')).toMatchObject({ user: 'bob' });
    const forged = gateway.open({ auth: { token: await sign({ sub: 'eve' }, { key: OTHER_SECRET }) } });
    expect(await refusalOf(forged)).toMatchObject({ code: 'auth.token_invalid' });
    expect(backend.requests).toHaveLength(0);
    const opaque = await gateway.connect({ auth: { token: 'session-7' } });
    expect(await opaque.request('socket:info')).toMatchObject({ user: 'ann' });
    expect(backend.requests[0]!.body).toMatchObject({ auth: { token: 'session-7' } });
  });

  const secret = 'a text with a password';
  it.each<[string, BackendAnswer, object]>([
    ['401', { status: 401, body: secret }, { code: 'access.denied', retryable: false }],
    [
      'an error of its own',
      { status: 403, body: { error: { code: 'unpaid', message: 'pay first' } } },
      { code: 'app.unpaid', message: 'pay first', retryable: false },
    ],
    ['429', { status: 429, headers: { 'retry-after': '2' } }, { code: 'limit.rate', retryAfterMs: 2_000 }],
    ['500', { status: 500, body: secret }, { code: 'handler.failed', retryable: true }],
    ['no JSON', { status: 200, body: secret }, { code: 'handler.failed', retryable: true }],
    ['nothing', { status: 204 }, { code: 'handler.failed' }],
    ['no user', ok({ user: 7, secret }), { code: 'handler.failed' }],
    ['too large an info', ok({ user: 'ann', info: 'x'.repeat(1_100) }), { code: 'handler.failed' }],
    ['wrong caps', ok({ user: 'ann', caps: [{ room: 'a*b', allow: ['join'] }] }), { code: 'handler.failed' }],
    ["a user's room", ok({ user: 'ann', rooms: ['user:bob'] }), { code: 'handler.failed' }],
    ['no time', ok({ user: 'ann', expiresAt: 'soon' }), { code: 'handler.failed' }],
    ['a past time', ok({ user: 'ann', expiresAt: '2020-01-01T00:00:00Z' }), { code: 'auth.token_expired' }],
    [
      'a goodbye',
      ok({ disconnect: { message: 'closed', retryable: false } }),
      { code: 'access.denied', message: 'closed' },
    ],
    [
      'a number that JavaScript cannot hold',
      { status: 200, body: '{"user":"ann","info":{"id":12345678901234567890}}' },
      { code: 'handler.failed' },
    ],
  ])('[B6] [L2] [L10] refuses a client by %s', async (_, answer, refusal) => {
    await start();
    backend.answer = () => answer;
    const refused = await refusalOf(gateway.open());
    expect(refused).toMatchObject(refusal);
    const lines = JSON.stringify(logger.lines);
    expect(JSON.stringify(refused) + lines).not.toContain(secret);
    await logger.until('a client was refused');
    expect(logger.find('a client was refused')).toHaveLength(1);
    const isFailure = (refusal as { code: string }).code === 'handler.failed';
    expect(logger.find('a remote handler failed', { handler: '@connect' })).toHaveLength(isFailure ? 1 : 0);
    expect(await gateway.registry.getStats()).toMatchObject({ sockets: 0 });
  });

  it('[B6] [B4] refuses, to come back later, while the backend does not answer', async () => {
    await start({ handlerAttemptMs: 200 });
    backend.answer = () => () => {};
    expect(await refusalOf(gateway.open())).toMatchObject({ code: 'handler.timeout', retryable: true });
  });

  it('[B6] [A6] is no way past a block', async () => {
    await start();
    await gateway.app.get(RevocationService).block('ann');
    expect(await refusalOf(gateway.open())).toMatchObject({ code: 'auth.revoked' });
  });

  it('[L11] is not asked about values that no JSON writer takes', async () => {
    await start();
    let deep: unknown = 1;
    for (let level = 0; level < 100; level++) deep = [deep];
    expect(await refusalOf(gateway.open({ auth: { deep } }))).toMatchObject({ code: 'payload.invalid' });
    expect(backend.requests).toHaveLength(0);
  });

  it('[B6] [L11] is waited for beyond the ten seconds in which other connections have to enter', async () => {
    await start({ handlerAttemptMs: 20_000 });
    backend.answer = async () => {
      await delay(11_000);
      return ok({ user: 'late' });
    };
    const client = gateway.open();
    await client.next('connect', 60_000);
    expect(await client.request('socket:info')).toMatchObject({ user: 'late' });
  });

  it('[B5] [B6] takes 64 at once, and is not asked about clients that have gone while they waited', async () => {
    const key = createApiKey('ops', ['metrics']);
    await start({ handlerAttemptMs: 60_000, handlerTimeoutMs: 60_000, apiKeys: key.entry });
    let open!: () => void;
    const opened = new Promise<void>((done) => (open = done));
    backend.answer = async () => {
      await opened;
      return ok({ user: 'ann' });
    };
    const first = Array.from({ length: 20 }, () => gateway.connect({ client: { forceNew: true } }));
    await until('the first are asked about', () => backend.requests.length === 20);
    const going = Array.from({ length: 60 }, () => gateway.open());
    await until('the backend has all that it takes', () => backend.requests.length === 64);
    await until('the others wait', async () => {
      const headers = { authorization: `Bearer ${key.key}` };
      const metrics = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
      return metrics.includes('switchboard_handler_waiting{handler="@connect"} 16');
    });
    const connections = going.map(({ connectionId }) => connectionId);
    expect(new Set(connections).size).toBe(60);
    for (const client of going) client.close();
    await until('they have gone', async () => {
      const server = gateway.app.getHttpServer() as {
        getConnections(done: (e: unknown, n: number) => void): void;
      };
      const count = await new Promise<number>((done) => server.getConnections((_e, n) => done(n)));
      return count <= 21;
    });
    open();
    await Promise.all(first);
    expect(backend.requests).toHaveLength(64);
  });

  it('[B5] that is slow does not keep events waiting that go to the same host', async () => {
    await start({
      handlers: { '@connect': backend.url, 'order:*': backend.url },
      handlerAttemptMs: 60_000,
      handlerTimeoutMs: 60_000,
    });
    let open!: () => void;
    const opened = new Promise<void>((done) => (open = done));
    backend.answer = async ({ body }) => {
      if ((body['auth'] as { held?: boolean } | undefined)?.held) await opened;
      return ok(body['type'] === 'connect' ? { user: 'ann' } : { ack: 1 });
    };
    const client = await gateway.connect();
    const held = Array.from({ length: 64 }, () => gateway.open({ auth: { held: true } }));
    await until('the backend has all that it takes', () => backend.requests.length === 65);
    expect(await client.request('order:place')).toEqual({ ok: true, data: 1 });
    open();
    for (const each of held) each.close();
  });

  it('[B6] a storm of 2,000 clients is let in, none is refused, and the backend never has more than 64 at once', async () => {
    await start();
    backend.answer = async ({ body }) => {
      await delay(20);
      return ok({ user: `user-${(body['auth'] as { number: number }).number}` });
    };
    // As clients do after an outage: a connection that the system did not take at once is tried again.
    const client = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 500, timeout: 120_000 };
    const clients = Array.from({ length: 2_000 }, (_each, number) =>
      gateway.open({ auth: { number }, client }),
    );
    await Promise.all(clients.map((each) => each.next('connect', 120_000)));
    expect(logger.find('a client was refused')).toEqual([]);
    expect(await gateway.registry.getStats()).toMatchObject({ sockets: 2_000, users: 2_000 });
    expect(backend.requests).toHaveLength(2_000);
    expect(backend.mostOpen).toBeLessThanOrEqual(64);
  });
});
