import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { API_KEY_SCOPES, type ApiKeyScope } from '../../../src/config/credentials.js';
import { sendRaw, type RawAnswer } from '../../support/raw-http.js';
import { everythingIn, SECRET, sign } from '../../support/tokens.js';

const CREATED = Object.fromEntries(
  API_KEY_SCOPES.map((scope) => [scope, createApiKey(scope, [scope])]),
) as Record<ApiKeyScope, { key: string; entry: string }>;
const ALL = createApiKey('all', API_KEY_SCOPES);

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

let gateway: TestGateway;

beforeAll(async () => {
  const apiKeys = [...Object.values(CREATED), ALL].map(({ entry }) => entry).join(',');
  gateway = await startGateway({ jwtSecret: SECRET, apiKeys, history: 'lobby=10/1h' });
});
afterAll(async () => {
  await gateway?.close();
});

/** A request of the API; `ID` in the path stands for the socket of the client that is there. */
interface Route {
  readonly method: string;
  readonly path: string;
  /** `undefined` when any key will do. */
  readonly scope: ApiKeyScope | undefined;
  readonly status: number;
  readonly body?: unknown;
}

const ROUTES: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/emit',
    scope: 'emit',
    status: 202,
    body: { to: { all: true }, event: 'news' },
  },
  { method: 'POST', path: '/v1/batch', scope: undefined, status: 200, body: { commands: [] } },
  { method: 'GET', path: '/v1/sockets', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/sockets/ID', scope: 'read', status: 200 },
  { method: 'PUT', path: '/v1/sockets/ID/rooms/lobby', scope: 'manage', status: 204 },
  { method: 'DELETE', path: '/v1/sockets/ID/rooms/lobby', scope: 'manage', status: 204 },
  { method: 'DELETE', path: '/v1/sockets/ID', scope: 'manage', status: 204 },
  { method: 'GET', path: '/v1/users', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/users/ada', scope: 'read', status: 200 },
  { method: 'PUT', path: '/v1/users/ada/rooms/lobby', scope: 'manage', status: 204 },
  { method: 'DELETE', path: '/v1/users/ada/rooms/lobby', scope: 'manage', status: 204 },
  { method: 'DELETE', path: '/v1/users/ada/sockets', scope: 'manage', status: 200 },
  { method: 'PUT', path: '/v1/users/ada/block', scope: 'manage', status: 204 },
  { method: 'DELETE', path: '/v1/users/ada/block', scope: 'manage', status: 204 },
  { method: 'POST', path: '/v1/tokens/revoke', scope: 'manage', status: 204, body: { jti: 'of-nobody' } },
  { method: 'GET', path: '/v1/rooms', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/rooms/lobby', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/rooms/lobby/members', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/rooms/lobby/history', scope: 'read', status: 200 },
  { method: 'DELETE', path: '/v1/rooms/lobby/history', scope: 'manage', status: 204 },
  { method: 'GET', path: '/v1/blocks', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/nodes', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/stats', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/explain?user=ada', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/top?by=publications&of=user', scope: 'read', status: 200 },
  { method: 'GET', path: '/v1/webhooks', scope: 'read', status: 200 },
  { method: 'GET', path: '/metrics', scope: 'metrics', status: 200 },
];

/** A stream that does not end, and what needs an endpoint of a webhook: their suites ask for their keys. */
const hasOwnSuite = (route: string): boolean =>
  route === 'GET /v1/trace' || route.includes(' /v1/webhooks/{}');

const ask = (
  { method, path, body }: Route,
  client: TestClient,
  headers: Record<string, string>,
): Promise<RawAnswer> =>
  sendRaw(gateway.url, {
    method,
    path: path.replace('ID', encodeURIComponent(client.id!)),
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

const codeOf = (answer: RawAnswer): unknown => (JSON.parse(answer.text) as { code?: unknown }).code;

describe('the API of a secured gateway', () => {
  let client: TestClient;

  beforeEach(async () => {
    client = await gateway.connect({ auth: { token: await sign({ sub: 'ada' }) } });
  });
  afterEach(() => client.close());

  /** Nothing has been done: neither to the client nor to where it is. */
  const expectUntouched = async (): Promise<void> => {
    await client.settled();
    expect(client.queue.log.map(({ event }) => event)).toEqual(['connect']);
    expect(await gateway.registry.getRoom('lobby')).toMatchObject({ sockets: 0 });
  };

  it('[A4] is all of what openapi.json names', async () => {
    const { body } = await gateway.http<{ paths: Record<string, Record<string, unknown>> }>(
      'GET',
      '/openapi.json',
    );
    const documented = Object.entries(body.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/\{\w+\}/g, '{}')}`),
    );
    const tested = ROUTES.map(
      ({ method, path }) =>
        `${method} ${path.replace(/\?.*/, '').replace('ID', '{}').replace('/ada', '/{}').replace('/lobby', '/{}')}`,
    );
    const api = documented.filter((route) => route.includes(' /v1/') && !hasOwnSuite(route));
    expect(api.length).toBeGreaterThan(0);
    expect(tested).toEqual(expect.arrayContaining(api));
  });

  it.each(ROUTES)('[A4] $method $path wants a key', async (route) => {
    const wrong: Record<string, string>[] = [
      {},
      { authorization: '' },
      bearer(createApiKey('stranger', API_KEY_SCOPES).key),
      bearer(ALL.key.slice(0, -1)),
      bearer(ALL.entry.split(':')[1]!),
      bearer(ALL.entry),
      { authorization: `Basic ${Buffer.from(`all:${ALL.key}`).toString('base64')}` },
      { 'x-api-key': ALL.key },
      bearer(await sign({ sub: 'ada', caps: [everythingIn('*')] })),
    ];
    for (const headers of wrong) {
      const answer = await ask(route, client, headers);
      expect(answer.status).toBe(401);
      expect(codeOf(answer)).toBe('auth.key_invalid');
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.headers['content-type']).toContain('application/problem+json');
    }
    const inQuery = await ask(
      { ...route, path: `${route.path}?token=${ALL.key}&key=${ALL.key}` },
      client,
      {},
    );
    expect(inQuery.status).toBe(401);
    await expectUntouched();
  });

  it.each(ROUTES.filter(({ scope }) => scope !== undefined))(
    '[A4] $method $path wants the scope $scope and no other',
    async (route) => {
      for (const scope of API_KEY_SCOPES.filter((each) => each !== route.scope)) {
        const answer = await ask(route, client, bearer(CREATED[scope].key));
        expect([scope, answer.status, codeOf(answer)]).toEqual([scope, 403, 'access.denied']);
      }
      await expectUntouched();
      expect(await ask(route, client, bearer(CREATED[route.scope!].key))).toMatchObject({
        status: route.status,
      });
      await unblock();
    },
  );

  it.each(ROUTES)('[A4] $method $path takes a key with all scopes', async (route) => {
    expect(await ask(route, client, bearer(ALL.key))).toMatchObject({ status: route.status });
    await unblock();
  });

  const unblock = (): Promise<unknown> =>
    gateway.http('DELETE', '/v1/users/ada/block', undefined, bearer(ALL.key));

  const commands = {
    emit: { emit: { to: { all: true }, event: 'news' } },
    join: { join: { room: 'lobby', user: 'ada' } },
    leave: { leave: { room: 'lobby', user: 'ada' } },
    disconnect: { disconnect: { user: 'ada' } },
  };

  it.each([
    ['emit', ['emit']],
    ['manage', ['join', 'leave', 'disconnect']],
    ['read', []],
    ['metrics', []],
  ] as const)('[A4] carries out in a batch what the scope %s allows', async (scope, allowed) => {
    const { status, body } = await gateway.http<{ results: { ok: boolean; error?: { code: string } }[] }>(
      'POST',
      '/v1/batch',
      { commands: Object.values(commands) },
      bearer(CREATED[scope].key),
    );
    expect(status).toBe(200);
    const outcomes = Object.keys(commands).map((name, index) => [
      name,
      body.results[index]!.error?.code ?? 'done',
    ]);
    expect(Object.fromEntries(outcomes)).toEqual(
      Object.fromEntries(
        Object.keys(commands).map((name) => [
          name,
          (allowed as readonly string[]).includes(name) ? 'done' : 'access.denied',
        ]),
      ),
    );
    if (scope === 'manage') await client.next('disconnect');
    else if (scope === 'emit') await client.next('news');
    else await expectUntouched();
  });

  it.each(['/health/live', '/health/ready', '/openapi.json', '/docs'])(
    '[A4] [O1] leaves %s to everyone',
    async (path) => {
      expect(await sendRaw(gateway.url, { path })).toMatchObject({ status: 200 });
    },
  );

  it('[A4] does not take an API key for a token', async () => {
    const stranger = gateway.open({ auth: { token: ALL.key } });
    const [error] = (await stranger.next('connect_error')) as [{ data: unknown }];
    expect(error.data).toMatchObject({ code: 'auth.token_invalid' });
  });
});

describe('a gateway', () => {
  it('[A4] [C4] with API keys and no key for tokens is secured: it refuses clients, whatever they present', async () => {
    const lonely = await startGateway({ apiKeys: ALL.entry });
    for (const auth of [{}, { token: await sign({ sub: 'ada' }) }]) {
      const [error] = (await lonely.open({ auth }).next('connect_error')) as [{ data: { code: string } }];
      expect(error.data.code).toMatch(/^auth\.token_(missing|invalid)$/);
    }
    expect(await lonely.http('GET', '/v1/stats', undefined, bearer(ALL.key))).toMatchObject({
      status: 200,
      body: { sockets: 0 },
    });
    await lonely.close();
  });

  it('[A4] [C4] with a key for tokens and no API key has an API for nobody', async () => {
    const closed = await startGateway({ jwtSecret: SECRET });
    for (const headers of [{}, bearer(ALL.key)]) {
      expect(await closed.http('GET', '/v1/stats', undefined, headers)).toMatchObject({ status: 401 });
    }
    await closed.close();
  });
});
