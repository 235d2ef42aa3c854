import type { ClientProxy } from '@nestjs/microservices';
import { createApiKey } from '../../../src/access/api-keys.js';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { freePort } from '../../support/free-port.js';
import { closeNestClients, nestClient, refusedWith, sent } from '../../support/nest-client.js';

const KEYS = {
  all: createApiKey('backend', ['emit', 'read', 'manage', 'metrics']),
  read: createApiKey('reader', ['read']),
};
const HEADERS = { authorization: `Bearer ${KEYS.all.key}` };
const PREFIX = 'switchboard.';

/** A stream is no answer to a message. */
const HTTP_ONLY = ['GET /v1/trace'];

/** What HTTP calls each pattern. A command without a route, or a route without a command, breaks the first test. */
const ROUTES: Readonly<Record<string, readonly string[]>> = {
  emit: ['POST /v1/emit'],
  batch: ['POST /v1/batch'],
  sockets: ['GET /v1/sockets'],
  socket: ['GET /v1/sockets/{id}'],
  users: ['GET /v1/users'],
  user: ['GET /v1/users/{user}'],
  rooms: ['GET /v1/rooms'],
  room: ['GET /v1/rooms/{room}'],
  members: ['GET /v1/rooms/{room}/members'],
  history: ['GET /v1/rooms/{room}/history'],
  dropHistory: ['DELETE /v1/rooms/{room}/history'],
  nodes: ['GET /v1/nodes'],
  stats: ['GET /v1/stats'],
  explain: ['GET /v1/explain'],
  top: ['GET /v1/top'],
  join: ['PUT /v1/sockets/{id}/rooms/{room}', 'PUT /v1/users/{user}/rooms/{room}'],
  leave: ['DELETE /v1/sockets/{id}/rooms/{room}', 'DELETE /v1/users/{user}/rooms/{room}'],
  disconnect: ['DELETE /v1/sockets/{id}', 'DELETE /v1/users/{user}/sockets'],
  blocks: ['GET /v1/blocks'],
  block: ['PUT /v1/users/{user}/block'],
  unblock: ['DELETE /v1/users/{user}/block'],
  revoke: ['POST /v1/tokens/revoke'],
  webhooks: ['GET /v1/webhooks'],
  webhookAttempts: ['GET /v1/webhooks/{name}/attempts'],
  testWebhook: ['POST /v1/webhooks/{name}/test'],
  replayWebhook: ['POST /v1/webhooks/{name}/replay'],
};

