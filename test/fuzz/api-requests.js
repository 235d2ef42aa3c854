/** Requests to the HTTP API, as bytes: what backends send, and what they never should. */
import { brotliCompressSync, gzipSync } from 'node:zlib';
import {
  deepJson,
  eventName,
  invalidUtf8,
  jsonText,
  MAX_PAYLOAD_BYTES,
  mutate,
  oddName,
  roomName,
  userName,
} from './values.js';

const enc = encodeURIComponent;
const safeEnc = (text) => enc(text.toWellFormed());
const name = (random, make) => safeEnc(random.chance(0.8) ? make(random) : oddName(random));

const READS = [
  () => '/v1/stats',
  () => '/v1/nodes',
  (random) => `/v1/sockets?limit=${random.pick([1, 5, 0, -1, 'x', '1e3', 1001])}`,
  (random) => `/v1/sockets?user=${name(random, userName)}`,
  (random) => `/v1/sockets?room=${name(random, roomName)}&limit=3`,
  (random) => `/v1/sockets?limit=2&cursor=${safeEnc(random.pick(['', 'x', 'AAAA', oddName(random), 'e30']))}`,
  (random) => `/v1/sockets/${name(random, userName)}`,
  (random) => `/v1/users?limit=3&cursor=${safeEnc(oddName(random))}`,
  (random) => `/v1/users/${name(random, userName)}`,
  (random) => `/v1/rooms?prefix=${name(random, roomName)}&limit=5`,
  (random) => `/v1/rooms/${name(random, roomName)}`,
  (random) => `/v1/rooms/${name(random, roomName)}/members?limit=3`,
  (random) => `/v1/rooms/${name(random, roomName)}/history`,
  () => '/health/ready',
  () => '/metrics',
  () => '/openapi.json',
];

const WRITES = [
  (random) => ['PUT', `/v1/users/${name(random, userName)}/rooms/${name(random, roomName)}`],
  (random) => ['DELETE', `/v1/users/${name(random, userName)}/rooms/${name(random, roomName)}`],
  (random) => [
    'DELETE',
    `/v1/users/${name(random, userName)}/sockets?reconnect=${random.pick(['true', 'false', '1', ''])}`,
  ],
  (random) => ['PUT', `/v1/sockets/${name(random, userName)}/rooms/${name(random, roomName)}`],
  (random) => ['DELETE', `/v1/sockets/${name(random, userName)}`],
  (random) => ['PUT', `/v1/users/blocked-${random.int(0, 9)}/block`],
  (random) => ['DELETE', `/v1/users/${name(random, userName)}/block`],
];

const target = (random) =>
  random.pick([
    { rooms: [roomName(random)] },
    { users: [userName(random), userName(random)] },
    { sockets: ['nobody'] },
    { rooms: [roomName(random)], users: [userName(random)] },
    { all: true },
  ]);

function emitBody(random) {
  const body = { to: target(random), event: eventName(random), args: [1, { text: 'hello' }] };
  if (random.chance(0.2)) body.except = { users: [userName(random)] };
  if (random.chance(0.2)) body.volatile = true;
  if (random.chance(0.1)) body.ack = { timeoutMs: random.pick([1, 5, 20, 0, 60_001, -1]) };
  if (random.chance(0.1)) body.args = [{ $base64: 'AAEC' }];
  return body;
}

const command = (random) =>
  random.pick([
    () => ({ emit: emitBody(random) }),
    () => ({ join: { room: roomName(random), user: userName(random) } }),
    () => ({ leave: { room: roomName(random), user: userName(random) } }),
    () => ({ disconnect: { user: userName(random), reconnect: random.chance(0.5) } }),
    () => ({ join: { room: roomName(random), socketId: 'nobody' } }),
    () => ({ explode: true }),
    () => null,
  ])();

const BODIES = {
  '/v1/emit': (random) => JSON.stringify(emitBody(random)),
  '/v1/batch': (random) =>
    JSON.stringify({ commands: random.several(random.int(0, 8), () => command(random)) }),
  '/v1/tokens/revoke': (random) =>
    JSON.stringify(
      random.pick([
        { jti: `t${random.int(0, 9)}` },
        { user: 'revoked', issuedBefore: random.int(0, 9) },
        { jti: 1 },
      ]),
    ),
};
const BODY_PATHS = ['/v1/emit', '/v1/emit', '/v1/emit', '/v1/batch', '/v1/batch', '/v1/tokens/revoke'];

