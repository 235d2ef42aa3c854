import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { createApiKey } from '../../../src/access/api-keys.js';
import { sendRaw, type RawAnswer, type RawRequest } from '../../support/raw-http.js';
import { SECRET } from '../../support/tokens.js';

const ALL = createApiKey('all', ['read', 'emit', 'manage']);
const READ = createApiKey('read', ['read']);
const JSON_TYPE = { 'content-type': 'application/json' };

const bearer = ({ key }: { key: string }): Record<string, string> => ({ authorization: `Bearer ${key}` });
const codeOf = ({ text }: RawAnswer): unknown => (JSON.parse(text) as { code?: unknown }).code;

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({
    jwtSecret: SECRET,
    apiKeys: [ALL, READ].map(({ entry }) => entry).join(','),
    corsOrigins: 'https://app.example',
  });
});
afterAll(() => gateway?.close());

const send = (request: RawRequest): Promise<RawAnswer> =>
  sendRaw(gateway.url, { ...request, headers: { ...bearer(ALL), ...request.headers } });

describe('what is settled from the headers', () => {
  const open: Socket[] = [];
  afterEach(() => open.splice(0).forEach((socket) => socket.destroy()));

  /** Sends the head of a request and nothing of its body; resolves with the first line of the answer. */
  async function answerToHead(head: readonly string[]): Promise<string> {
    const socket = createConnection(gateway.port, '127.0.0.1');
    open.push(socket);
    socket.write([...head, `Host: 127.0.0.1:${gateway.port}`, '', ''].join('\r\n'));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.toString().split('\r\n', 1)[0]!;
  }
  const withBody = (...more: string[]): string[] => ['Content-Type: application/json', ...more];

  it.each([
    ['plain', ['Content-Length: 1000']],
    ['chunked', ['Transfer-Encoding: chunked']],
    ['compressed', ['Content-Length: 1000', 'Content-Encoding: br']],
    ['far too large', ['Content-Length: 1000000000']],
  ])(
    '[Q6] a key, its scope and the page are refused before a byte of a body that is %s',
    async (_what, body) => {
      const rest = withBody(...body);
      const { authorization } = bearer(READ);
      expect(await answerToHead(['POST /v1/emit HTTP/1.1', ...rest])).toMatch(/ 401 /);
      expect(
        await answerToHead(['POST /v1/emit HTTP/1.1', `Authorization: ${authorization}`, ...rest]),
      ).toMatch(/ 403 /);
      const foreign = [
        `Authorization: ${bearer(ALL)['authorization']}`,
        'Origin: https://evil.example',
        ...rest,
      ];
      expect(await answerToHead(['POST /v1/batch HTTP/1.1', ...foreign])).toMatch(/ 403 /);
      expect(await answerToHead(['PUT /v1/emit HTTP/1.1', ...rest])).toMatch(/ 405 /);
    },
  );

  it('[Q6] a client that asks before it sends its body is told to only when it has been let in', async () => {
    const ask = (path: string, ...more: string[]): Promise<string> =>
      answerToHead([
        `POST ${path} HTTP/1.1`,
        'Expect: 100-continue',
        'Connection: close',
        ...withBody('Content-Length: 16'),
        ...more,
      ]);
    const authorization = `Authorization: ${bearer(ALL)['authorization']}`;
    for (const path of ['/v1/emit', '/v1/batch']) {
      expect(await ask(path)).toMatch(/^HTTP\/1\.1 401 /);
      expect(await ask(path, authorization, 'Content-Encoding: br')).toMatch(/^HTTP\/1\.1 415 /);
      expect(await ask(path, authorization)).toMatch(/^HTTP\/1\.1 100 /);
      expect(await ask(`${path}/`, authorization)).toMatch(/^HTTP\/1\.1 100 /);
    }
    expect(await ask('/socket.io/?EIO=4&transport=polling')).toMatch(/^HTTP\/1\.1 100 /);
  });

  it('[Q6] a connection with a refused body of a few bytes goes on', async () => {
    const socket = createConnection(gateway.port, '127.0.0.1');
    open.push(socket);
    const refused = ['POST /v1/emit HTTP/1.1', 'Host: x', ...withBody('Content-Length: 2'), '', '{}'];
    const next = [
      'GET /v1/stats HTTP/1.1',
      'Host: x',
      `Authorization: ${bearer(ALL)['authorization']}`,
      '',
      '',
    ];
    socket.write([...refused].join('\r\n') + next.join('\r\n'));
    let text = '';
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.includes('"nodes"')) break;
    }
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401', 'HTTP/1.1 200']);
  });

  const bomb = brotliCompressSync(Buffer.alloc(5_000_000, ' '), {
    params: { [constants.BROTLI_PARAM_QUALITY]: 1 },
  });
  it.each([
    ['br', bomb],
    ['gzip', gzipSync('{"commands":[]}')],
    ['deflate', Buffer.from('x')],
    ['GZIP', gzipSync('{"commands":[]}')],
    ['zstd', Buffer.from('x')],
    ['gzip, br', Buffer.from('x')],
  ])('[Q6] a body in %s is payload.compressed', async (encoding, body) => {
    const headers = { ...JSON_TYPE, 'content-encoding': encoding };
    for (const path of ['/v1/batch', '/v1/emit']) {
      const answer = await send({ method: 'POST', path, headers, body });
      expect([answer.status, codeOf(answer)]).toEqual([415, 'payload.compressed']);
    }
  });

  it('[Q6] a body that is said not to be compressed is taken', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'identity' };
    const answer = await send({ method: 'POST', path: '/v1/batch', headers, body: '{"commands":[]}' });
    expect(answer.status).toBe(200);
  });
});

