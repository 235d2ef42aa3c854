import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import type { HttpAnswer } from '../../../src/testing/test-gateway.js';
import { createApiKey } from '../../../src/access/api-keys.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const SHOP = createApiKey('shop', ['read', 'emit', 'manage', 'metrics']);
const VIEWER = createApiKey('viewer', ['read']);
const bearer = ({ key }: { key: string }): Record<string, string> => ({ authorization: `Bearer ${key}` });

const USED = 'an API key was used';
const REFUSED = 'an API key was refused';

describe('the audit', () => {
  let gateway: TestGateway;
  let log: CollectingLogger;
  let ada: TestClient;

  beforeEach(async () => {
    log = new CollectingLogger();
    const apiKeys = [SHOP, VIEWER].map(({ entry }) => entry).join(',');
    gateway = await startGateway({ jwtSecret: SECRET, apiKeys, logger: log, history: 'lobby=10/1h' });
    ada = await gateway.connect({ auth: { token: await sign({ sub: 'ada' }) } });
  });
  afterEach(() => gateway?.close());

  const ask = (method: string, path: string, body?: unknown, key = SHOP): Promise<HttpAnswer> =>
    gateway.http(method, path, body, bearer(key));
  const used = (): object[] => log.find(USED).map(({ fields }) => fields);
  const line = (fields: object): unknown => ({ key: 'shop', ms: expect.any(Number), ...fields });

  it('[A10] every use of a key that changes something is one line, whatever came of it', async () => {
    const ID = ada.id!;
    await ask('POST', '/v1/emit', { to: { users: ['ada'] }, event: 'news', data: 'kumquat' });
    await ask('POST', '/v1/emit', { to: { users: ['ada'] }, event: 'error' });
    await ask('PUT', '/v1/users/ada/rooms/lobby');
    await ask('DELETE', '/v1/sockets/nobody');
    await ask('DELETE', '/v1/rooms/lobby/history');
    await ask('PUT', '/v1/users/bob/block');
    await ask('POST', '/v1/tokens/revoke', { jti: 'j1' });
    await ask('DELETE', `/v1/sockets/${ID}`);
    const POST = { method: 'POST', route: '/v1/emit', command: 'emit', target: '{"users":["ada"]}' };
    expect(used()).toEqual([
      line({ ...POST, status: 202, matched: 1 }),
      line({ ...POST, status: 400, code: 'event.reserved' }),
      line({
        method: 'PUT',
        route: '/v1/users/:user/rooms/:room',
        command: 'join',
        target: '{"user":"ada","room":"lobby"}',
        status: 204,
      }),
      line({
        method: 'DELETE',
        route: '/v1/sockets/:id',
        command: 'disconnect',
        target: '{"socketId":"nobody"}',
        status: 404,
        code: 'socket.not_found',
      }),
      line({
        method: 'DELETE',
        route: '/v1/rooms/:room/history',
        command: 'dropHistory',
        target: '{"room":"lobby"}',
        status: 204,
      }),
      line({
        method: 'PUT',
        route: '/v1/users/:user/block',
        command: 'block',
        target: '{"user":"bob"}',
        status: 204,
      }),
      line({
        method: 'POST',
        route: '/v1/tokens/revoke',
        command: 'revoke',
        target: '{"jti":"j1"}',
        status: 204,
      }),
      line({
        method: 'DELETE',
        route: '/v1/sockets/:id',
        command: 'disconnect',
        target: JSON.stringify({ socketId: ID }),
        status: 204,
        matched: 1,
      }),
    ]);
    expect(JSON.stringify(log.lines)).not.toMatch(/kumquat|sbk_/);
    const { text } = await metrics();
    expect(text).toContain('switchboard_api_key_uses_total{key="shop"} 8');
  });

  it('[A10] a line names the target of a publication as JSON, whatever is in it', async () => {
    const targets = [
      { rooms: ['lobby'] },
      { sockets: [ada.id!] },
      { users: ['ada'] },
      { users: ['a "b" \\ é'] },
      { rooms: [] },
      { rooms: ['a', 'b'] },
      { rooms: ['a'], users: ['b'] },
      { rooms: ['a'], users: [] },
      { all: true },
    ];
    for (const to of targets) await ask('POST', '/v1/emit', { to, event: 'news' });
    expect(used()).toEqual(
      targets.map((to) => expect.objectContaining({ target: JSON.stringify(to), status: 202 })),
    );
  });

  it('[A10] what a batch did to sockets is a line each, its publications are counted in its own', async () => {
    const emit = { to: { users: ['ada'] }, event: 'news' };
    const commands = [
      { emit },
      { emit },
      { emit: { ...emit, event: 'error' } },
      { leave: { room: 'lobby', user: 'ada' } },
    ];
    await ask('POST', '/v1/batch', { commands });
    const door = { method: 'POST', route: '/v1/batch' };
    expect(used()).toEqual([
      line({ ...door, command: 'leave', target: '{"room":"lobby","user":"ada"}', status: 204 }),
      line({ ...door, command: 'batch', target: 'batch', status: 200, matched: 2, commands: 4, failed: 1 }),
    ]);
  });

  it('[A10] what only reads leaves no line', async () => {
    for (const path of ['/v1/sockets', '/v1/stats', '/v1/blocks', '/v1/rooms/lobby/history'])
      await ask('GET', path);
    expect(used()).toEqual([]);
  });

  it('[A10] a refused key is a line without the key, and many in a second are one', async () => {
    await ask('PUT', '/v1/users/bob/block', undefined, VIEWER);
    const wrong = { authorization: 'Bearer sbk_kumquat' };
    for (let time = 0; time < 5; time++) await gateway.http('GET', '/v1/stats?sbk_kumquat', undefined, wrong);
    const refused = log.find(REFUSED).map(({ fields }) => fields);
    expect(refused[0]).toEqual({
      key: 'viewer',
      method: 'PUT',
      path: '/v1/users/bob/block',
      status: 403,
      code: 'access.denied',
      address: '127.0.0.1',
    });
    expect(refused[1]).toMatchObject({
      method: 'GET',
      path: '/v1/stats',
      status: 401,
      code: 'auth.key_invalid',
    });
    expect(refused.length).toBeLessThan(6);
    expect(JSON.stringify(log.lines)).not.toContain('kumquat');
    const { text } = await metrics();
    expect(text).toContain('switchboard_api_refusals_total{code="auth.key_invalid"} 5');
    expect(text).toContain('switchboard_api_refusals_total{code="access.denied"} 1');
  });

  it('[A6] the users that are blocked are listed in pages', async () => {
    const users = ['bob', 'ann', 'cleo', 'zoë', 'dan'];
    for (const user of users) await ask('PUT', `/v1/users/${encodeURIComponent(user)}/block`);
    await ask('DELETE', '/v1/users/dan/block');
    const first = await ask('GET', '/v1/blocks?limit=3');
    expect(first.body).toEqual({
      items: [{ user: 'ann' }, { user: 'bob' }, { user: 'cleo' }],
      next: expect.any(String),
      total: 4,
    });
    const rest = await ask('GET', `/v1/blocks?limit=3&cursor=${String(first.body['next'])}`);
    expect(rest.body).toEqual({ items: [{ user: 'zoë' }], next: null, total: 4 });
    expect((await ask('GET', '/v1/blocks?cursor=x')).status).toBe(400);
    await until(
      'ada is still there',
      async () => (await ask('GET', '/v1/users/ada')).body['online'] === true,
    );
  });

  async function metrics(): Promise<{ text: string }> {
    const answer = await fetch(`${gateway.url}/metrics`, { headers: bearer(SHOP) });
    return { text: await answer.text() };
  }
});