describe('the gateway as a microservice', () => {
  let gateway: TestGateway;
  let service: ClientProxy;
  let client: TestClient;
  let url: string;

  beforeAll(async () => {
    url = `tcp://127.0.0.1:${await freePort()}`;
    gateway = await startGateway({
      microservice: url,
      apiKeys: `${KEYS.all.entry},${KEYS.read.entry}`,
      anonymous: true,
      history: 'chat:*=10/1h',
    });
  });
  beforeEach(async () => {
    service = await nestClient(url);
    service.setOnDispatchHook((packet) => (packet.metadata = HEADERS));
    client = await gateway.connect();
  });
  afterEach(async () => {
    client.close();
    await closeNestClients();
  });
  afterAll(() => gateway.close());

  it('[N1] has a pattern for everything that the HTTP API can do, and nothing else', async () => {
    const { body } = await gateway.http<{ paths: Record<string, Record<string, unknown>> }>(
      'GET',
      '/openapi.json',
    );
    const routes = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...Object.values(ROUTES).flat(), ...HTTP_ONLY].toSorted()).toEqual(routes.toSorted());
    for (const name of Object.keys(ROUTES)) {
      expect([name, await refusedWith(service, PREFIX + name, { nonsense: true })]).toEqual([
        name,
        expect.objectContaining({ code: 'payload.invalid' }),
      ]);
    }
  });

  it('[N1] answers what HTTP answers', async () => {
    const id = client.id!;
    await sent(service, 'switchboard.join', { socketId: id, room: 'chat:1' });
    await sent(service, 'switchboard.emit', { to: { rooms: ['chat:1'] }, event: 'line', data: 'hello' });
    const { user } = (await gateway.registry.getSocket(id))!;
    const asked: [string, object, string][] = [
      ['sockets', { room: 'chat:1', limit: 5 }, '/v1/sockets?room=chat:1&limit=5'],
      ['socket', { socketId: id }, `/v1/sockets/${id}`],
      ['users', {}, '/v1/users'],
      ['user', { user }, `/v1/users/${user}`],
      ['rooms', { prefix: 'chat:' }, '/v1/rooms?prefix=chat:'],
      ['room', { room: 'chat:1' }, '/v1/rooms/chat:1'],
      ['members', { room: 'chat:1' }, '/v1/rooms/chat:1/members'],
      ['history', { room: 'chat:1', limit: 10 }, '/v1/rooms/chat:1/history?limit=10'],
      ['blocks', {}, '/v1/blocks'],
      ['stats', {}, '/v1/stats'],
    ];
    for (const [name, input, path] of asked) {
      const { body } = await gateway.http('GET', path, undefined, HEADERS);
      expect([name, await sent(service, PREFIX + name, input)]).toEqual([name, body]);
    }
  });

  it('[N1] sends to clients by `send` and by `emit`; a command without an answer says ok', async () => {
    const line = { to: { sockets: [client.id!] }, event: 'line' };
    expect(await sent(service, 'switchboard.emit', { ...line, data: 1 })).toEqual({
      id: expect.any(String),
      matched: 1,
    });
    expect(await client.next('line')).toEqual([1]);
    service.emit('switchboard.emit', { ...line, data: 2 });
    expect(await client.next('line')).toEqual([2]);
    const room = { socketId: client.id!, room: 'lobby' };
    expect(await sent(service, 'switchboard.join', room)).toEqual({ ok: true });
    expect(await sent(service, 'switchboard.leave', room)).toEqual({ ok: true });
    expect(
      await sent(service, 'switchboard.batch', {
        commands: [{ emit: { ...line, data: 3 } }, { nonsense: 1 }],
      }),
    ).toEqual({
      results: [
        { ok: true, id: expect.any(String), matched: 1 },
        { ok: false, error: expect.objectContaining({ code: 'payload.invalid' }) },
      ],
    });
    expect(await client.next('line')).toEqual([3]);
    expect(await sent(service, 'switchboard.disconnect', { socketId: client.id! })).toEqual({
      disconnected: 1,
    });
  });

  it('[N3] takes keys as metadata or as a field that is taken off, and refuses what they do not grant', async () => {
    const keyed = async (authorization?: string): Promise<ClientProxy> => {
      const other = await nestClient(url);
      if (authorization !== undefined) {
        other.setOnDispatchHook((packet) => (packet.metadata = { authorization }));
      }
      return other;
    };
    const none = await keyed();
    const invalid = expect.objectContaining({ code: 'auth.key_invalid', retryable: false });
    expect(await refusedWith(none, 'switchboard.stats', {})).toEqual(invalid);
    expect(await refusedWith(none, 'switchboard.stats', { apiKey: 'sbk_wrong' })).toEqual(invalid);
    expect(await refusedWith(await keyed('Bearer sbk_wrong'), 'switchboard.stats', {})).toEqual(invalid);
    expect(await sent(none, 'switchboard.stats', { apiKey: KEYS.read.key })).toMatchObject({ nodes: 1 });
    const reader = await keyed(`Bearer ${KEYS.read.key}`);
    expect(await sent(reader, 'switchboard.stats', {})).toMatchObject({ nodes: 1 });
    // The scope is asked for before the input is looked at.
    expect(await refusedWith(reader, 'switchboard.emit', { nonsense: 1 })).toEqual(
      expect.objectContaining({ code: 'access.denied' }),
    );
  });

  it('[N1] [D7] does what has an idempotency key once', async () => {
    const request = {
      to: { sockets: [client.id!] },
      event: 'once',
      data: 1,
      idempotencyKey: 'a key of a message',
    };
    const first = await sent(service, 'switchboard.emit', request);
    expect(await sent(service, 'switchboard.emit', request)).toEqual(first);
    await sent(service, 'switchboard.emit', { to: { sockets: [client.id!] }, event: 'end', data: 1 });
    await client.next('end');
    expect(client.queue.pending('once')).toBe(1);
  });

  it('[N5] says what is wrong as our error object, never as "Internal server error"', async () => {
    const error = (code: string) =>
      expect.objectContaining({ code, message: expect.any(String), retryable: false });
    expect(await refusedWith(service, 'switchboard.socket', { socketId: 'gone' })).toEqual(
      error('socket.not_found'),
    );
    expect(await refusedWith(service, 'switchboard.nonsense', {})).toEqual(error('route.unknown'));
    expect(await refusedWith(service, 'other', {})).toEqual(error('route.unknown'));
    expect(
      await refusedWith(service, 'switchboard.emit', { to: { all: true }, event: 'connect', data: 1 }),
    ).toEqual(error('event.reserved'));
    expect(await refusedWith(service, 'switchboard.room', { room: 'not a room' })).toEqual(
      expect.objectContaining({ code: 'room.invalid', errors: [expect.objectContaining({ path: 'room' })] }),
    );
    service.emit('switchboard.emit', { nonsense: 1 });
    await sent(service, 'switchboard.stats', {});
    const { body } = await metricsOf(gateway);
    expect(body).toMatch(/switchboard_failures_total\{place="microservice"\} 1/);
  });
});

const metricsOf = async ({ url }: TestGateway): Promise<{ body: string }> => ({
  body: await (await fetch(`${url}/metrics`, { headers: HEADERS })).text(),
});