/** The request as bytes; `length` may claim another one than the body has. */
function request(method, path, { headers = {}, body = '', length } = {}) {
  const data = Buffer.from(body);
  const all = { Host: '127.0.0.1', ...headers };
  if (data.length > 0 && !('Transfer-Encoding' in all)) all['Content-Length'] = length ?? data.length;
  const lines = Object.entries(all).map(([header, value]) => `${header}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`), data]);
}

const JSON_TYPE = { 'Content-Type': 'application/json' };

/** A request whose framing is right: it has to be answered, and not with 500. */
const framed = (kind, method, path, options) => ({
  kind: `http:${kind}`,
  isFramed: true,
  isHead: method === 'HEAD',
  bytes: request(method, path, options),
});

/** A request that may be cut off, or wait for more. */
const unframed = (kind, bytes) => ({ kind: `http:${kind}`, isFramed: false, isHead: false, bytes });

const post = (kind, random, body, headers = {}) =>
  framed(kind, 'POST', random.pick(BODY_PATHS), { headers: { ...JSON_TYPE, ...headers }, body });

function valid(random) {
  const path = random.pick(BODY_PATHS);
  return framed('valid', 'POST', path, { headers: JSON_TYPE, body: BODIES[path](random) });
}

function mutated(random) {
  const path = random.pick(BODY_PATHS);
  return framed('mutated', 'POST', path, { headers: JSON_TYPE, body: mutate(random, BODIES[path](random)) });
}

/** One field of a right body has another value. */
function wrongType(random) {
  const path = random.pick(BODY_PATHS);
  const body = JSON.parse(BODIES[path](random));
  const field = random.pick([...Object.keys(body), 'extra', '__proto__', 'data']);
  const fields = Object.entries(body).filter(([key]) => key !== field);
  const texts = fields.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
  texts.push(`${JSON.stringify(field)}:${jsonText(random)}`);
  return framed('type', 'POST', path, { headers: JSON_TYPE, body: `{${texts.join()}}` });
}

/** A few bytes that are 50 MB. */
const BOMB = brotliCompressSync(Buffer.alloc(50_000_000));

const encoded = (random) => {
  const body = JSON.stringify(emitBody(random));
  const zeros = gzipSync('0'.repeat(5_000_000));
  const [encoding, data] = random.pick([
    ['gzip', gzipSync(body)],
    ['gzip', Buffer.from(body)],
    ['gzip', gzipSync(body).subarray(0, 20)],
    ['gzip', zeros],
    ['deflate', Buffer.from(body)],
    ['br', random.bytes(30)],
    ['br', BOMB],
    ['zstd', random.bytes(30)],
    ['identity', body],
    ['bogus', body],
    ['gzip, gzip', gzipSync(gzipSync(body))],
  ]);
  return post('encoding', random, data, { 'Content-Encoding': encoding });
};

const contentType = (random) =>
  framed('content-type', 'POST', '/v1/emit', {
    headers: {
      'Content-Type': random.pick([
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json; charset=utf-16',
        'application/json; charset=bogus',
        'multipart/form-data',
        ';',
        'application/json;;;=',
        '',
      ]),
    },
    body: JSON.stringify(emitBody(random)),
  });

const method = (random) => {
  const verb = random.pick([
    'PATCH',
    'OPTIONS',
    'HEAD',
    'PUT',
    'DELETE',
    'TRACE',
    'PROPFIND',
    'POST',
    'GET',
    'SEARCH',
  ]);
  return framed(
    'method',
    verb,
    random.pick(['/v1/emit', '/v1/sockets', '/v1/nowhere', '/health/live', '/socket.io/']),
  );
};

