import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { ok, TestBackend } from '../../support/backend.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

const refused = (code: string, more: object = {}): unknown => ({
  ok: false,
  error: expect.objectContaining({ code, message: expect.any(String), ...more }),
});

describe('events that remote handlers take', () => {
  let backend: TestBackend;
  let gateway: TestGateway;
  let client: TestClient;

  beforeAll(async () => {
    backend = await TestBackend.start();
    gateway = await startGateway({
      handlers: {
        'order:slow': `${backend.url}/slow`,
        'order:*': `${backend.url}/orders?a=b`,
        'room:*': `${backend.url}/never`,
      },
      handlerSecret: SECRET,
      handlerAttemptMs: 10_000,
      eventsPerSecond: 10_000,
      eventsBurst: 10_000,
    });
  });
  beforeEach(async () => {
    backend.requests.length = 0;
    backend.answer = () => ok({ ack: { placed: true } });
    client = await gateway.connect({ auth: { user: 'ada', info: { plan: 'pro' } } });
  });
  afterEach(() => client.close());
  afterAll(async () => {
    await gateway.close();
    await backend.stop();
  });

  it('[B2] reach the backend whole: event, arguments, user, rooms; signed', async () => {
    await client.request('room:join', { room: 'lobby' });
    const answer = await client.request('order:place', { id: 7 }, Buffer.from('ü'), null);
    expect(answer).toEqual({ ok: true, data: { placed: true } });
    const [request] = backend.requests;
    expect(request).toMatchObject({ path: '/orders?a=b' });
    expect(request!.body).toEqual({
      type: 'event',
      id: expect.any(String),
      event: 'order:place',
      args: [{ id: 7 }, { $base64: Buffer.from('ü').toString('base64') }, null],
      user: 'ada',
      info: { plan: 'pro' },
      socketId: client.id,
      rooms: ['lobby'],
      node: expect.any(String),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      address: '127.0.0.1',
    });
    const verified = new Webhook(SECRET).verify(request!.text, request!.headers as Record<string, string>);
    expect(verified).toEqual(request!.body);
    expect(request!.headers['webhook-id']).toBe(request!.body['id']);
  });

  it('[B1] go to the first handler whose pattern fits; what the gateway reserves is never forwarded', async () => {
    await client.request('order:slow');
    await client.request('order:slower');
    expect(backend.requests.map(({ path }) => path)).toEqual(['/slow', '/orders?a=b']);
    expect(await client.request('other')).toEqual(refused('event.unknown'));
    expect(await client.request('room:unknown')).toEqual(refused('event.reserved'));
    expect(backend.requests).toHaveLength(2);
  });

  it('[B3] are answered with what the backend acknowledges, binary too, or with nothing but success', async () => {
    backend.answer = () => ok({ ack: [1, { $base64: 'AQI=' }] });
    expect(await client.request('order:a')).toEqual({ ok: true, data: [1, Buffer.from([1, 2])] });
    backend.answer = () => ({ status: 204 });
    expect(await client.request('order:b')).toEqual({ ok: true });
    backend.answer = () => ok({});
    expect(await client.request('order:c')).toEqual({ ok: true });
  });

  it("[B3] have their commands carried out in order, with the gateway's rights, before they are acknowledged", async () => {
    const other = await gateway.connect({ auth: { user: 'bob' } });
    backend.answer = ({ body }) =>
      ok({
        ack: 'done',
        commands: [
          { join: { room: 'order:7', socketId: body['socketId'] } },
          { emit: { to: { rooms: ['order:7'] }, event: 'order:state', data: 'placed' } },
          { emit: { to: { users: ['bob'] }, event: 'room:reserved', data: 1 } },
          { nonsense: true },
          { emit: { to: { users: ['bob'] }, event: 'order:new', args: [7, { $base64: 'AQ==' }] } },
        ],
      });
    expect(await client.request('order:place')).toEqual({ ok: true, data: 'done' });
    expect(await client.next('order:state')).toEqual(['placed']);
    expect(await other.next('order:new')).toEqual([7, Buffer.from([1])]);
    expect((await gateway.registry.getSocket(client.id!))?.rooms).toContain('order:7');
    other.close();
  });

  it('[B3] are refused in the words of the backend, under app.', async () => {
    backend.answer = () => ({
      status: 409,
      body: { error: { code: 'sold_out', message: 'none left', retryable: true } },
    });
    expect(await client.request('order:place')).toEqual({
      ok: false,
      error: { code: 'app.sold_out', message: 'none left', retryable: true },
    });
  });

  it('[B3] keep a code that the backend has put under app. itself', async () => {
    backend.answer = () => ({ status: 409, body: { error: { code: 'app.sold_out', message: 'none left' } } });
    expect(await client.request('order:place')).toEqual(refused('app.sold_out'));
  });

  it.each<[string, object]>([
    ['a code that is none', { error: { code: 'sold out', message: 'none left' } }],
    ['a code without a message', { error: { code: 'sold_out' } }],
    ['a text', { error: 'sold out' }],
    ['a goodbye that is too long', { disconnect: { message: 'x'.repeat(2_000) } }],
    ['a goodbye that is no object', { disconnect: true, ack: 1 }],
  ])('[B3] [B4] are never acknowledged with a refusal that cannot be read: %s', async (_, body) => {
    backend.answer = () => ok(body);
    expect(await client.request('order:place')).toEqual(refused('handler.failed', { retryable: true }));
  });

  it('[B3] [M1] end the socket where the backend says so: answered first, with a goodbye', async () => {
    backend.answer = () => ok({ disconnect: { message: 'account closed', retryable: false } });
    expect(await client.request('order:place')).toEqual(refused('kicked', { message: 'account closed' }));
    expect(await client.next('server:disconnect')).toEqual([
      { code: 'kicked', message: 'account closed', retryable: false },
    ]);
    await client.next('disconnect');
  });

  it.each([
    ['401', { status: 401 }, refused('access.denied')],
    ['403', { status: 403, body: 'secret text' }, refused('access.denied')],
    [
      '404 without an error',
      { status: 404, body: { secret: 1 } },
      refused('handler.failed', { retryable: true }),
    ],
    ['429', { status: 429, headers: { 'retry-after': '7' } }, refused('limit.rate', { retryAfterMs: 7_000 })],
    [
      '500',
      { status: 500, body: { error: { code: 'x', message: 'secret text' } } },
      refused('handler.failed'),
    ],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }, refused('handler.failed')],
    ['bad JSON', { status: 200, body: 'secret {' }, refused('handler.failed')],
    ['an array', { status: 200, body: [1] }, refused('handler.failed')],
    ['over 64 KiB', { status: 200, body: { ack: 'x'.repeat(70_000) } }, refused('handler.failed')],
    [
      'what clients cannot take',
      { status: 200, body: { ack: { _placeholder: true, num: 0 } } },
      refused('handler.failed'),
    ],
  ])('[B4] are answered once when the backend answers with %s', async (_, answer, expected) => {
    backend.answer = () => answer;
    const got = await client.request('order:place');
    expect(got).toEqual(expected);
    expect(JSON.stringify(got)).not.toContain('secret');
    expect(backend.requests).toHaveLength(1);
  });

  it.each([
    ['resets', (socket: { resetAndDestroy(): unknown }) => void socket.resetAndDestroy()],
    [
      'lies about its length',
      (socket: { end(text: string): unknown }) =>
        void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{'),
    ],
    ['answers garbage', (socket: { end(text: string): unknown }) => void socket.end('garbage\r\n')],
  ])('[B4] [M1] are answered once when the backend %s', async (_, write) => {
    backend.answer = () => write;
    expect(await client.request('order:place')).toEqual(refused('handler.failed', { retryable: true }));
  });

  it('[B5] of one socket are handled one after another, in order', async () => {
    let open = 0;
    let most = 0;
    backend.answer = async ({ body }) => {
      most = Math.max(most, ++open);
      await new Promise((done) => setImmediate(done));
      open--;
      return ok({ ack: body['args'] });
    };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_each, index) => client.request('order:place', index)),
    );
    expect(answers).toEqual(Array.from({ length: 20 }, (_each, index) => ({ ok: true, data: [index] })));
    expect(backend.requests.map(({ body }) => body['args'])).toEqual(
      Array.from({ length: 20 }, (_each, index) => [index]),
    );
    expect(most).toBe(1);
  });
});

