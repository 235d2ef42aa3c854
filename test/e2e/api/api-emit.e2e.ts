import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt, recipientsOf } from '../../support/arrivals.js';
import { RawPolling } from '../../support/raw-clients.js';
import { sendRaw } from '../../support/raw-http.js';

interface EmitAnswer {
  id: string;
  matched: number;
}

interface AckAnswer {
  id: string;
  responses: { socketId: string; user: string; args: unknown[] }[];
  missing: { socketId: string; user: string | null }[];
}

interface ProblemAnswer {
  code: string;
  errors?: { path: string; message: string }[];
}

type Name = 'ada1' | 'ada2' | 'bob' | 'cem';
type Selection = { rooms?: string[]; users?: string[]; sockets?: string[] };

const bytes = (value: unknown): number[] => [...new Uint8Array(value as ArrayBuffer)];

describe('POST /v1/emit', () => {
  let gateway: TestGateway;
  let clients: Record<Name, TestClient>;
  let lastEvent = 0;

  /** A name that no other test uses, so that arrivals can be counted. */
  const freshEvent = (): string => `event-${++lastEvent}`;
  const idOf = (name: Name): string => clients[name].id!;

  const emit = async (body: object): Promise<EmitAnswer> => {
    const answer = await gateway.http<EmitAnswer>('POST', '/v1/emit', body);
    expect(answer.status).toBe(202);
    return answer.body;
  };
  const emitWithAck = async (body: object): Promise<AckAnswer> => {
    const answer = await gateway.http<AckAnswer>('POST', '/v1/emit', body);
    expect(answer.status).toBe(200);
    return answer.body;
  };
  const refusal = async (body: object): Promise<ProblemAnswer> => {
    const answer = await gateway.http<ProblemAnswer>('POST', '/v1/emit', body);
    expect(answer.status).toBe(400);
    return answer.body;
  };

  beforeAll(async () => {
    gateway = await startGateway();
    const [ada1, ada2, bob, cem] = await Promise.all([
      gateway.connect({ auth: { user: 'ada' } }),
      gateway.connect({ version: 3, auth: { user: 'ada' } }),
      gateway.connect({ version: 2, transport: 'polling', auth: { user: 'bob' } }),
      gateway.connect({ transport: 'upgrade', auth: { user: 'cem' } }),
    ]);
    clients = { ada1, ada2, bob, cem };
    await ada1.request('room:join', { room: 'lobby' });
    await bob.request('room:join', { room: 'lobby' });
    await bob.request('room:join', { room: 'attic' });
    await cem.request('room:join', { room: 'attic' });
  });
  afterAll(() => gateway.close());

  describe('targets', () => {
    const everyone: Name[] = ['ada1', 'ada2', 'bob', 'cem'];
    const cases: [string, () => { to: object; except?: Selection }, Name[]][] = [
      ['all', () => ({ to: { all: true } }), everyone],
      ['one room', () => ({ to: { rooms: ['lobby'] } }), ['ada1', 'bob']],
      ['one user with two sockets', () => ({ to: { users: ['ada'] } }), ['ada1', 'ada2']],
      ['one socket', () => ({ to: { sockets: [idOf('ada2')] } }), ['ada2']],
      ['the room of a user', () => ({ to: { rooms: ['user:ada'] } }), ['ada1', 'ada2']],
      [
        'two rooms that share a socket',
        () => ({ to: { rooms: ['lobby', 'attic'] } }),
        ['ada1', 'bob', 'cem'],
      ],
      ['two users', () => ({ to: { users: ['ada', 'bob'] } }), ['ada1', 'ada2', 'bob']],
      [
        'rooms, users and sockets that overlap',
        () => ({ to: { rooms: ['lobby', 'attic'], users: ['ada', 'bob'], sockets: [idOf('ada1')] } }),
        everyone,
      ],
      [
        'the same names twice',
        () => ({
          to: { rooms: ['lobby', 'lobby'], users: ['bob', 'bob'], sockets: [idOf('bob'), idOf('bob')] },
        }),
        ['ada1', 'bob'],
      ],
      ['all except a room', () => ({ to: { all: true }, except: { rooms: ['lobby'] } }), ['ada2', 'cem']],
      [
        'all except a room, a user and a socket',
        () => ({ to: { all: true }, except: { rooms: ['attic'], users: ['bob'], sockets: [idOf('ada2')] } }),
        ['ada1'],
      ],
      ['a room except a user', () => ({ to: { rooms: ['lobby'] }, except: { users: ['ada'] } }), ['bob']],
      [
        'a user except one of its sockets',
        () => ({ to: { users: ['ada'] }, except: { sockets: [idOf('ada1')] } }),
        ['ada2'],
      ],
      [
        'a room except a socket that is named like it',
        () => ({ to: { rooms: ['lobby'] }, except: { sockets: ['lobby', 'user:ada'] } }),
        ['ada1', 'bob'],
      ],
      ['a user except itself', () => ({ to: { users: ['ada'] }, except: { users: ['ada'] } }), []],
      [
        'a union except what nobody is in',
        () => ({
          to: { rooms: ['lobby'] },
          except: { rooms: ['cellar'], users: ['zoe'], sockets: ['gone'] },
        }),
        ['ada1', 'bob'],
      ],
      [
        'all except empty lists',
        () => ({ to: { all: true }, except: { rooms: [], users: [], sockets: [] } }),
        everyone,
      ],
      ['all except nothing', () => ({ to: { all: true }, except: {} }), everyone],
      ['an empty list of rooms', () => ({ to: { rooms: [] } }), []],
      ['an empty list of users', () => ({ to: { users: [] } }), []],
      ['an empty list of sockets', () => ({ to: { sockets: [] } }), []],
      ['three empty lists', () => ({ to: { rooms: [], users: [], sockets: [] } }), []],
      [
        'an empty list beside a full one',
        () => ({ to: { rooms: [], users: ['cem'], sockets: [] } }),
        ['cem'],
      ],
      ['names that nobody has', () => ({ to: { rooms: ['cellar'], users: ['zoe'], sockets: ['gone'] } }), []],
    ];

    it.each(cases)('[D1] %s reaches who is meant, once', async (_, target, expected) => {
      const event = freshEvent();
      const { matched } = await emit({ ...target(), event });
      expect(await recipientsOf(event, clients)).toEqual(
        Object.fromEntries(expected.map((name) => [name, 1])),
      );
      expect(matched).toBe(expected.length);
    });

    it('[D1] every publication has an ID of its own', async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => emit({ to: { rooms: ['cellar'] }, event: 'x' })),
      );
      expect(new Set(answers.map(({ id }) => id)).size).toBe(20);
    });

    it('[D1] a socket that left its room before the request is not reached', async () => {
      const visitor = await gateway.connect();
      await visitor.request('room:join', { room: 'porch' });
      await visitor.request('room:leave', { room: 'porch' });
      const event = freshEvent();
      expect(await emit({ to: { rooms: ['porch'] }, event })).toMatchObject({ matched: 0 });
      expect(await recipientsOf(event, { visitor })).toEqual({});
      visitor.close();
    });
  });

  describe('arguments', () => {
    const arguments_ = async (body: object): Promise<Record<string, unknown[][]>> => {
      const event = freshEvent();
      await emit({ to: { all: true }, event, ...body });
      await recipientsOf(event, clients);
      return Object.fromEntries(
        Object.entries(clients).map(([name, client]) => [name, arrivedAt(client, event)]),
      );
    };

    const values: [string, object, unknown[]][] = [
      ['no argument', {}, []],
      ['an empty list', { args: [] }, []],
      [
        'every kind of JSON value',
        { args: [1, -0.5, 1e300, 'two', '', '𝄞 "\u2028', true, null, [], {}, { a: [{ b: null }] }] },
        [1, -0.5, 1e300, 'two', '', '𝄞 "\u2028', true, null, [], {}, { a: [{ b: null }] }],
      ],
      ['data as the one argument', { data: { a: 1 } }, [{ a: 1 }]],
      ['data that is a list as one argument', { data: [1, 2] }, [[1, 2]]],
      ['data that is null as one argument', { data: null }, [null]],
      ['data that is false as one argument', { data: false }, [false]],
      [
        'what only looks like a placeholder of the wire format',
        { args: [{ _placeholder: 'true', num: 0 }] },
        [{ _placeholder: 'true', num: 0 }],
      ],
      [
        'what only looks like binary',
        { args: [{ $base64: 'AQID', more: 1 }, { $base64x: 'AQID' }] },
        [{ $base64: 'AQID', more: 1 }, { $base64x: 'AQID' }],
      ],
    ];

    it.each(values)('[D3] %s arrives unchanged at every client', async (_, body, expected) => {
      const arrived = await arguments_(body);
      for (const args of Object.values(arrived)) expect(args).toEqual([expected]);
    });

    it.each([
      ['the short way', '/v1/emit'],
      ['through Express', '/v1/emit/'],
    ])('[D11] a number that JavaScript cannot hold is refused with its path, %s', async (_, path) => {
      const post = async (args: string): Promise<unknown> => {
        const body = `{"to":{"all":true},"event":"order","args":${args}}`;
        const headers = { 'content-type': 'application/json' };
        const answer = await sendRaw(gateway.url, { method: 'POST', path, headers, body });
        const { code, errors } = JSON.parse(answer.text) as { code?: string; errors?: { path: string }[] };
        return [answer.status, code, errors?.map((each) => each.path)];
      };
      expect(await post('[{"id":9007199254740993}]')).toEqual([400, 'payload.invalid', ['args.0.id']]);
      expect(await post('[1,1e400]')).toEqual([400, 'payload.invalid', ['args.1']]);
      expect(await post('[{"id":"9007199254740993"},9007199254740991]')).toEqual([202, undefined, undefined]);
    });

    it('[D3] args and data at once are refused', async () => {
      const { code, errors } = await refusal({ to: { all: true }, event: 'x', args: [1], data: 2 });
      expect(code).toBe('payload.invalid');
      expect(errors).toEqual([{ path: 'data', message: 'expected args or data, not both' }]);
    });

    it('[D3] $base64 arrives as binary, wherever it stands, at 2.x, 3.x and 4.x on both transports', async () => {
      const arrived = await arguments_({
        args: [{ $base64: 'AAECAw==' }, { deep: [{ $base64: '/+8=' }], text: 'beside' }, { $base64: '' }],
      });
      for (const [args] of Object.values(arrived)) {
        const [plain, nested, empty] = args as [unknown, { deep: unknown[]; text: string }, unknown];
        expect(bytes(plain)).toEqual([0, 1, 2, 3]);
        expect(bytes(nested.deep[0])).toEqual([0xff, 0xef]);
        expect(nested.text).toBe('beside');
        expect(bytes(empty)).toEqual([]);
      }
    });

    it('[D3] $base64 as data arrives as binary', async () => {
      const arrived = await arguments_({ data: { $base64: 'AQID' } });
      for (const [args] of Object.values(arrived)) expect(bytes(args![0])).toEqual([1, 2, 3]);
    });

    it.each(['AQI', 'AQID\n', 'A-_D', '=AAA', 'äöü'])(
      '[D3] %j is not base64 and is refused with its path',
      async (text) => {
        const event = freshEvent();
        const { code, errors } = await refusal({
          to: { all: true },
          event,
          args: [0, { a: [{ $base64: text }] }],
        });
        expect(code).toBe('payload.invalid');
        expect(errors).toEqual([{ path: 'args.1.a.0', message: 'expected base64 text' }]);
        expect(await recipientsOf(event, clients)).toEqual({});
      },
    );

    it.each([
      ['beside binary', 0, [{ $base64: 'AQID' }]],
      ['beside binary', 99, [{ $base64: 'AQID' }]],
      ['by itself', 0, []],
    ])(
      '[D3] a placeholder of the wire format %s (number %d) would break clients, and is refused',
      async (_, num, beside) => {
        const event = freshEvent();
        const args = [...beside, { a: [{ _placeholder: true, num }] }];
        const { code } = await refusal({ to: { all: true }, event, args });
        expect(code).toBe('payload.invalid');
        expect(await recipientsOf(event, clients)).toEqual({});
      },
    );

    it('[D3] ten binary parts arrive, eleven are refused before anybody gets them', async () => {
      const parts = (count: number) =>
        Array.from({ length: count }, (_, index) => ({ $base64: `A${'ABCDEFGHIJK'[index]!}==` }));
      const arrived = await arguments_({ args: [parts(10)] });
      for (const [args] of Object.values(arrived)) expect(args![0]).toHaveLength(10);

      const event = freshEvent();
      const { code } = await refusal({ to: { all: true }, event, args: [parts(11)] });
      expect(code).toBe('payload.invalid');
      expect(await recipientsOf(event, clients)).toEqual({});
    });

    it('[D2] an event name of 128 characters arrives, one of 129 is refused', async () => {
      const longest = 'n'.repeat(128);
      await emit({ to: { all: true }, event: longest });
      expect(await recipientsOf(longest, clients)).toEqual({ ada1: 1, ada2: 1, bob: 1, cem: 1 });
      for (const event of ['', `${longest}n`]) {
        const { code, errors } = await refusal({ to: { all: true }, event });
        expect(code).toBe('payload.invalid');
        expect(errors).toEqual([{ path: 'event', message: 'expected 1 to 128 characters' }]);
      }
    });
  });

  describe('order', () => {
    it('[D4] what one backend sends in order arrives in that order on every transport', async () => {
      const event = freshEvent();
      const numbers = Array.from({ length: 60 }, (_, index) => index);
      const targets = [{ all: true }, { rooms: ['lobby', 'attic'], users: ['ada'] }];
      for (const number of numbers) await emit({ to: targets[number % 2]!, event, data: number });
      await recipientsOf(event, clients);
      for (const client of Object.values(clients)) {
        expect(arrivedAt(client, event)).toEqual(numbers.map((number) => [number]));
      }
    });

    it('[D4] publications of one turn arrive in the order of the calls, with and without binary', async () => {
      const event = freshEvent();
      const numbers = Array.from({ length: 100 }, (_, index) => index);
      const { broadcaster } = gateway;
      await Promise.all(
        numbers.map((number) => {
          const args = number % 3 === 0 ? [number, Buffer.from([number])] : [number];
          return broadcaster.toAll().emit(event, ...args);
        }),
      );
      await recipientsOf(event, clients);
      for (const client of Object.values(clients)) {
        expect(arrivedAt(client, event).map(([number]) => number)).toEqual(numbers);
      }
    });
  });

  describe('volatile', () => {
    it('[D5] a volatile publication reaches a socket that is ready', async () => {
      const event = freshEvent();
      await emit({ to: { users: ['ada'] }, event, volatile: true });
      expect(await recipientsOf(event, clients)).toEqual({ ada1: 1, ada2: 1 });
    });

    it('[D5] a socket that is not ready misses the volatile publication and no other', async () => {
      const slow = await RawPolling.connect(gateway.url);
      const to = { sockets: [slow.id] };
      await emit({ to, event: 'before', volatile: false });
      await emit({ to, event: 'dropped', volatile: true });
      await emit({ to, event: 'after' });
      expect(await slow.packets()).toEqual(['42["before"]', '42["after"]']);
    });
  });

  describe('acknowledgements', () => {
    it('[D6] every socket’s answer comes back with its user and all its arguments', async () => {
      const event = freshEvent();
      for (const [name, client] of Object.entries(clients))
        client.answer(event, (question) => ({ name, question }));
      const { id, responses, missing } = await emitWithAck({
        to: { rooms: ['lobby'], users: ['ada', 'cem'] },
        event,
        data: 'who?',
        ack: { timeoutMs: 10_000 },
      });
      expect(id).toEqual(expect.any(String));
      expect(missing).toEqual([]);
      expect(responses).toHaveLength(4);
      const users: Record<Name, string> = { ada1: 'ada', ada2: 'ada', bob: 'bob', cem: 'cem' };
      for (const [name, user] of Object.entries(users)) {
        expect(responses).toContainEqual({
          socketId: idOf(name as Name),
          user,
          args: [{ name, question: 'who?' }],
        });
      }
    });

    it('[D3] [D6] answers may have no argument, several, and binary, which comes back as $base64', async () => {
      const event = freshEvent();
      clients.ada1.socket.on(event, (...args) => (args.at(-1) as () => void)());
      clients.ada2.socket.on(event, (...args) =>
        (args.at(-1) as (...answer: unknown[]) => void)('a', null, { b: [Buffer.from([1, 2, 3])] }),
      );
      const { responses } = await emitWithAck({ to: { users: ['ada'] }, event, ack: { timeoutMs: 10_000 } });
      const argsOf = (name: Name) => responses.find(({ socketId }) => socketId === idOf(name))?.args;
      expect(argsOf('ada1')).toEqual([]);
      expect(argsOf('ada2')).toEqual(['a', null, { b: [{ $base64: 'AQID' }] }]);
    });

    it('[D6] an answer nested too deep to encode harms nobody', async () => {
      const event = freshEvent();
      let deep: unknown = 'bottom';
      for (let level = 0; level < 2_000; level++) deep = [deep];
      clients.ada1.answer(event, () => deep);
      clients.cem.answer(event, () => 'fine');
      const { responses, missing } = await emitWithAck({
        to: { sockets: [idOf('ada1'), idOf('cem')] },
        event,
        ack: { timeoutMs: 10_000 },
      });
      expect(missing).toEqual([]);
      expect(responses).toContainEqual({ socketId: idOf('cem'), user: 'cem', args: ['fine'] });
      expect(responses).toContainEqual({ socketId: idOf('ada1'), user: 'ada', args: [null] });
    });

    it('[D6] a client that never answers is missing, the others’ answers are kept', async () => {
      const event = freshEvent();
      clients.bob.answer(event, () => 'here');
      const { responses, missing } = await emitWithAck({
        to: { rooms: ['lobby'] },
        event,
        ack: { timeoutMs: 2_000 },
      });
      expect(responses).toEqual([{ socketId: idOf('bob'), user: 'bob', args: ['here'] }]);
      expect(missing).toEqual([{ socketId: idOf('ada1'), user: 'ada' }]);
    });

    it('[D6] a client that leaves meanwhile is missing, and nobody waits for it any longer', async () => {
      const event = freshEvent();
      const leaver = await gateway.connect({ auth: { user: 'leaver' } });
      const { id } = leaver;
      leaver.socket.on(event, () => leaver.close());
      // The time limit is longer than the test's own.
      const { responses, missing } = await emitWithAck({
        to: { users: ['leaver'] },
        event,
        ack: { timeoutMs: 60_000 },
      });
      expect(responses).toEqual([]);
      expect(missing).toEqual([{ socketId: id, user: 'leaver' }]);
    });

    it('[D6] a socket that is named but not connected is missing, once, with user null', async () => {
      const event = freshEvent();
      clients.cem.answer(event, () => 1);
      const answer = await emitWithAck({
        to: { sockets: ['gone', idOf('cem'), 'gone'] },
        event,
        ack: { timeoutMs: 60_000 },
      });
      expect(answer.responses).toEqual([{ socketId: idOf('cem'), user: 'cem', args: [1] }]);
      expect(answer.missing).toEqual([{ socketId: 'gone', user: null }]);
    });

    it('[D6] a socket taken off the target is neither asked nor missing', async () => {
      const event = freshEvent();
      clients.ada1.answer(event, () => 1);
      const answer = await emitWithAck({
        to: { users: ['ada'], sockets: ['gone'] },
        except: { sockets: [idOf('ada2'), 'gone'] },
        event,
        ack: { timeoutMs: 60_000 },
      });
      expect(answer.responses).toEqual([{ socketId: idOf('ada1'), user: 'ada', args: [1] }]);
      expect(answer.missing).toEqual([]);
      expect(await recipientsOf(event, clients)).toEqual({ ada1: 1 });
    });

    it('[D6] nobody targeted is answered at once', async () => {
      const answer = await emitWithAck({ to: { rooms: [] }, event: 'x', ack: { timeoutMs: 60_000 } });
      expect(answer).toEqual({ id: expect.any(String), responses: [], missing: [] });
    });

    it('[D6] an answer that comes too late is not taken for one to a later question', async () => {
      const [first, second] = [freshEvent(), freshEvent()];
      const late: ((answer: string) => void)[] = [];
      clients.cem.socket.on(first, (...args) => late.push(args.at(-1) as (answer: string) => void));
      clients.cem.socket.on(second, (...args) => {
        late[0]!('late');
        (args.at(-1) as (answer: string) => void)('in time');
      });
      const to = { users: ['cem'] };
      const missed = await emitWithAck({ to, event: first, ack: { timeoutMs: 1 } });
      expect(missed.missing).toEqual([{ socketId: idOf('cem'), user: 'cem' }]);
      await clients.cem.next(first);
      const answered = await emitWithAck({ to, event: second, ack: { timeoutMs: 10_000 } });
      expect(answered.responses.map(({ args }) => args)).toEqual([['in time']]);
    });

    it('[D6] a client that acknowledges twice, or what it was never asked, changes nothing', async () => {
      const rude = await RawPolling.connect(gateway.url, { user: 'rude' });
      const asked = emitWithAck({
        to: { users: ['rude', 'cem'] },
        event: 'question',
        ack: { timeoutMs: 10_000 },
      });
      clients.cem.answer('question', () => 'cem');
      const [packet] = await rude.packets();
      const number = /^42(\d+)\["question"\]$/.exec(packet!)![1]!;
      await rude.post(
        ['43999999["never asked"]', `43${number}["first"]`, `43${number}["second"]`].join('\u001e'),
      );
      const { responses, missing } = await asked;
      expect(missing).toEqual([]);
      expect(responses).toHaveLength(2);
      expect(responses).toContainEqual({ socketId: rude.id, user: 'rude', args: ['first'] });
    });

    it.each([
      { timeoutMs: 0 },
      { timeoutMs: -1 },
      { timeoutMs: 60_001 },
      { timeoutMs: 1.5 },
      { timeoutMs: '100' },
      {},
    ])('[D6] ack %j is refused and nothing is sent', async (ack) => {
      const event = freshEvent();
      const { code, errors } = await refusal({ to: { all: true }, event, ack });
      expect(code).toBe('payload.invalid');
      expect(errors!.map(({ path }) => path)).toEqual(['ack.timeoutMs']);
      expect(await recipientsOf(event, clients)).toEqual({});
    });
  });
});
