import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { SwitchboardApiModule } from '../../../src/api/api.module.js';
import { Engine } from '../../../src/engine/engine.js';
import { MEMORY_ENGINE_CLOCK, MemoryEngine } from '../../../src/engine/memory/memory-engine.js';
import { SwitchboardError } from '../../../src/protocol/errors.js';
import { arrivedAt } from '../../support/arrivals.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { onMemoryOnly } from '../../support/engine-under-test.js';
import { sendRaw, type RawAnswer } from '../../support/raw-http.js';
import { SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const WINDOW_MS = 5 * 60_000;

describe('Idempotency-Key', () => {
  let gateway: TestGateway;
  let ada: TestClient;
  let lastEvent = 0;

  const freshEvent = (): string => `event-${++lastEvent}`;
  const post = (
    path: string,
    body: unknown,
    key?: string,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> =>
    sendRaw(gateway.url, {
      method: 'POST',
      path,
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...headers,
      },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const emit = (event: string, key?: string, more: object = {}): Promise<RawAnswer> =>
    post('/v1/emit', { to: { users: ['ada'] }, event, ...more }, key);
  const timesAt = async (client: TestClient, event: string): Promise<number> => {
    await client.settled();
    return arrivedAt(client, event).length;
  };
  const isReplay = ({ headers }: RawAnswer): boolean => headers['idempotency-replayed'] === 'true';
  const codeOf = ({ text }: RawAnswer): unknown => (JSON.parse(text) as { code?: unknown }).code;
  /** The very answer again, and marked. */
  const expectReplay = (again: RawAnswer, first: RawAnswer): void => {
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers['content-type']).toBe(first.headers['content-type']);
    expect([isReplay(first), isReplay(again)]).toEqual([false, true]);
  };

  beforeAll(async () => {
    gateway = await startGateway();
    ada = await gateway.connect({ auth: { user: 'ada' } });
  });
  afterAll(() => gateway.close());

  it('[D7] a repeated emit gets the first response byte for byte and is sent once', async () => {
    const event = freshEvent();
    const first = await emit(event, 'emit-1');
    expect(first.status).toBe(202);
    for (let repetition = 0; repetition < 3; repetition++) expectReplay(await emit(event, 'emit-1'), first);
    expect(await timesAt(ada, event)).toBe(1);
  });

  it('[D7] without a key, or with another one, the same body is sent again', async () => {
    const event = freshEvent();
    const answers = [await emit(event), await emit(event), await emit(event, 'a'), await emit(event, 'b')];
    expect(answers.map(isReplay)).toEqual([false, false, false, false]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(4);
    expect(await timesAt(ada, event)).toBe(4);
  });

  it('[D7] the same key with another body is a conflict, and nothing is sent', async () => {
    const event = freshEvent();
    const first = await emit(event, 'conflict');
    const other = freshEvent();
    const conflict = await emit(other, 'conflict');
    expect([conflict.status, codeOf(conflict)]).toEqual([409, 'idempotency.conflict']);
    expect(conflict.headers['content-type']).toContain('application/problem+json');
    expect(isReplay(conflict)).toBe(false);
    expect(await timesAt(ada, other)).toBe(0);
    expectReplay(await emit(event, 'conflict'), first);
  });

  it('[D7] the same key on another route is a conflict', async () => {
    const event = freshEvent();
    await emit(event, 'route');
    const batch = await post('/v1/batch', { commands: [] }, 'route');
    expect([batch.status, codeOf(batch)]).toEqual([409, 'idempotency.conflict']);
    // One body that both routes could be sent is refused by one of them before the key counts for it.
    expect((await post('/v1/batch', { to: { all: true }, event }, 'route')).status).toBe(400);
  });

  it('[D7] what a node of the version before has carried out, and kept by its route, is not carried out again', async () => {
    const event = freshEvent();
    const body = { event, to: { users: ['ada'] } };
    const kept = { id: 'of the version before', matched: 1 };
    const route = createHash('sha256')
      .update(`POST /v1/emit\n${JSON.stringify(body)}`)
      .digest('base64url');
    const turn = await gateway.app.get(Engine, { strict: false }).idempotency.begin(':update', route);
    if (turn.state !== 'first') throw new Error(turn.state);
    await turn.settle(JSON.stringify({ status: 202, body: kept }));

    const again = await post('/v1/emit', body, 'update');
    expect([again.status, JSON.parse(again.text)]).toEqual([202, kept]);
    expect(codeOf(await post('/v1/emit', { ...body, data: 1 }, 'update'))).toBe('idempotency.conflict');
    await ada.settled();
    expect(arrivedAt(ada, event)).toEqual([]);
  });

  it('[D7] order of keys and white space make no other body; order of items and types do', async () => {
    const event = freshEvent();
    const key = 'canonical';
    const first = await post(
      '/v1/emit',
      `{"to":{"users":["ada"]},"event":"${event}","args":[{"a":1,"b":[1,2],"10":1,"9":2}]}`,
      key,
    );
    const anew = `{ "args": [ {"9":2,"b":[1, 2],"10":1,"\\u0061":1.0} ], "event": "${event}", "to": {"users":["ada"]} }`;
    expectReplay(await post('/v1/emit', anew, key), first);
    const others = [
      '[{"a":1,"b":[2,1],"10":1,"9":2}]',
      '[{"a":"1","b":[1,2],"10":1,"9":2}]',
      '[{"a":1,"b":[1,2],"10":1}]',
      '[{"a":1,"b":[1,2],"10":1,"9":2},null]',
      '[{"a":1,"b":[1,2],"10":1,"9":2,"__proto__":{"x":1}}]',
    ];
    for (const args of others) {
      const body = `{"to":{"users":["ada"]},"event":"${event}","args":${args}}`;
      expect([args, (await post('/v1/emit', body, key)).status]).toEqual([args, 409]);
    }
    expect(await timesAt(ada, event)).toBe(1);
  });

  it('[D7] a repeated batch is carried out once, whatever became of its commands', async () => {
    const event = freshEvent();
    const body = {
      commands: [
        { emit: { to: { users: ['ada'] }, event, data: { $base64: 'AQID' } } },
        { disconnect: { socketId: 'nobody' } },
        { emit: { event: 'connect', to: { all: true } } },
        { emit: { to: { users: ['ada'] }, event, data: 2 } },
      ],
    };
    const first = await post('/v1/batch', body, 'batch');
    expect(first.status).toBe(200);
    const { results } = JSON.parse(first.text) as { results: { ok: boolean }[] };
    expect(results.map(({ ok }) => ok)).toEqual([true, false, false, true]);
    expectReplay(await post('/v1/batch', body, 'batch'), first);
    expect(await timesAt(ada, event)).toBe(2);
  });

  it('[D6] [D7] a repeated emit that asked for acknowledgements gets the same ones, and nobody is asked again', async () => {
    const event = freshEvent();
    let asked = 0;
    ada.answer(event, () => ({ asked: ++asked, 'a b': ['ä', '\u2028', -0, 1e21, Buffer.from([1])] }));
    const more = { to: { users: ['ada'], sockets: ['gone'] }, ack: { timeoutMs: 10_000 } };
    const first = await emit(event, 'ack', more);
    expect(first.status).toBe(200);
    expect(JSON.parse(first.text)).toMatchObject({
      responses: [{ user: 'ada' }],
      missing: [{ socketId: 'gone' }],
    });
    expectReplay(await emit(event, 'ack', more), first);
    expect(asked).toBe(1);
  });

  it('[D7] repetitions that come while the first is under way wait for its response', async () => {
    const event = freshEvent();
    const questions: ((answer: string) => void)[] = [];
    ada.socket.on(event, (...args) => questions.push(args.at(-1) as (answer: string) => void));
    const more = { ack: { timeoutMs: 20_000 } };
    const first = emit(event, 'at once', more);
    await ada.next(event);
    const repeated = Array.from({ length: 20 }, () => emit(event, 'at once', more));
    const conflict = await emit(event, 'at once', { ack: { timeoutMs: 20_001 } });
    expect(conflict.status).toBe(409);
    questions[0]!('an answer');
    const answer = await first;
    for (const each of await Promise.all(repeated)) expectReplay(each, answer);
    expect(await timesAt(ada, event)).toBe(1);
  });

  it('[D7] of many at the same moment one is carried out', async () => {
    const event = freshEvent();
    const answers = await Promise.all(Array.from({ length: 30 }, () => emit(event, 'rush')));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers.filter((answer) => !isReplay(answer))).toHaveLength(1);
    expect(await timesAt(ada, event)).toBe(1);
  });

  it.each([
    ['a body that is refused', { to: { users: ['ada'] }, event: '' }, 'payload.invalid'],
    ['a reserved event', { to: { users: ['ada'] }, event: 'connect' }, 'event.reserved'],
    ['bad base64', { to: { users: ['ada'] }, event: 'x', data: { $base64: '?' } }, 'payload.invalid'],
  ])('[D7] after %s the key is free: the corrected request is carried out', async (title, body, code) => {
    const refused = await post('/v1/emit', body, title);
    expect([refused.status, codeOf(refused)]).toEqual([400, code]);
    // The same once more is a new attempt, not a repetition.
    expect(isReplay(await post('/v1/emit', body, title))).toBe(false);
    const event = freshEvent();
    expect((await emit(event, title)).status).toBe(202);
    expect(await timesAt(ada, event)).toBe(1);
  });

  it.each([
    ['empty', ''],
    ['longer than 255', 'k'.repeat(256)],
    ['not ASCII', 'clé'],
    ['with a tab', 'a\tb'],
  ])('[D7] a key that is %s is refused, and nothing is sent', async (_, key) => {
    for (const path of ['/v1/emit', '/v1/batch']) {
      const event = freshEvent();
      const command = { to: { users: ['ada'] }, event };
      const body = path === '/v1/emit' ? command : { commands: [{ emit: command }] };
      const { status, text } = await post(path, body, key);
      expect(status).toBe(400);
      expect(JSON.parse(text)).toMatchObject({
        code: 'payload.invalid',
        errors: [{ path: 'Idempotency-Key', message: expect.stringContaining('255') }],
      });
      expect(await timesAt(ada, event)).toBe(0);
    }
  });

  it('[D7] a key may be all of printable ASCII, up to 255 characters', async () => {
    const printable = String.fromCharCode(...Array.from({ length: 94 }, (_, index) => 33 + index));
    for (const key of ['x', 'k'.repeat(255), printable, '"quoted"', 'a b', '__proto__', 'constructor']) {
      const event = freshEvent();
      const first = await emit(event, key);
      expect([key, first.status]).toEqual([key, 202]);
      expectReplay(await emit(event, key), first);
    }
  });

  it('[D7] a backend that goes away before its answer finds it when it comes back', async () => {
    const event = freshEvent();
    const questions: ((answer: string) => void)[] = [];
    ada.socket.on(event, (...args) => questions.push(args.at(-1) as (answer: string) => void));
    const more = { ack: { timeoutMs: 20_000 } };
    const { hostname, port } = new URL(gateway.url);
    const impatient = request({
      hostname,
      port,
      method: 'POST',
      path: '/v1/emit',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'gone away' },
      agent: false,
    });
    impatient.on('error', () => {});
    const gone = new Promise((resolve) => impatient.once('close', resolve));
    impatient.end(JSON.stringify({ to: { users: ['ada'] }, event, ...more }));
    await ada.next(event);
    impatient.destroy();
    await gone;
    const again = emit(event, 'gone away', more);
    questions[0]!('for whoever asks');
    const { status, text, headers } = await again;
    expect([status, headers['idempotency-replayed']]).toEqual([200, 'true']);
    expect(JSON.parse(text)).toMatchObject({ responses: [{ args: ['for whoever asks'] }], missing: [] });
    expect(await timesAt(ada, event)).toBe(1);
  });

  it('[D7] other routes take no notice of the header', async () => {
    const headers = { 'idempotency-key': 'elsewhere' };
    for (let time = 0; time < 2; time++) {
      const { status, headers: answered } = await gateway.http(
        'PUT',
        '/v1/users/ada/rooms/lobby',
        undefined,
        headers,
      );
      expect([status, answered.get('idempotency-replayed')]).toEqual([204, null]);
    }
  });

  it('[D7] a response over 1 MiB is not kept: a repetition is told so, and nothing is sent twice', async () => {
    const event = freshEvent();
    const answerers = await Promise.all(
      Array.from({ length: 12 }, () => gateway.connect({ auth: { user: 'verbose' } })),
    );
    for (const each of answerers) each.answer(event, () => 'x'.repeat(95_000));
    const more = { to: { users: ['verbose'] }, ack: { timeoutMs: 20_000 } };
    const first = await emit(event, 'large', more);
    expect(first.status).toBe(200);
    expect(first.text.length).toBeGreaterThan(1_100_000);
    const again = await emit(event, 'large', more);
    expect([again.status, codeOf(again), isReplay(again)]).toEqual([413, 'payload.too_large', true]);
    for (const each of answerers) expect(await timesAt(each, event)).toBe(1);
  });

  it('[D7] is described in openapi.json', async () => {
    interface Operation {
      parameters: { name: string; in: string; required: boolean; schema: object }[];
      responses: Record<string, { description: string }>;
    }
    const { body } = await gateway.http<{ paths: Record<string, { post: Operation }> }>(
      'GET',
      '/openapi.json',
    );
    for (const path of ['/v1/emit', '/v1/batch']) {
      const { parameters, responses } = body.paths[path]!.post;
      expect(parameters).toContainEqual(
        expect.objectContaining({
          name: 'Idempotency-Key',
          in: 'header',
          required: false,
          schema: { type: 'string', minLength: 1, maxLength: 255 },
        }),
      );
      expect(responses['409']!.description).toContain('idempotency.conflict');
    }
  });
});

describe('Idempotency-Key of a secured gateway', () => {
  it('[A4] [D7] each API key has its own: nobody gets another backend’s answer', async () => {
    const [one, other] = [createApiKey('one', ['emit']), createApiKey('other', ['emit', 'read'])];
    const gateway = await startGateway({ jwtSecret: SECRET, apiKeys: `${one.entry},${other.entry}` });
    try {
      const ada = await gateway.connect({ auth: { token: await sign({ sub: 'ada' }) } });
      const emit = (key?: string) =>
        gateway.http(
          'POST',
          '/v1/emit',
          { to: { users: ['ada'] }, event: 'news' },
          {
            'idempotency-key': 'same',
            ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          },
        );
      const [first, second] = [await emit(one.key), await emit(other.key)];
      expect([first.status, second.status]).toEqual([202, 202]);
      expect(second.body['id']).not.toBe(first.body['id']);
      expect((await emit(one.key)).body).toEqual(first.body);
      expect((await emit(other.key)).body).toEqual(second.body);
      expect((await emit()).status).toBe(401);
      await ada.settled();
      expect(arrivedAt(ada, 'news')).toHaveLength(2);
    } finally {
      await gateway.close();
    }
  });
});

describe('Idempotency-Key and what the engine does', () => {
  const inTime = onMemoryOnly('Redis has a clock of its own; the contract of the engines tests its window');
  let now = 1_000_000;

  class ClockModule {}
  const clock = {
    module: ClockModule,
    global: true,
    providers: [{ provide: MEMORY_ENGINE_CLOCK, useValue: () => now }],
    exports: [MEMORY_ENGINE_CLOCK],
  };
  const start = (logger?: CollectingLogger): Promise<TestGateway> =>
    startEmbedding({ imports: [clock, SwitchboardApiModule], ...(logger && { logger }) });
  const emit = (gateway: TestGateway, event: string, key: string) =>
    gateway.http('POST', '/v1/emit', { to: { users: ['ada'] }, event }, { 'idempotency-key': key });

  afterEach(closeEmbeddings);

  inTime('[D7] holds for 5 minutes after the response, and not longer', async () => {
    const gateway = await start();
    const first = await emit(gateway, 'news', 'key');
    now += WINDOW_MS - 1;
    expect((await emit(gateway, 'news', 'key')).body).toEqual(first.body);
    now += 1;
    const later = await emit(gateway, 'other news', 'key');
    expect(later.status).toBe(202);
    expect(later.headers.get('idempotency-replayed')).toBeNull();
  });

  inTime('[D7] keys take memory for 5 minutes only', async () => {
    const gateway = await start();
    const engine = gateway.app.get(Engine) as MemoryEngine;
    for (let n = 0; n < 200; n++) await emit(gateway, 'news', `key ${n}`);
    expect(engine.stats.keys).toBe(200);
    now += WINDOW_MS + 1_000;
    await until('the keys are forgotten', () => engine.stats.keys === 0);
  });

  it('[D7] what may have been sent before it failed is not sent again: the failure is the response', async () => {
    const gateway = await start();
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    const engine = gateway.app.get(Engine);
    const publish = engine.publish.bind(engine);
    // Other nodes that cannot be reached, after the sockets of this one were.
    engine.publish = (publication, ackTimeoutMs) => ({
      ...publish(publication, ackTimeoutMs),
      remote: Promise.reject(new SwitchboardError('engine.unavailable', { retryAfterMs: 1_500 })),
    });
    const first = await emit(gateway, 'news', 'key');
    engine.publish = publish;
    expect([first.status, first.body['code']]).toEqual([503, 'engine.unavailable']);
    const again = await emit(gateway, 'news', 'key');
    expect([again.status, again.body]).toEqual([first.status, first.body]);
    expect(again.headers.get('retry-after')).toBe(first.headers.get('retry-after'));
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    await ada.settled();
    expect(arrivedAt(ada, 'news')).toHaveLength(1);
    expect((await emit(gateway, 'news', 'a new key')).status).toBe(202);
  });

  it('[D7] when the engine cannot say whose turn it is, nothing is sent', async () => {
    const gateway = await start();
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    const { idempotency } = gateway.app.get(Engine);
    const begin = idempotency.begin.bind(idempotency);
    idempotency.begin = () => Promise.reject(new SwitchboardError('engine.unavailable'));
    const failed = await emit(gateway, 'news', 'key');
    expect([failed.status, failed.body['code']]).toEqual([503, 'engine.unavailable']);
    idempotency.begin = begin;
    await ada.settled();
    expect(arrivedAt(ada, 'news')).toEqual([]);
    expect((await emit(gateway, 'news', 'key')).status).toBe(202);
  });

  it('[D7] when the response cannot be kept, it is given all the same, and the log says so', async () => {
    const logger = new CollectingLogger();
    const gateway = await start(logger);
    const { idempotency } = gateway.app.get(Engine);
    idempotency.begin = async () => ({
      state: 'first',
      settle: () => Promise.reject(new Error('no room left')),
      abandon: async () => {},
    });
    expect((await emit(gateway, 'news', 'key')).status).toBe(202);
    const said = logger.lines.filter(({ message }) => message.includes('idempotency key was not kept'));
    expect(said).toHaveLength(1);
  });
});
