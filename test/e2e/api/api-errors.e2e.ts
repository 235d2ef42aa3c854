import { request } from 'node:http';
import { ERRORS, type ErrorCode } from '../../../src/protocol/errors.js';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt, recipientsOf } from '../../support/arrivals.js';
import { sendRaw, type RawAnswer, type RawRequest } from '../../support/raw-http.js';

interface ProblemDocument {
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  retryable: boolean;
  errors?: { path: string; message: string }[];
}

/** Stands in payloads, paths and names; no answer may ever repeat it. */
const MARKER = 'kumquat';

/** A stack, a file, a module, a library's name, or what the request held. */
const LEAK = new RegExp(
  `${MARKER}|node_modules|\\.[jt]s\\b|\\n|\\bat \\S+[(:]|zod|express|body-parser|SyntaxError|position`,
  'i',
);

const JSON_TYPE = { 'content-type': 'application/json' };

describe('errors over HTTP', () => {
  let gateway: TestGateway;
  let client: TestClient;

  const send = (request: RawRequest): Promise<RawAnswer> => sendRaw(gateway.url, request);
  const post = (body: string | object, path = '/v1/emit'): Promise<RawAnswer> =>
    send({
      method: 'POST',
      path,
      headers: JSON_TYPE,
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  /** Checks that an answer is a problem document of this code, and that it gives nothing away. */
  const expectProblem = (answer: RawAnswer, code: ErrorCode, paths?: readonly string[]): ProblemDocument => {
    expect(answer.text).not.toMatch(LEAK);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const problem = JSON.parse(answer.text) as ProblemDocument;
    const { status, retryable } = ERRORS[code];
    expect(problem).toMatchObject({
      code,
      status,
      retryable,
      title: expect.any(String),
      detail: expect.any(String),
    });
    expect(answer.status).toBe(status);
    expect(problem.errors?.map(({ path }) => path)).toEqual(paths);
    for (const issue of problem.errors ?? []) {
      expect(issue).toEqual({ path: expect.any(String), message: expect.stringMatching(/\S/) });
    }
    return problem;
  };

  beforeAll(async () => {
    gateway = await startGateway();
    client = await gateway.connect();
  });
  afterAll(async () => {
    // Whatever was sent: the gateway still serves, and nobody got any of it.
    await client.settled();
    expect(client.queue.log.map(({ event }) => event).filter((event) => event.includes(MARKER))).toEqual([]);
    await gateway.close();
  });

  describe('bodies', () => {
    const emit = { to: { all: true }, event: MARKER };

    it.each([
      ['cut off', `{"to":{"all":true},"event":"${MARKER}"`],
      ['not JSON', MARKER],
      ['two values', `{} "${MARKER}"`],
      ['single quotes', `{'event':'${MARKER}'}`],
      ['a string', `"${MARKER}"`],
      ['a number', '7'],
      ['invalid UTF-8 and a control character', '{"event":"\u0001"}'],
    ])('[Q5] [E2] a body that is %s is payload.invalid', async (_, body) => {
      expectProblem(await post(body), 'payload.invalid', ['']);
    });

    it.each([
      ['null', 'null'],
      ['a list', '[]'],
    ])('[Q5] [E2] a body that is %s is payload.invalid', async (_, body) => {
      const answer = await post(body);
      expect(JSON.parse(answer.text)).toMatchObject({ code: 'payload.invalid', status: 400 });
      expect(answer.status).toBe(400);
    });

    it('[Q5] no body at all is payload.invalid', async () => {
      expectProblem(await send({ method: 'POST', path: '/v1/emit' }), 'payload.invalid', ['']);
      expectProblem(await post(''), 'payload.invalid', ['']);
      expectProblem(await send({ method: 'POST', path: '/v1/batch' }), 'payload.invalid', ['']);
    });

    it.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
    ])('[Q5] a body of type %s is refused, whatever it holds', async (type) => {
      for (const path of ['/v1/emit', '/v1/batch', '/v1/users/ada/rooms/lobby']) {
        const method = path.startsWith('/v1/users') ? 'PUT' : 'POST';
        const answer = await send({
          method,
          path,
          headers: { 'content-type': type },
          body: JSON.stringify(emit),
        });
        const { detail } = expectProblem(answer, 'payload.invalid', ['']);
        expect(detail).toBe('expected Content-Type: application/json');
      }
    });

    it('[Q5] a body without a type is refused', async () => {
      const answer = await send({ method: 'POST', path: '/v1/emit', body: JSON.stringify(emit) });
      expectProblem(answer, 'payload.invalid', ['']);
    });

    it.each([
      ['an unknown encoding', { 'content-encoding': MARKER }, 'payload.compressed'],
      [
        'an unknown character set',
        { 'content-type': `application/json; charset=${MARKER}` },
        'payload.invalid',
      ],
      ['a body that is not what its encoding says', { 'content-encoding': 'gzip' }, 'payload.compressed'],
    ] as const)('[Q5] %s is refused', async (_, headers, code) => {
      const answer = await send({
        method: 'POST',
        path: '/v1/emit',
        headers: { ...JSON_TYPE, ...headers },
        body: JSON.stringify(emit),
      });
      expectProblem(answer, code);
    });

    it('[Q2] a body over the limit is 413 payload.too_large, one at the limit is taken', async () => {
      const limit = 100_000;
      const frame = JSON.stringify({ to: { rooms: [] }, event: 'x', data: '' });
      const filled = (bytes: number) =>
        JSON.stringify({ to: { rooms: [] }, event: 'x', data: 'x'.repeat(bytes - frame.length) });
      expect((await post(filled(limit))).status).toBe(202);
      expectProblem(await post(filled(limit + 1)), 'payload.too_large');
    });

    it('[Q2] a body that never ends is cut off, with and without a length', async () => {
      const chunk = Buffer.alloc(65_536, 'x');
      for (const headers of [JSON_TYPE, { ...JSON_TYPE, 'content-length': '1000000000000' }]) {
        const asked = request({
          port: gateway.port,
          host: '127.0.0.1',
          method: 'POST',
          path: '/v1/emit',
          headers,
          agent: false,
        });
        const ended = new Promise<number | string>((resolve) => {
          asked.once('response', (answer) => resolve(answer.statusCode!));
          // The gateway may close before the answer could be read: the body was still on its way.
          asked.on('error', () => resolve('cut off'));
        });
        const write = (): void => {
          while (!asked.destroyed && asked.write(chunk));
          asked.once('drain', write);
        };
        write();
        expect([413, 'cut off']).toContain(await ended);
        asked.destroy();
        await client.settled();
      }
    });

    it('[Q5] a hundred thousand levels of nesting are payload.invalid', async () => {
      const roomy = await startGateway({ maxPayloadBytes: 1_000_000 });
      const levels = 100_000;
      const lists = `${'['.repeat(levels)}${']'.repeat(levels)}`;
      const objects = `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
      for (const deep of [lists, objects]) {
        const post = (path: string, body: string, headers = {}): Promise<RawAnswer> =>
          sendRaw(roomy.url, { method: 'POST', path, headers: { ...JSON_TYPE, ...headers }, body });
        const everyone = `"to":{"all":true},"event":"${MARKER}"`;
        expectProblem(await post('/v1/emit', `{${everyone},"data":${deep}}`), 'payload.invalid', ['data']);
        const isList = deep === lists;
        const badTarget = await post('/v1/emit', `{"to":${deep},"event":"${MARKER}"}`);
        expectProblem(badTarget, 'payload.invalid', isList ? ['to'] : ['to.a', 'to']);
        expectProblem(await post('/v1/batch', deep), 'payload.invalid', isList ? [''] : ['commands', 'a']);
        // One that is too deep spoils no batch.
        const batch = `{"commands":[{"emit":{${everyone},"args":[${deep}]}},${deep},{"emit":{"to":{"users":[]},"event":"e"}}]}`;
        const { results } = JSON.parse((await post('/v1/batch', batch)).text) as {
          results: { error?: { code: string } }[];
        };
        expect(results.map(({ error }) => error?.code)).toEqual([
          'payload.invalid',
          'payload.invalid',
          undefined,
        ]);
        const repeated = await post('/v1/batch', batch, { 'idempotency-key': 'deep' });
        expectProblem(repeated, 'payload.invalid', ['']);
      }
      await (await roomy.connect()).settled();
      await roomy.close();
    });

    it('[Q5] arguments of 64 levels are delivered, deeper ones refused', async () => {
      const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
      // The list of arguments is the first of them, as it is in room:emit.
      const answer = await post({ to: { all: true }, event: 'deep', args: [nested(63)] });
      expect(answer.status).toBe(202);
      await client.next('deep');
      expectProblem(await post({ ...emit, args: [nested(64)] }), 'payload.invalid', ['args']);
    });

    it('[Q5] __proto__ and constructor in arguments arrive unchanged and harm nothing', async () => {
      const args =
        '[{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"a":[{"__proto__":1}]}]';
      const answer = await post(`{"to":{"all":true},"event":"proto","args":${args}}`);
      expect(answer.status).toBe(202);
      expect(JSON.stringify(await client.next('proto'))).toBe(args);
      expect('polluted' in {}).toBe(false);

      client.answer('echo', (value) => value);
      const echoed = await post(
        `{"to":{"sockets":["${client.id}"]},"event":"echo","args":${args},"ack":{"timeoutMs":5000}}`,
      );
      expect(echoed.text).toContain(`"args":${args}`);
    });

    it.each([
      ['__proto__ at the top', `{"to":{"all":true},"event":"${MARKER}","__proto__":{"volatile":true}}`],
      ['a target that is only a prototype', `{"to":{"__proto__":{"all":true}},"event":"${MARKER}"}`],
      ['constructor at the top', `{"to":{"all":true},"event":"${MARKER}","constructor":1}`],
    ])('[Q5] %s reaches nobody', async (_, body) => {
      const answer = await post(body);
      expect([answer.status, JSON.parse(answer.text)]).toMatchObject([400, { code: 'payload.invalid' }]);
      await client.settled();
      expect(arrivedAt(client, MARKER)).toEqual([]);
    });
  });

  describe('requests to publish', () => {
    const all = { all: true };
    const cases: [string, object, ErrorCode, string[]][] = [
      ['an unknown key', { to: all, event: MARKER, volatil: true }, 'payload.invalid', ['volatil']],
      [
        'an unknown key in ack',
        { to: all, event: MARKER, ack: { timeoutMs: 1, retries: 1 } },
        'payload.invalid',
        ['ack.retries'],
      ],
      ['no target', { event: MARKER }, 'payload.invalid', ['to']],
      ['an empty target', { to: {}, event: MARKER }, 'payload.invalid', ['to']],
      ['a target of null', { to: null, event: MARKER }, 'payload.invalid', ['to']],
      ['a target that is a name', { to: MARKER, event: MARKER }, 'payload.invalid', ['to']],
      ['a target that is a list', { to: [MARKER], event: MARKER }, 'payload.invalid', ['to']],
      ['all: false', { to: { all: false }, event: MARKER }, 'payload.invalid', ['to.all', 'to']],
      [
        'an unknown key beside all',
        { to: { all: true, room: MARKER }, event: MARKER },
        'payload.invalid',
        ['to.room'],
      ],
      ['rooms that are no list', { to: { rooms: MARKER }, event: MARKER }, 'payload.invalid', ['to.rooms']],
      [
        'a user in a list that is no text',
        { to: { users: ['ada', 7] }, event: MARKER },
        'payload.invalid',
        ['to.users.1'],
      ],
      [
        'data that is no base64',
        { to: all, event: MARKER, data: { a: { $base64: '*' } } },
        'payload.invalid',
        ['data.a'],
      ],
      [
        'all and rooms at once',
        { to: { all: true, rooms: ['a'] }, event: MARKER },
        'payload.invalid',
        ['to'],
      ],
      [
        'an unknown kind of target',
        { to: { nodes: [MARKER] }, event: MARKER },
        'payload.invalid',
        ['to.nodes', 'to'],
      ],
      ['no event', { to: all }, 'payload.invalid', ['event']],
      ['an event that is no text', { to: all, event: 7 }, 'payload.invalid', ['event']],
      ['args that are no list', { to: all, event: MARKER, args: MARKER }, 'payload.invalid', ['args']],
      [
        'volatile that is no boolean',
        { to: all, event: MARKER, volatile: MARKER },
        'payload.invalid',
        ['volatile'],
      ],
      [
        'an except that is everyone',
        { to: all, except: all, event: MARKER },
        'payload.invalid',
        ['except.all'],
      ],
    ];

    it.each(cases)('[E2] %s is refused with where it stands', async (_, body, code, paths) => {
      expectProblem(await post(body), code, paths);
      expect(await recipientsOf(MARKER, { client })).toEqual({});
    });

    const badRooms = ['', `${MARKER} x`, `${MARKER}ä`, `${MARKER},x`, 'r'.repeat(129)];

    it.each(badRooms)('[M2] [E2] the room name %j in a target is room.invalid', async (room) => {
      const problem = expectProblem(
        await post({ to: { rooms: ['fine', room] }, event: 'x' }),
        'room.invalid',
        ['to.rooms.1'],
      );
      expect(problem.errors![0]!.message).toMatch(/^expected 1 to 128 characters/);
    });

    it.each(badRooms)('[M2] [E2] the room name %j in except is room.invalid', async (room) => {
      expectProblem(await post({ to: all, except: { rooms: [room] }, event: MARKER }), 'room.invalid', [
        'except.rooms.0',
      ]);
    });

    it('[E2] a bad user or socket in a target is named too', async () => {
      expectProblem(await post({ to: { users: ['a', `${MARKER}\n`] }, event: 'x' }), 'payload.invalid', [
        'to.users.1',
      ]);
      expectProblem(await post({ to: { sockets: [''] }, event: 'x' }), 'payload.invalid', ['to.sockets.0']);
    });

    it('[E2] all that is wrong is named at once, but no more than helps', async () => {
      const many = await post({ to: all, event: '', args: 1, volatile: 1, ack: 1 });
      expectProblem(many, 'payload.invalid', ['event', 'args', 'volatile', 'ack']);
      const endless = await post({ to: all, except: { rooms: Array(500).fill(' ') }, event: 'x' });
      expect((JSON.parse(endless.text) as ProblemDocument).errors).toHaveLength(10);
    });

    it.each([
      'connect',
      'disconnect',
      'error',
      'newListener',
      'exception',
      'room:presence',
      'server:disconnect',
      'auth:x',
      'socket:',
    ])('[D2] the reserved event %s is event.reserved', async (event) => {
      expectProblem(await post({ to: all, event }), 'event.reserved', ['event']);
      expectProblem(await post({ to: all, event, ack: { timeoutMs: 60_000 } }), 'event.reserved', ['event']);
      await client.settled();
      expect(arrivedAt(client, event)).toHaveLength(event === 'connect' ? 1 : 0);
    });

    it.each<[object, string[]]>([
      [{}, ['']],
      [{ user: MARKER }, ['issuedBefore']],
      [{ user: MARKER, issuedBefore: MARKER }, ['issuedBefore']],
      [{ jti: 7 }, ['jti']],
      [{ jti: MARKER, user: MARKER, issuedBefore: 1 }, ['jti']],
    ])('[E2] the revocation %j is refused with where it is wrong', async (body, paths) => {
      expectProblem(await post(body, '/v1/tokens/revoke'), 'payload.invalid', paths);
    });

    it('[D3] more than ten binary parts are payload.invalid', async () => {
      const parts = Array.from({ length: 11 }, () => ({ $base64: 'AQID' }));
      expectProblem(await post({ to: all, event: MARKER, args: parts }), 'payload.invalid', ['args']);
      expectProblem(await post({ to: all, event: MARKER, args: [{ a: [parts] }] }), 'payload.invalid', [
        'args',
      ]);
    });
  });

  describe('routes', () => {
    it.each([
      ['GET', `/${MARKER}`],
      ['GET', '/v1'],
      ['GET', `/v1/${MARKER}`],
      ['GET', '/v2/emit'],
      ['POST', `/v1/emit/${MARKER}`],
      ['GET', `/v1/sockets/${MARKER}/rooms`],
      ['GET', '/v1//emit'],
    ])('[E2] %s %s is route.unknown', async (method, path) => {
      expectProblem(await send({ method, path }), 'route.unknown');
    });

    it.each([
      ['GET', '/v1/emit'],
      ['PUT', '/v1/emit'],
      ['DELETE', '/v1/batch'],
      ['POST', '/v1/sockets'],
      ['PATCH', `/v1/users/${MARKER}`],
      ['POST', '/v1/rooms/lobby'],
      ['DELETE', '/v1/stats'],
    ])('[E4] the wrong method %s for %s is method.not_allowed', async (method, path) => {
      expectProblem(await send({ method, path }), 'method.not_allowed');
    });

    it.each([
      `/v1/rooms/%E0%A4%A`,
      `/v1/users/${MARKER}%`,
      '/v1/users/%ff',
      '/v1/sockets/%zz/rooms/a',
      '/%c0%ae',
    ])('[Q5] the path %s, which is no valid encoding, gets a 4xx', async (path) => {
      const answer = await send({ path });
      const { code } = JSON.parse(answer.text) as ProblemDocument;
      expect(['payload.invalid', 'route.unknown']).toContain(code);
      expectProblem(answer, code);
    });

    it('[Q5] a path with an encoded control character is refused by its name’s rule', async () => {
      expectProblem(await send({ path: '/v1/users/%00' }), 'payload.invalid', ['user']);
      expectProblem(await send({ path: '/v1/rooms/%00' }), 'room.invalid', ['room']);
      expectProblem(await send({ path: '/v1/users/%0d%0aSet-Cookie:x' }), 'payload.invalid', ['user']);
    });

    it('[Q5] a path or a header that is far too long gets a 4xx from HTTP itself', async () => {
      const long = await send({ path: `/v1/users/${'x'.repeat(20_000)}` });
      expect([414, 431]).toContain(long.status);
      expectProblem(await send({ path: `/v1/users/${'x'.repeat(2_000)}` }), 'payload.invalid', ['user']);
    });

    it('[Q5] HTTP that is none ends that connection and no other', async () => {
      const { connect } = await import('node:net');
      const { text } = await import('node:stream/consumers');
      const socket = connect(gateway.port, '127.0.0.1');
      socket.write(`${MARKER} / NONSENSE\r\n\r\n`);
      const answer = await text(socket);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).not.toContain(MARKER);
      await client.settled();
    });
  });

  it('[E3] an unknown failure is internal, logged once, and tells nothing', async () => {
    const logged: string[] = [];
    const note = (...parts: unknown[]): void => void logged.push(parts.map(String).join(' '));
    const failing = await startGateway({
      logger: { log: () => {}, warn: note, error: note, debug: () => {}, verbose: () => {} },
    });
    logged.length = 0;
    // What a bug or an engine would do, at a place no request can reach.
    failing.registry.getStats = () => Promise.reject(new Error(`${MARKER} in /srv/app.js`));
    expectProblem(await sendRaw(failing.url, { path: '/v1/stats' }), 'internal');
    expect(logged.filter((line) => line.includes(MARKER))).toHaveLength(1);
    await failing.close();
  });
});