describe('queries', () => {
  const issuesOf = ({ text }: RawAnswer): unknown => (JSON.parse(text) as { errors?: unknown }).errors;

  it.each([
    ['/v1/sockets?usr=ann', 'usr', 'user'],
    ['/v1/sockets?user=ann&lmit=3', 'lmit', 'limit'],
    ['/v1/users?cursr=x', 'cursr', 'cursor'],
    ['/v1/rooms?prefx=a', 'prefx', 'prefix'],
    ['/v1/rooms/lobby/members?Limit=1', 'Limit', 'limit'],
    ['/v1/rooms/lobby/history?sinc=a:1', 'sinc', 'since'],
  ])('[E4] %s is payload.invalid and names %s and %s', async (path, unknown, meant) => {
    const answer = await send({ path });
    expect(codeOf(answer)).toBe('payload.invalid');
    expect(issuesOf(answer)).toEqual([
      { path: unknown, message: `is not a known key; did you mean ${meant}?` },
    ]);
  });

  it.each([
    ['GET', '/v1/stats?verbose=1', 'verbose'],
    ['GET', '/v1/sockets?x', 'x'],
    ['GET', '/v1/users/ann?limit=1', 'limit'],
    ['PUT', '/v1/users/ann/block?for=1h', 'for'],
    ['DELETE', '/v1/users/ann/sockets?force=true', 'force'],
    ['POST', '/v1/batch?dry', 'dry'],
  ])('[E4] %s %s is payload.invalid and names %s', async (method, path, unknown) => {
    const answer = await send({ method, path });
    expect(codeOf(answer)).toBe('payload.invalid');
    expect(issuesOf(answer)).toEqual([{ path: unknown, message: 'is not a known key' }]);
  });

  it('[E4] an unknown field of a body names the known one that is nearest', async () => {
    const body = JSON.stringify({ to: { all: true }, evnt: 'news' });
    const answer = await send({ method: 'POST', path: '/v1/emit', headers: JSON_TYPE, body });
    expect(issuesOf(answer)).toContainEqual({
      path: 'evnt',
      message: 'is not a known key; did you mean event?',
    });
  });

  it('[E4] a query without parameters is none', async () => {
    expect((await send({ path: '/v1/stats?' })).status).toBe(200);
  });
});

describe('methods', () => {
  it.each([
    ['GET', '/v1/emit', 'POST'],
    ['POST', '/v1/sockets', 'GET, HEAD'],
    ['PATCH', '/v1/sockets/abc', 'GET, DELETE, HEAD'],
    ['POST', '/v1/users/ann/block/', 'PUT, DELETE'],
    ['DELETE', '/v1/STATS', 'GET, HEAD'],
    ['POST', '/', 'GET, HEAD'],
    ['POST', '/health/ready', 'GET, HEAD'],
    ['PUT', '/health/live/', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
    ['POST', '/openapi.json', 'GET, HEAD'],
    ['POST', '/docs', 'GET, HEAD'],
    ['PATCH', '/console', 'GET, HEAD'],
    ['PUT', '/playground/style.css', 'GET, HEAD'],
  ])('[E4] %s %s is method.not_allowed and names %s', async (method, path, allowed) => {
    const answer = await send({ method, path });
    expect([answer.status, codeOf(answer), answer.headers.allow]).toEqual([
      405,
      'method.not_allowed',
      allowed,
    ]);
  });
});

describe('questions for the methods of a path', () => {
  it.each([
    ['/v1/emit', 'POST'],
    ['/v1/sockets/abc', 'GET, DELETE, HEAD'],
    ['/metrics', 'GET, HEAD'],
  ])('[E4] OPTIONS %s names %s', async (path, allowed) => {
    const answer = await send({ method: 'OPTIONS', path });
    expect([answer.status, answer.headers.allow]).toEqual([204, allowed]);
  });

  it('[E4] a path that is not there has none', async () => {
    for (const method of ['OPTIONS', 'POST']) {
      for (const path of ['/v1/nothing', '/nothing', '/health']) {
        expect([method, path, (await send({ method, path })).status]).toEqual([method, path, 404]);
      }
    }
  });
});

describe('browsers', () => {
  const site = (value: string, more = {}): RawRequest => ({
    path: '/v1/stats',
    headers: { 'sec-fetch-site': value, ...more },
  });

  it('[A5] a link, an image or a script of another site is refused under /v1, on the way through Nest too', async () => {
    for (const request of [site('cross-site'), site('cross-site', { 'if-none-match': 'x' })]) {
      expect(codeOf(await send(request))).toBe('origin.refused');
    }
    for (const value of ['same-origin', 'none', 'same-site'])
      expect((await send(site(value))).status).toBe(200);
  });

  it('[A5] a page of another site that is listed may ask', async () => {
    expect((await send(site('cross-site', { origin: 'https://app.example' }))).status).toBe(200);
  });

  it.each<[string, RawRequest]>([
    ['a list', { path: '/v1/users' }],
    ['nothing', { method: 'PUT', path: '/v1/users/ann/rooms/a' }],
    ['a refused key', { path: '/v1/users', headers: { authorization: '' } }],
    ['a path that is none', { path: '/v1/nothing' }],
    ['a method that is none', { method: 'DELETE', path: '/v1/stats' }],
    ['a conditional request', { path: '/v1/users', headers: { 'if-none-match': 'x' } }],
  ])('[Q5] an answer under /v1 is kept nowhere: %s', async (_what, request) => {
    expect((await send(request)).headers['cache-control']).toBe('no-store');
  });
});
