import type { ExpressAdapter, NestExpressApplication } from '@nestjs/platform-express';
import { startApp, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { gzipSync } from 'node:zlib';
import { createApiKey } from '../../../src/access/api-keys.js';
import { readApiRoutes } from '../../../src/api/direct-routes.js';
import { createService } from '../../../src/service.js';
import { sendRaw, type RawAnswer, type RawRequest } from '../../support/raw-http.js';
import { SECRET, sign } from '../../support/tokens.js';

/**
 * Most requests of the API are answered in front of Express and Nest, on a short way. Nobody may be able to tell:
 * here everything is asked twice, once so that it goes the short way and once so that Express gets it.
 */

const ALL = createApiKey('all', ['read', 'emit', 'manage']);
const READ = createApiKey('read', ['read']);

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const json = (body: unknown): Pick<RawRequest, 'body' | 'headers'> => text(JSON.stringify(body));
const text = (body: string | Buffer): Pick<RawRequest, 'body' | 'headers'> => ({
  body,
  headers: { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) },
});

let app: NestExpressApplication;
let gateway: TestGateway;
let client: TestClient;
/** What Express was asked since the last look. */
let atExpress: string[] = [];

beforeAll(async () => {
  const apiKeys = [ALL, READ].map(({ entry }) => entry).join(',');
  const options = { jwtSecret: SECRET, apiKeys, maxPayloadBytes: 2_000, drainWindowMs: 100 };
  app = await createService(options, false);
  const adapter = app.getHttpAdapter() as unknown as ExpressAdapter;
  adapter.setOnRequestHook((request: { url: string }, _response: unknown, next: () => void) => {
    atExpress.push(request.url);
    next();
  });
  gateway = await startApp(app);
  client = await gateway.connect({ auth: { token: await sign({ sub: 'ada ä/1' }) } });
});
afterAll(() => gateway?.close());

const send = ({ headers, ...request }: RawRequest): Promise<RawAnswer> =>
  sendRaw(gateway.url, { ...request, headers: { ...bearer(ALL.key), ...headers } });

/** Publication IDs count up, and the date moves on. */
const comparable = ({ status, headers, text }: RawAnswer): object => ({
  status,
  headers: { ...headers, date: undefined },
  text: text.replace(/"id":"([\w-]+)-\w+"/g, '"id":"$1-n"'),
});

const REQUESTS: readonly (readonly [what: string, request: RawRequest])[] = [
  ['a list', { path: '/v1/sockets' }],
  ['a page', { path: '/v1/users?limit=1&cursor=' }],
  ['a list with a limit that is given twice', { path: '/v1/users?limit=1&limit=2' }],
  ['a list with a parameter that it does not know', { path: '/v1/sockets?usr=ada' }],
  ['a query where none is read', { path: '/v1/stats?verbose=1' }],
  [
    'an emit with a query',
    { method: 'POST', path: '/v1/emit?x', ...json({ to: { all: true }, event: 'e' }) },
  ],
  ['a list with an escaped query', { path: '/v1/sockets?user=ada%20%C3%A4%2F1&x=%zz' }],
  ['one user with an escaped name', { path: '/v1/users/ada%20%C3%A4%2F1' }],
  ['one user with a name that is no user', { path: '/v1/users/a%00b' }],
  ['one room with a name that is none', { path: '/v1/rooms/a%20b' }],
  ['a path in capitals after the version', { path: '/v1/USERS/ada' }],
  ['a page that does not exist', { path: '/v1/rooms?cursor=xyz&limit=0&prefix=a' }],
  ['two faults in path and query', { path: '/v1/rooms/a%20b/members?limit=0' }],
  ['a socket that is not there', { path: '/v1/sockets/nobody' }],
  ['stats', { path: '/v1/stats' }],
  ['a change without an answer', { method: 'PUT', path: '/v1/users/ada/rooms/lobby' }],
  [
    'a change with a body that nobody needs',
    { method: 'PUT', path: '/v1/users/x/rooms/y', ...json({ a: 1 }) },
  ],
  ['an emit', { method: 'POST', path: '/v1/emit', ...json({ to: { all: true }, event: 'e', data: 'ä😀' }) }],
  [
    'an emit with acknowledgements',
    {
      method: 'POST',
      path: '/v1/emit',
      ...json({ to: { sockets: ['nobody'] }, event: 'e', ack: { timeoutMs: 10 } }),
    },
  ],
  [
    'an emit of a reserved event',
    { method: 'POST', path: '/v1/emit', ...json({ to: { all: true }, event: 'error' }) },
  ],
  [
    'an emit to nobody in particular',
    { method: 'POST', path: '/v1/emit', ...json({ to: {}, event: 'e', x: 1 }) },
  ],
  [
    'an emit into a room that is none',
    { method: 'POST', path: '/v1/emit', ...json({ to: { rooms: [' '] }, event: 'e' }) },
  ],
  [
    'an emit with a number that JavaScript cannot hold',
    {
      method: 'POST',
      path: '/v1/emit',
      ...text('{"to":{"all":true},"event":"e","data":[9007199254740993]}'),
    },
  ],
  ['an emit without a body', { method: 'POST', path: '/v1/emit' }],
  ['a body of which nothing is JSON', { method: 'POST', path: '/v1/emit', ...text('{"to":') }],
  ['a body of spaces', { method: 'POST', path: '/v1/emit', ...text('  ') }],
  ['a body that is a string', { method: 'POST', path: '/v1/emit', ...text('"to"') }],
  ['a body that is null', { method: 'POST', path: '/v1/emit', ...text(' null') }],
  ['a body with a byte order mark', { method: 'POST', path: '/v1/batch', ...text('\ufeff{"commands":[]}') }],
  [
    'a body that is not UTF-8',
    { method: 'POST', path: '/v1/emit', ...text(Buffer.from([0x7b, 0xff, 0x7d])) },
  ],
  [
    'a body nested too deeply',
    { method: 'POST', path: '/v1/batch', ...text(`${'['.repeat(900)}${']'.repeat(900)}`) },
  ],
  [
    'a body with __proto__',
    { method: 'POST', path: '/v1/emit', ...text('{"__proto__":{"to":{"all":true}},"event":"e"}') },
  ],
  [
    'a batch with every kind of result',
    {
      method: 'POST',
      path: '/v1/batch',
      ...json({
        commands: [{ emit: { to: { all: true }, event: 'e' } }, { join: { room: 'a', user: 'b' } }, 5],
      }),
    },
  ],
  ['no key', { path: '/v1/stats', headers: { authorization: '' } }],
  ['a wrong key', { path: '/v1/users/ada', headers: bearer('sbk_wrong') }],
  [
    'a wrong key with a body that is no JSON',
    {
      method: 'POST',
      path: '/v1/emit',
      body: '{',
      headers: { ...text('{').headers, ...bearer('sbk_wrong') },
    },
  ],
  ['a key without the scope', { method: 'PUT', path: '/v1/users/x/block', headers: bearer(READ.key) }],
  ['a page of another origin', { path: '/v1/stats', headers: { origin: 'https://evil.example' } }],
];