describe('a remote handler that keeps failing', () => {
  it('[B5] is left alone after ten failures in a row: handler.unavailable with a time to wait, shown in health and metrics', async () => {
    const backend = await TestBackend.start(() => ({ status: 500 }));
    const gateway = await startGateway({ handlers: `order:*=${backend.url}`, eventsBurst: 1_000 });
    const client = await gateway.connect();
    try {
      for (let count = 0; count < 10; count++) {
        expect(await client.request('order:place')).toEqual(refused('handler.failed'));
      }
      expect(await client.request('order:place')).toEqual(
        refused('handler.unavailable', { retryable: true, retryAfterMs: expect.any(Number) }),
      );
      expect(backend.requests).toHaveLength(10);
      const ready = await gateway.http('GET', '/health/ready');
      expect(ready).toMatchObject({
        status: 200,
        body: { status: 'ok', details: { handlers: { status: 'up', 'order:*': 'open' } } },
      });
      const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
      expect(metrics).toContain('switchboard_handler_breaker_open{handler="order:*"} 1');
      expect(metrics).toContain('switchboard_handler_requests_total{handler="order:*",outcome="failed"} 10');
      expect(metrics).toContain(
        'switchboard_handler_requests_total{handler="order:*",outcome="unavailable"} 1',
      );
    } finally {
      await gateway.close();
      await backend.stop();
    }
  });
});

describe('a remote handler that knows not every event', () => {
  it('[B5] goes on taking the others, however many of those a client sends', async () => {
    const backend = await TestBackend.start(({ body }) =>
      body['event'] === 'order:place' ? ok({ ack: 1 }) : { status: 404 },
    );
    const gateway = await startGateway({ handlers: `order:*=${backend.url}`, eventsBurst: 1_000 });
    const [hostile, client] = [await gateway.connect(), await gateway.connect()];
    try {
      for (let count = 0; count < 25; count++) {
        expect(await hostile.request(`order:${count}`)).toEqual(refused('handler.failed'));
      }
      expect(await client.request('order:place')).toEqual({ ok: true, data: 1 });
    } finally {
      await gateway.close();
      await backend.stop();
    }
  });
});

describe('a remote handler that does not answer', () => {
  it('[B4] [M1] is given up at the time limit, and at once when it cannot be reached', async () => {
    const backend = await TestBackend.start(() => () => {});
    const gateway = await startGateway({ handlers: `order:*=${backend.url}`, handlerAttemptMs: 300 });
    const client = await gateway.connect();
    try {
      expect(await client.request('order:place')).toEqual(refused('handler.timeout', { retryable: true }));
      await backend.stop();
      expect(await client.request('order:place')).toEqual(refused('handler.failed', { retryable: true }));
    } finally {
      await gateway.close();
    }
  });
});