const path = (random) =>
  framed(
    'path',
    'GET',
    random.pick([
      '/%',
      '/v1/users/%',
      '/v1/users/%ff',
      '/v1/rooms/%00',
      '/v1/../../etc/passwd',
      '//',
      '/v1//emit',
      `/${'a'.repeat(8000)}`,
      '/v1/sockets?limit=1&limit=2',
      '/v1/sockets?__proto__[x]=1',
      '/v1/sockets?user[a]=1',
      '/v1/sockets?%=%',
      '/playground/../../package.json',
      '/playground/%2e%2e/%2e%2e/package.json',
      '*',
      '/?',
      '/v1/users/a%2Fb',
    ]),
  );

const header = (random) =>
  framed('header', random.pick(['GET', 'OPTIONS']), '/v1/sockets', {
    headers: random.pick([
      { Authorization: 'Bearer' },
      { Authorization: `Bearer ${'x'.repeat(5000)}` },
      { Origin: 'null' },
      { Origin: 'http://evil.example' },
      { Origin: 'http://[::1' },
      { Origin: '\u00ff' },
      { Accept: '*/*;q=x' },
      { 'X-Forwarded-For': `${'1.1.1.1,'.repeat(300)}x` },
      { 'If-None-Match': '"x"' },
      { Range: 'bytes=0-' },
      { Cookie: '__proto__=1' },
      { 'X-HTTP-Method-Override': 'DELETE' },
      { Expect: '100-continue' },
      { 'Idempotency-Key': `k${random.int(0, 20)}` },
    ]),
  });

const large = (random) => {
  const size = random.pick([MAX_PAYLOAD_BYTES - 200, MAX_PAYLOAD_BYTES + 1, 300_000]);
  return post(
    'large',
    random,
    JSON.stringify({ to: { rooms: ['nobody'] }, event: 'x', args: ['x'.repeat(size)] }),
  );
};

const framing = (random) => {
  const body = JSON.stringify(emitBody(random));
  return unframed(
    'framing',
    random.pick([
      () => request('POST', '/v1/emit', { headers: JSON_TYPE, body, length: body.length + 50 }),
      () => request('POST', '/v1/emit', { headers: JSON_TYPE, body, length: body.length - 5 }),
      () => request('POST', '/v1/emit', { headers: JSON_TYPE, body, length: -1 }),
      () => request('POST', '/v1/emit', { headers: JSON_TYPE, body, length: '9'.repeat(30) }),
      () =>
        request('POST', '/v1/emit', {
          headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' },
          body: 'zz\r\nx',
        }),
      () =>
        request('POST', '/v1/emit', {
          headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' },
          body: `${body.length.toString(16)}\r\n${body}\r\n`,
        }),
      () =>
        request('POST', '/v1/emit', {
          headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked', 'Content-Length': 4 },
          body: '0\r\n\r\n',
        }),
      () =>
        request('POST', '/v1/emit', { headers: { ...JSON_TYPE, 'Transfer-Encoding': 'identity, x' }, body }),
      () => request('GET', '/v1/stats', { headers: { X: 'y'.repeat(20_000) } }),
      () => request('CONNECT', 'example.com:443'),
      () => request('BOGUS', '/v1/stats'),
      () => Buffer.from('GET /v1/stats HTTP/9.9\r\n\r\n'),
      () => Buffer.from('GET /v1/stats HTTP/1.1\r\n\r\n'),
      () => Buffer.from('GET /v1/stats HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'),
      () => Buffer.from('GET  HTTP/1.1\r\nHost: a\r\n\r\n'),
      () => Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]),
      () => random.bytes(100),
    ])(),
  );
};

const KINDS = [
  [12, valid],
  [10, mutated],
  [12, wrongType],
  [8, (random) => framed('read', 'GET', random.pick(READS)(random))],
  [6, (random) => framed('write', ...random.pick(WRITES)(random))],
  [4, (random) => post('any-json', random, jsonText(random))],
  [2, (random) => post('deep', random, `{"to":{"all":true},"event":"x","args":[${deepJson(random)}]}`)],
  [
    2,
    (random) =>
      post(
        'utf8',
        random,
        Buffer.concat([Buffer.from('{"event":"'), invalidUtf8(random), Buffer.from('"}')]),
      ),
  ],
  [3, encoded],
  [3, contentType],
  [4, method],
  [4, path],
  [4, header],
  [0.5, large],
  [4, framing],
];

export const apiInput = (random) => random.weighted(KINDS)(random);
