import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt, recipientsOf } from '../../support/arrivals.js';

interface Result {
  ok: boolean;
  error?: { code: string; message: string; retryable: boolean; errors?: { path: string; message: string }[] };
  [member: string]: unknown;
}

describe('POST /v1/batch', () => {
  let gateway: TestGateway;
  let ada: TestClient;
  let bob: TestClient;

  const run = async (commands: unknown[]): Promise<Result[]> => {
    const answer = await gateway.http<{ results: Result[] }>('POST', '/v1/batch', { commands });
    expect(answer.status).toBe(200);
    return answer.body.results;
  };
  const roomsOf = async (client: TestClient): Promise<unknown> =>
    (await gateway.http('GET', `/v1/sockets/${client.id}`)).body['rooms'];
  const codes = (results: readonly Result[]): (string | true)[] =>
    results.map(({ ok, error }) => (ok ? true : error!.code));

  beforeEach(async () => {
    gateway = await startGateway();
    ada = await gateway.connect({ auth: { user: 'ada' } });
    bob = await gateway.connect({ version: 2, auth: { user: 'bob' } });
  });
  afterEach(() => gateway.close());

  it('[Q5] a command that is nested too deeply fails by itself, and what is deep enough for all does not', async () => {
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    const to = { users: ['ada'] };
    const results = await run([
      { emit: { to, event: 'n', data: nested(63) } },
      { emit: { to, event: 'n', args: [nested(64)] } },
      { join: nested(100) },
      { emit: { to, event: 'n', data: 'last' } },
    ]);
    expect(codes(results)).toEqual([true, 'payload.invalid', 'payload.invalid', true]);
    expect(results[1]!.error!.errors).toEqual([
      { path: 'emit.args', message: 'expected at most 64 levels of nesting' },
    ]);
    await ada.settled();
    expect(arrivedAt(ada, 'n')).toEqual([[nested(63)], ['last']]);
  });

  it('[D4] commands are carried out in order: who joined, left or was ended in between decides who is reached', async () => {
    const to = { rooms: ['lobby'] };
    const results = await run([
      { emit: { to, event: 'n', data: 1 } },
      { join: { room: 'lobby', socketId: ada.id } },
      { emit: { to, event: 'n', data: 2 } },
      { join: { room: 'lobby', user: 'bob' } },
      { emit: { to, event: 'n', data: 3 } },
      { leave: { room: 'lobby', user: 'ada' } },
      { emit: { to, event: 'n', data: 4 } },
      { disconnect: { socketId: bob.id } },
      { emit: { to, event: 'n', data: 5 } },
    ]);
    expect(results.map(({ ok }) => ok)).toEqual(results.map(() => true));
    expect(results.map(({ matched }) => matched)).toEqual([
      0,
      undefined,
      1,
      undefined,
      2,
      undefined,
      1,
      undefined,
      0,
    ]);
    expect(results[7]).toEqual({ ok: true, disconnected: 1 });

    const [reason] = await bob.next('disconnect');
    expect(reason).toBe('io server disconnect');
    await ada.settled();
    expect(arrivedAt(ada, 'n')).toEqual([[2], [3]]);
    expect(arrivedAt(bob, 'n')).toEqual([[3], [4]]);
  });

  it('each kind of command answers in its own words', async () => {
    ada.answer('question', () => 'answer');
    const results = await run([
      { emit: { to: { all: true }, event: 'n', args: [{ $base64: 'AQID' }] } },
      { emit: { to: { users: ['ada'], sockets: ['gone'] }, event: 'question', ack: { timeoutMs: 10_000 } } },
      { join: { room: 'lobby', user: 'ada' } },
      { leave: { room: 'lobby', socketId: ada.id } },
      { disconnect: { user: 'bob', reconnect: false } },
      { disconnect: { user: 'nobody' } },
      { join: { room: 'lobby', user: 'nobody' } },
    ]);
    expect(results).toEqual([
      { ok: true, id: expect.any(String), matched: 2 },
      {
        ok: true,
        id: expect.any(String),
        responses: [{ socketId: ada.id, user: 'ada', args: ['answer'] }],
        missing: [{ socketId: 'gone', user: null }],
      },
      { ok: true },
      { ok: true },
      { ok: true, disconnected: 1 },
      { ok: true, disconnected: 0 },
      { ok: true },
    ]);
    expect(Buffer.from((await ada.next('n'))[0] as Buffer)).toEqual(Buffer.from([1, 2, 3]));
  });

  it('[E1] a command that fails says so at its place and does not stop the rest', async () => {
    const results = await run([
      { join: { room: 'lobby', socketId: 'gone' } },
      { leave: { room: 'lobby', socketId: 'gone' } },
      { disconnect: { socketId: 'gone' } },
      { join: { room: 'user:ada', socketId: bob.id } },
      { join: { room: ada.id, user: 'bob' } },
      { leave: { room: 'user:ada', user: 'ada' } },
      { emit: { to: { all: true }, event: 'server:disconnect' } },
      { emit: { to: { all: true }, event: 'n', data: { $base64: '*' } } },
      { join: { room: 'last', user: 'ada' } },
    ]);
    expect(codes(results)).toEqual([
      'socket.not_found',
      'socket.not_found',
      'socket.not_found',
      'access.denied',
      'access.denied',
      'access.denied',
      'event.reserved',
      'payload.invalid',
      true,
    ]);
    for (const { error } of results.slice(0, -1)) {
      expect(error).toMatchObject({ message: expect.any(String), retryable: false });
    }
    expect(await roomsOf(ada)).toEqual(['last']);
    expect(await roomsOf(bob)).toEqual([]);
    expect(await recipientsOf('n', { ada, bob })).toEqual({});
  });

  it('[E2] a command of a bad shape fails alone, with what is wrong in it', async () => {
    const bad: [unknown, string][] = [
      [null, 'payload.invalid'],
      ['emit', 'payload.invalid'],
      [[], 'payload.invalid'],
      [{}, 'payload.invalid'],
      [{ shout: {} }, 'payload.invalid'],
      [{ emit: { to: { all: true }, event: 'n' }, join: { room: 'a', user: 'ada' } }, 'payload.invalid'],
      [{ emit: { to: {}, event: 'n' } }, 'payload.invalid'],
      [{ emit: { event: 'n' } }, 'payload.invalid'],
      [{ emit: { to: { all: true }, event: 'n', extra: 1 } }, 'payload.invalid'],
      [{ join: { user: 'ada' } }, 'payload.invalid'],
      [{ join: { room: 'a' } }, 'payload.invalid'],
      [{ join: { room: 'a', user: 'ada', socketId: ada.id } }, 'payload.invalid'],
      [{ join: { room: 'no spaces', user: 'ada' } }, 'room.invalid'],
      [{ leave: { room: '', user: 'ada' } }, 'room.invalid'],
      [{ disconnect: {} }, 'payload.invalid'],
      [{ disconnect: { user: 'ada', reconnect: 'yes' } }, 'payload.invalid'],
      [{ disconnect: { user: 'ada', socketId: ada.id } }, 'payload.invalid'],
    ];
    const results = await run([...bad.map(([command]) => command), { join: { room: 'still', user: 'ada' } }]);
    expect(codes(results)).toEqual([...bad.map(([, code]) => code), true]);
    for (const { error } of results.slice(0, -1)) {
      expect(error!.errors!.length).toBeGreaterThan(0);
      for (const issue of error!.errors!) {
        expect(issue).toEqual({ path: expect.any(String), message: expect.any(String) });
      }
    }
    expect(await roomsOf(ada)).toEqual(['still']);
    expect(await recipientsOf('n', { ada, bob })).toEqual({});
  });

  it.each<[object, string[]]>([
    [{}, ['']],
    [{ emit: {} }, ['emit.to', 'emit.event']],
    [{ emit: { to: { rooms: 'lobby' }, event: 'n' } }, ['emit.to.rooms']],
    [{ emit: { to: { all: true }, event: 'connect' } }, ['emit.event']],
    [{ emit: { to: { all: true }, event: 'n', data: { $base64: '*' } } }, ['emit.data']],
    [{ emit: { to: { all: true }, event: 'n' }, join: { room: 'a', user: 'ada' } }, ['']],
    [{ join: {} }, ['join.room']],
    [{ join: { room: 'a' } }, ['join']],
    [{ join: { room: 'a', user: 7 } }, ['join.user']],
    [{ leave: { room: 'no spaces', socketId: 'a' } }, ['leave.room']],
    [{ disconnect: { user: 'ada', reconnect: 'yes' } }, ['disconnect.reconnect']],
  ])('[E2] %j is refused with where it is wrong', async (command, paths) => {
    const [{ error } = {}] = await run([command]);
    expect(error!.errors!.map(({ path }) => path)).toEqual(paths);
  });

  it('1,000 commands are carried out, 1,001 are refused and none of them happens', async () => {
    const commands = Array.from({ length: 1_000 }, (_, index) => ({
      emit: { to: { all: true }, event: 'n', data: index },
    }));
    const results = await run(commands);
    expect(results).toHaveLength(1_000);
    expect(new Set(results.map(({ id }) => id)).size).toBe(1_000);
    await Promise.all([ada.settled(), bob.settled()]);
    for (const client of [ada, bob]) {
      expect(arrivedAt(client, 'n')).toEqual(commands.map((_, index) => [index]));
    }

    const refused = await gateway.http<{ code: string; errors: { path: string }[] }>('POST', '/v1/batch', {
      commands: [...commands, { join: { room: 'lobby', user: 'ada' } }],
    });
    expect(refused.status).toBe(400);
    expect(refused.body.code).toBe('payload.invalid');
    expect(refused.body.errors.map(({ path }) => path)).toEqual(['commands']);
    expect(await roomsOf(ada)).toEqual([]);
    await Promise.all([ada.settled(), bob.settled()]);
    expect(arrivedAt(ada, 'n')).toHaveLength(1_000);
  });

  it('no commands are no results', async () => {
    expect(await run([])).toEqual([]);
  });

  it.each([
    [{}],
    [{ commands: {} }],
    [{ commands: 'x' }],
    [{ commands: [], more: 1 }],
    [[]],
    [{ commands: null }],
  ])('[E2] the envelope %j is refused as a whole', async (envelope) => {
    const answer = await gateway.http<{ code: string }>('POST', '/v1/batch', envelope);
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body.code).toBe('payload.invalid');
  });

  it('[L7] a batch may end sockets for good or let them come back', async () => {
    const stays = await gateway.connect({
      auth: { user: 'cem' },
      client: { reconnection: true, reconnectionDelay: 1 },
    });
    const before = stays.id;
    expect(
      await run([{ disconnect: { user: 'cem', reconnect: true } }, { disconnect: { user: 'ada' } }]),
    ).toEqual([
      { ok: true, disconnected: 1 },
      { ok: true, disconnected: 1 },
    ]);
    expect((await stays.next('server:disconnect'))[0]).toMatchObject({ code: 'kicked', retryable: true });
    expect((await ada.next('server:disconnect'))[0]).toMatchObject({ code: 'kicked', retryable: false });
    await stays.next('connect');
    expect(stays.id).not.toBe(before);
    expect(await ada.next('disconnect')).toEqual(expect.arrayContaining(['io server disconnect']));
  });

  it('a command may hold more than a single request, because a batch has its own limit', async () => {
    const text = 'x'.repeat(60_000);
    const results = await run([
      { emit: { to: { users: ['ada'] }, event: 'n', data: text } },
      { emit: { to: { users: ['ada'] }, event: 'n', data: text } },
    ]);
    expect(codes(results)).toEqual([true, true]);
    await ada.settled();
    expect(arrivedAt(ada, 'n')).toEqual([[text], [text]]);
  });
});