it.each(REQUESTS)('[E2] answers %s the same on the short way as through Nest', async (_what, request) => {
  atExpress = [];
  const direct = await send(request);
  expect(atExpress).toEqual([]);
  // A conditional request always goes to Express; what is asked for here has no version to compare with.
  const throughNest = await send({ ...request, headers: { ...request.headers, 'if-none-match': '"none"' } });
  expect(atExpress).toEqual([request.path]);
  expect(comparable(direct)).toEqual(comparable(throughNest));
});

const LEFT_TO_EXPRESS: readonly (readonly [what: string, request: RawRequest, status: number])[] = [
  ['HEAD', { method: 'HEAD', path: '/v1/stats' }, 200],
  ['a method that the route has not', { method: 'DELETE', path: '/v1/stats' }, 405],
  ['a route that is none', { path: '/v1/nothing' }, 404],
  ['a path with a slash at its end', { path: '/v1/users/ada/' }, 200],
  ['an escape that is none', { path: '/v1/users/%zz' }, 400],
  [
    'a compressed body',
    {
      method: 'POST',
      path: '/v1/batch',
      body: gzipSync('{"commands":[]}'),
      headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    },
    415,
  ],
  [
    'a body in chunks',
    {
      method: 'POST',
      path: '/v1/batch',
      body: '{"commands":[]}',
      headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' },
    },
    200,
  ],
  [
    'a body of another type',
    {
      method: 'POST',
      path: '/v1/emit',
      body: 'a=b',
      headers: { 'content-type': 'text/plain', 'content-length': '3' },
    },
    400,
  ],
  ['a body over the limit', { method: 'POST', path: '/v1/emit', ...text(' '.repeat(2_001)) }, 413],
];

it.each(LEFT_TO_EXPRESS)('[E2] leaves %s to Express', async (_what, request, status) => {
  atExpress = [];
  const answer = await send(request);
  expect(atExpress).toEqual([request.path]);
  expect(answer.status).toBe(status);
});

/** Begins to send a body and resolves when a part of it is on its way. */
async function beginToSend(path: string, body: string): Promise<ClientRequest> {
  const { hostname, port } = new URL(gateway.url);
  const headers = { ...bearer(ALL.key), ...text(body).headers };
  const asked = request({ hostname, port, path, method: 'POST', headers, agent: false });
  await new Promise<void>((resolve) => asked.write(body.slice(0, body.length / 2), () => resolve()));
  return asked;
}

it('[D1] delivers what comes in pieces', async () => {
  const body = JSON.stringify({ to: { all: true }, event: 'in-pieces', data: 'x'.repeat(500) });
  const asked = await beginToSend('/v1/emit', body);
  // Another request goes there and back before the rest follows.
  await send({ path: '/v1/stats' });
  asked.end(body.slice(body.length / 2));
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(202);
  expect(await client.next('in-pieces')).toEqual(['x'.repeat(500)]);
});

it('[D1] forgets who leaves in the middle of a body', async () => {
  const body = JSON.stringify({ to: { all: true }, event: 'half', data: 'x'.repeat(500) });
  const asked = await beginToSend('/v1/emit', body);
  // Node reports what the client did itself as an error, too.
  asked.on('error', () => {});
  await new Promise((resolve) => asked.once('close', resolve).destroy());
  await send({ method: 'POST', path: '/v1/emit', ...json({ to: { all: true }, event: 'whole' }) });
  expect(await client.next('whole')).toEqual([]);
  expect(client.queue.pending('half')).toBe(0);
});

it('serves every route of the API on the short way, but the one that streams', () => {
  const routes = readApiRoutes(app);
  expect(routes.length).toBeGreaterThan(15);
  expect(routes.flatMap(({ run, segments }) => (run ? [] : [segments.join('/')]))).toEqual(['v1/trace']);
});

it('leaves every route to Nest as soon as there is an interceptor around it', async () => {
  const intercepted = await createService({}, false);
  try {
    intercepted.useGlobalInterceptors({ intercept: (_context, next) => next.handle() });
    expect(readApiRoutes(intercepted).filter(({ run }) => run)).toEqual([]);
  } finally {
    await intercepted.close();
  }
});
