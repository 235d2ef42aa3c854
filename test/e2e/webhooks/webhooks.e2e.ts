import { randomBytes } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { startGateway, type StartOptions, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { ok, TestBackend, type BackendRequest } from '../../support/backend.js';
import { until } from '../../support/until.js';

const newSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const [SECRET, OLD_SECRET] = [newSecret(), newSecret()];

interface Told {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Record<string, unknown>;
}

const toldBy = ({ body }: BackendRequest): Told => body as unknown as Told;

describe('webhooks', () => {
  let backend: TestBackend;
  let gateway: TestGateway;

  const start = async (options: StartOptions = {}): Promise<void> => {
    gateway = await startGateway({
      webhooks: `shop=${backend.url}/hooks`,
      webhookSecrets: `shop:${SECRET} ${OLD_SECRET}`,
      ...options,
    });
  };
  const toldOf = (user: string): Told[] =>
    backend.requests.map(toldBy).filter(({ data }) => data['user'] === user);
  const typesOf = (user: string): string[] => toldOf(user).map(({ type }) => type);

  beforeEach(async () => {
    backend = await TestBackend.start(() => ({ status: 204 }));
  });
  afterEach(async () => {
    await gateway?.close();
    await backend.stop();
  });

  it('[W1] are verified by standardwebhooks and by svix, with the new secret and with the old one', async () => {
    await start();
    await gateway.connect({ auth: { user: 'ada', info: { plan: 'pro' } } });
    await until('it is told', () => toldOf('ada').length === 1);
    const request = backend.requests.find((each) => toldBy(each).type === 'user.online')!;
    const headers = request.headers as Record<string, string>;
    for (const secret of [SECRET, OLD_SECRET]) {
      expect(new StandardWebhook(secret).verify(request.text, headers)).toEqual(request.body);
      expect(new SvixWebhook(secret).verify(request.text, headers)).toEqual(request.body);
    }
    expect(() => new StandardWebhook(newSecret()).verify(request.text, headers)).toThrow();
    expect(request.path).toBe('/hooks');
    expect(toldBy(request)).toEqual({
      type: 'user.online',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        user: 'ada',
        socketId: expect.any(String),
        node: expect.any(String),
        info: { plan: 'pro' },
        seq: expect.any(Number),
        epoch: expect.any(String),
      },
    });
  });

  it('[W4] a user is offline at once when it leaves, and a reload within the window is nothing', async () => {
    await start();
    const one = await gateway.connect({ auth: { user: 'ada' } });
    one.close();
    await until('it is told', () => toldOf('ada').length === 2);
    const two = await gateway.connect({ auth: { user: 'bob' } });
    two.breakTransport();
    await gateway.connect({ auth: { user: 'bob' } });
    const three = await gateway.connect({ auth: { user: 'ada' } });
    three.close();
    await until('it is told', () => toldOf('ada').length === 4);
    expect(typesOf('ada')).toEqual(['user.online', 'user.offline', 'user.online', 'user.offline']);
    expect(typesOf('bob')).toEqual(['user.online']);
    const seqs = toldOf('ada').map(({ data }) => Number(data['seq']));
    expect(seqs).toEqual(seqs.toSorted((first, second) => first - second));
  });

  it('[W4] a user whose connection broke is offline when the window is over', async () => {
    await start({ recoveryWindowMs: 500 });
    const client = await gateway.connect({ auth: { user: 'ada' } });
    client.breakTransport();
    await until('it is told', () => toldOf('ada').length === 2);
    expect(toldOf('ada')[1]).toMatchObject({ type: 'user.offline', data: { reason: 'lost', sockets: 0 } });
  });

  it('[W2] tell of sockets, rooms and publications where they are asked for', async () => {
    await start({ webhookEvents: 'shop=socket.*+room.*:chat:*+publication:chat:*' });
    const client = await gateway.connect({ auth: { user: 'ada' } });
    for (const room of ['chat:1', 'hall']) await client.request('room:join', { room });
    await client.request('room:emit', { room: 'chat:1', event: 'hello', args: [1] });
    await client.request('room:emit', { room: 'hall', event: 'hello', args: [2] });
    await client.request('room:leave', { room: 'chat:1' });
    client.close();
    await until('all is told', () => backend.requests.length >= 8);
    const told = backend.requests.map(toldBy);
    expect(told.filter(({ type }) => type.startsWith('socket.'))).toMatchObject([
      { type: 'socket.connected', data: { user: 'ada', sockets: 1, namespace: '/' } },
      {
        type: 'socket.disconnected',
        data: { user: 'ada', sockets: 0, reason: 'client namespace disconnect' },
      },
    ]);
    expect(told.filter(({ data }) => data['room']).map(({ type, data }) => [type, data['room']])).toEqual([
      ['room.occupied', 'chat:1'],
      ['room.member_joined', 'chat:1'],
      ['publication', 'chat:1'],
      ['room.member_left', 'chat:1'],
      ['room.vacated', 'chat:1'],
    ]);
    expect(told.find(({ type }) => type === 'publication')!.data).toMatchObject({
      event: 'hello',
      args: [1],
      user: 'ada',
    });
  });

  it('[W7] one request tells whether the backend heard that a user left', async () => {
    await start();
    const client = await gateway.connect({ auth: { user: '42' } });
    client.close();
    await until('it is told', () => toldOf('42').length === 2);
    await until('it is noted', async () => {
      const { body } = await gateway.http<{ events: { delivered: boolean }[] }>(
        'GET',
        '/v1/webhooks/shop/attempts?user=42',
      );
      return body.events.length === 2 && body.events.every(({ delivered }) => delivered);
    });
    const { body } = await gateway.http('GET', '/v1/webhooks/shop/attempts?user=42');
    expect(body).toMatchObject({
      events: [
        { type: 'user.offline', delivered: true, data: { user: '42', reason: 'left' } },
        { type: 'user.online', delivered: true },
      ],
      items: expect.arrayContaining([
        expect.objectContaining({ type: 'user.offline', about: '42', status: 204, outcome: 'delivered' }),
      ]),
    });
    const list = await gateway.http('GET', '/v1/webhooks');
    expect(list.body).toEqual({
      items: [
        {
          name: 'shop',
          url: `${backend.url}/hooks`,
          events: ['user.online', 'user.offline'],
          batch: false,
          state: 'ok',
          depth: expect.any(Number),
          lagMs: expect.any(Number),
        },
      ],
      next: null,
      total: 1,
    });
  });

  it('[W7] a test is sent now, and a replay with the same IDs', async () => {
    await start();
    const test = await gateway.http('POST', '/v1/webhooks/shop/test');
    expect(test).toMatchObject({ status: 200, body: { outcome: 'delivered', status: 204, error: null } });
    expect(backend.requests.map(toldBy).some(({ type }) => type === 'webhook.test')).toBe(true);
    backend.answer = () => ({ status: 500, body: 'broken' });
    const failed = await gateway.http('POST', '/v1/webhooks/shop/test');
    expect(failed.body).toMatchObject({
      outcome: 'failed',
      status: 500,
      error: 'status 500',
      answer: 'broken',
    });
    backend.answer = () => ok({});
    const client = await gateway.connect({ auth: { user: 'ada' } });
    client.close();
    const idsOf = (): string[] =>
      backend.requests
        .filter((each) => toldBy(each).data['user'] === 'ada')
        .map(({ headers }) => String(headers['webhook-id']));
    await until('it is told', () => idsOf().length >= 2);
    const since = new Date(Date.now() - 600_000).toISOString();
    await until('it is delivered', async () => {
      const { body } = await gateway.http<{ items: { depth: number }[] }>('GET', '/v1/webhooks');
      return body.items[0]!.depth === 0;
    });
    const before = idsOf();
    const replay = await gateway.http('POST', `/v1/webhooks/shop/replay?since=${since}`);
    expect(replay.status).toBe(202);
    expect(Number(replay.body['events'])).toBeGreaterThanOrEqual(2);
    await until('it is told again', () => idsOf().length === 2 * before.length);
    expect(idsOf().slice(before.length)).toEqual(before);
    expect((await gateway.http('POST', '/v1/webhooks/shop/replay')).body).toMatchObject({
      code: 'payload.invalid',
    });
    expect(await gateway.http('POST', '/v1/webhooks/none/test')).toMatchObject({
      status: 404,
      body: { code: 'webhook.unknown' },
    });
  });

  it('[W7] a key needs the scope read to look, and manage to test and replay', async () => {
    const read = createApiKey('looker', ['read']);
    await start({ apiKeys: read.entry });
    const headers = { authorization: `Bearer ${read.key}` };
    expect((await gateway.http('GET', '/v1/webhooks', undefined, headers)).status).toBe(200);
    for (const path of ['test', 'replay?since=2026-01-31T12:00:00Z']) {
      const { status } = await gateway.http('POST', `/v1/webhooks/shop/${path}`, undefined, headers);
      expect(status).toBe(403);
    }
  });

  it('[W7] are in the metrics and in the details of /health/ready', async () => {
    await start();
    await gateway.connect({ auth: { user: 'ada' } });
    await until('it is told', () => toldOf('ada').length === 1);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toMatch(/switchboard_webhook_deliveries_total\{endpoint="shop",outcome="delivered"\} \d/);
    for (const name of ['queue_depth', 'lag_seconds', 'stopped', 'events_total', 'lost_events_total']) {
      expect(metrics).toContain(`switchboard_webhook_${name}{endpoint="shop"}`);
    }
    const { body } = await gateway.http('GET', '/health/ready');
    expect(body).toMatchObject({ details: { webhooks: { status: 'up', shop: 'ok' } } });
  });
});
