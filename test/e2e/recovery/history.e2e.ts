import { startGateway, type Answer, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { arrivedAt } from '../../support/arrivals.js';
import { everythingIn, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

interface Entry {
  readonly id: string;
  readonly offset: number;
  readonly event: string;
  readonly args: unknown[];
  readonly user?: string;
}

const HISTORY = 'chat:small=3/1h,chat:*=100/1h,ticker:*=1/1h,brief:*=10/1s';

const RFC_3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

let gateway: TestGateway;
let client: TestClient;

beforeAll(async () => {
  gateway = await startGateway({ history: HISTORY, eventsPerSecond: 1e6, eventsBurst: 1e6 });
});
afterAll(async () => {
  await gateway?.close();
});
beforeEach(async () => {
  client = await gateway.connect({ auth: { user: 'ada' } });
});
afterEach(() => client.close());

let rooms = 0;
const newRoom = (): string => `chat:${++rooms}`;
const say = (room: string, n: unknown): Promise<{ id: string }> =>
  gateway.broadcaster.toRooms(room).emit('n', n);
const sayAll = async (room: string, from: number, to: number): Promise<void> => {
  for (let n = from; n <= to; n++) await say(room, n);
};
const read = (room: string, more: object = {}): Promise<Answer> =>
  client.request('room:history', { room, ...more });
const numbers = (answer: Answer): unknown[] => (answer['publications'] as Entry[]).map(({ args }) => args[0]);

describe('the history of a room', () => {
  it('[H1] holds what was published, in order, as it was published', async () => {
    const room = newRoom();
    await client.request('room:join', { room });
    const first = await say(room, 1);
    const bytes = Buffer.from([0, 255]);
    await gateway.broadcaster
      .to({ rooms: [room, newRoom(), room], users: ['ada'] })
      .emit('n', 2, { bytes }, bytes);
    bytes.fill(7);
    const { id } = await client.request('room:emit', { room, event: 'line', args: ['ä😀'] });
    await gateway.broadcaster.toRooms(room).volatile().emit('n', -1);
    await gateway.broadcaster.toRooms(room).emitWithAck('n', 3, { timeoutMs: 1 });
    await gateway.broadcaster.toAll().emit('n', -2);
    await gateway.broadcaster.toUsers('ada').emit('n', -3);
    const kept = Buffer.from([0, 255]);
    const answer = await read(room);
    expect(answer).toEqual({
      ok: true,
      epoch: expect.stringMatching(/^.{1,64}$/),
      offset: 4,
      more: false,
      publications: [
        { id: first.id, offset: 1, event: 'n', args: [1], at: RFC_3339 },
        { id: expect.any(String), offset: 2, event: 'n', args: [2, { bytes: kept }, kept], at: RFC_3339 },
        { id, offset: 3, event: 'line', args: ['ä😀'], user: 'ada', at: RFC_3339 },
        { id: expect.any(String), offset: 4, event: 'n', args: [3], at: RFC_3339 },
      ],
    });
  });

  it('[H1] is as long as the first pattern that matches says', async () => {
    for (const room of ['chat:small', 'chat:small2', 'ticker:x', 'ticker:']) await sayAll(room, 1, 5);
    expect(numbers(await read('chat:small'))).toEqual([3, 4, 5]);
    expect(numbers(await read('chat:small2'))).toEqual([1, 2, 3, 4, 5]);
    expect(numbers(await read('ticker:x'))).toEqual([5]);
    expect(numbers(await read('ticker:'))).toEqual([5]);
    for (const room of ['lobby', 'chat', 'xchat:1', 'tickerx']) {
      expect([room, await read(room)]).toMatchObject([
        room,
        { ok: false, error: { code: 'history.disabled' } },
      ]);
    }
  });

  it('[H1] [H2] forgets what is too old, and its offsets go on', async () => {
    await sayAll('brief:1', 1, 2);
    const { epoch } = await read('brief:1');
    await until('it is forgotten', async () => numbers(await read('brief:1')).length === 0);
    expect(await read('brief:1', { since: { epoch, offset: 0 } })).toMatchObject({
      recovered: false,
      offset: 2,
    });
    expect(await read('brief:1', { since: { epoch, offset: 2 } })).toMatchObject({ recovered: true });
    await say('brief:1', 3);
    expect(await read('brief:1', { since: { epoch, offset: 2 } })).toMatchObject({
      epoch,
      offset: 3,
      recovered: true,
      publications: [{ offset: 3, args: [3] }],
    });
  });

  it('[H1] [M1] is read page by page, each publication once', async () => {
    const room = newRoom();
    await sayAll(room, 1, 25);
    const { epoch } = await read(room);
    const walked: unknown[] = [];
    let offset = 0;
    for (let more = true; more;) {
      const page = await read(room, { since: { epoch, offset }, limit: 10 });
      expect(page).toMatchObject({ ok: true, epoch, offset: 25, recovered: true });
      walked.push(...numbers(page));
      offset = (page['publications'] as Entry[]).at(-1)!.offset;
      more = page['more'] as boolean;
    }
    expect(walked).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
    expect(numbers(await read(room, { limit: 2 }))).toEqual([24, 25]);
    expect(await read(room, { since: { epoch, offset: 25 } })).toMatchObject({
      recovered: true,
      publications: [],
      more: false,
    });
  });
});

describe('a history with more binary than a client takes in one packet', () => {
  const bytes = (n: number): Buffer => Buffer.from([n]);
  /** Publications with the given numbers of binary parts, in this order; their first argument is their number. */
  const sayBinary = async (room: string, ...parts: number[]): Promise<void> => {
    for (const [n, count] of parts.entries()) {
      const images = Array.from({ length: count }, () => bytes(n));
      await gateway.broadcaster.toRooms(room).emit('n', n, { images });
    }
  };
  const plain = (value: unknown): number[] => [...new Uint8Array(value as ArrayBuffer)];
  interface Page {
    readonly publications: { readonly offset: number; readonly args: [number, { images: unknown[] }] }[];
    readonly more: boolean;
    readonly epoch: string;
  }
  const walk = async (first: Page, next: (since: object) => Promise<Page>): Promise<Page[]> => {
    const pages = [first];
    for (let last = first; last.more; pages.push(last)) {
      last = await next({ epoch: last.epoch, offset: last.publications.at(-1)!.offset });
    }
    return pages;
  };

  it.each([2, 3, 4] as const)(
    '[H2] [D3] [L1] is read in pages of at most ten binary parts, with and without a position, by %d.x',
    async (version) => {
      const room = newRoom();
      await sayBinary(room, 1, 0, 9, 1, 10, 10, 0, 0, 4);
      const expected = [[0, 1, 2], [3], [4], [5, 6, 7], [8]];
      const reader = await gateway.connect({ version });
      const ask = async (more: object): Promise<Page> => {
        const page = (await reader.request('room:history', { room, ...more })) as unknown as Page;
        expect(page).toMatchObject({ ok: true, offset: 9 });
        return page;
      };
      const next = (since: object): Promise<Page> => ask({ since });
      const { epoch } = await ask({ limit: 1 });
      for (const first of [await ask({}), await next({ epoch, offset: 0 })]) {
        const pages = await walk(first, next);
        expect(pages.map(({ publications }) => publications.map(({ args }) => args[0]))).toEqual(expected);
        for (const { args } of pages.flatMap(({ publications }) => publications)) {
          for (const image of args[1].images) expect(plain(image)).toEqual([args[0]]);
        }
      }
      reader.close();
    },
  );

  it('[H2] [H3] [D3] is given to who joins with a position where it fits, else read page by page', async () => {
    const room = newRoom();
    const { epoch } = await client.request('room:join', { room, meta: true });
    await sayBinary(room, 1, 5, 5);
    const since = { epoch, offset: 0 };
    const joiner = await gateway.connect();
    // A client that went on from where it was had its connection ended by each such answer, for ever.
    expect(await joiner.request('room:join', { room, since, meta: true })).toMatchObject({
      ok: true,
      recovered: false,
      epoch,
      offset: 3,
      publications: [],
    });
    await say(room, 'live');
    expect(await joiner.next('n')).toEqual(['live', expect.objectContaining({ offset: 4 })]);
    const given = { recovered: true, publications: [{ offset: 2 }, { offset: 3 }, { offset: 4 }] };
    expect(
      await joiner.request('room:join', { room, since: { epoch, offset: 1 }, meta: true }),
    ).toMatchObject(given);
    const first = (await read(room, { since })) as unknown as Page & { recovered: boolean };
    expect(first).toMatchObject({
      recovered: true,
      more: true,
      publications: [{ offset: 1 }, { offset: 2 }],
    });
    joiner.close();
  });

  it('[H2] [D3] is one page over HTTP, where binary is text', async () => {
    const room = newRoom();
    await sayBinary(room, 10, 10, 1);
    const { body } = await gateway.http<Page>('GET', `/v1/rooms/${encodeURIComponent(room)}/history`);
    expect(body.more).toBe(false);
    expect(body.publications.map(({ args }) => args[1].images.length)).toEqual([10, 10, 1]);
  });
});

describe('what reads like a mark for binary', () => {
  // It came back as the bytes of another publication that stood beside it in the answer.
  it.each([0, 7])('[D3] [H2] gets into no history, number %d', async (num) => {
    const room = newRoom();
    const args = [{ deep: [{ _placeholder: true, num }] }];
    const refusal = { code: 'payload.invalid', errors: [{ path: expect.stringMatching(/^args/) }] };
    await client.request('room:join', { room });
    await gateway.broadcaster.toRooms(room).emit('secret', Buffer.from('secret'));
    expect(await client.request('room:emit', { room, event: 'n', args })).toMatchObject({ error: refusal });
    const over = await gateway.http('POST', '/v1/emit', { to: { rooms: [room] }, event: 'n', args });
    expect(over).toMatchObject({ status: 400, body: refusal });
    await expect(gateway.broadcaster.toRooms(room).emit('n', ...args)).rejects.toMatchObject(refusal);
    gateway.app
      .get(Namespaces)
      .all[0]!.nsp.to(room)
      .emit('n', ...args);
    await say(room, 'after');
    expect(numbers(await read(room))).toEqual([Buffer.from('secret'), 'after']);
    expect(arrivedAt(client, 'n')).toEqual([['after']]);
  });
});

describe('a position', () => {
  it('[H2] that is not covered gives nothing, and says so', async () => {
    await sayAll('chat:small', 1, 5);
    const { epoch, offset } = (await read('chat:small')) as unknown as { epoch: string; offset: number };
    const uncovered = [
      { epoch: 'other', offset },
      { epoch: '', offset: 0 },
      { epoch: `${epoch}x`, offset },
      { epoch, offset: offset + 1 },
      { epoch, offset: offset - 4 },
      { epoch, offset: 0 },
      { epoch, offset: Number.MAX_SAFE_INTEGER },
    ];
    for (const since of uncovered) {
      const nothing = [since, { ok: true, recovered: false, publications: [], epoch, offset }];
      expect([since, await read('chat:small', { since })]).toMatchObject(nothing);
      expect([since, await client.request('room:join', { room: 'chat:small', since })]).toMatchObject(
        nothing,
      );
    }
    expect(numbers(await read('chat:small', { since: { epoch, offset: offset - 3 } }))).toHaveLength(3);
    expect(await client.request('room:join', { room: 'lobby', since: { epoch, offset } })).toMatchObject({
      ok: true,
      recovered: false,
    });
  });

  it.each([
    [null],
    ['x'],
    [1],
    [[]],
    [{}],
    [{ epoch: 'x' }],
    [{ offset: 1 }],
    [{ epoch: 1, offset: 1 }],
    [{ epoch: 'x', offset: -1 }],
    [{ epoch: 'x', offset: 1.5 }],
    [{ epoch: 'x', offset: '1' }],
    [{ epoch: 'x', offset: 1e300 }],
    [{ epoch: 'x'.repeat(65), offset: 1 }],
  ])('[H2] [M1] that is none, such as %j, is refused', async (since) => {
    const refusal = { ok: false, error: { code: 'payload.invalid', retryable: false } };
    const room = newRoom();
    expect(await read(room, { since })).toMatchObject(refusal);
    expect(await client.request('room:join', { room, since })).toMatchObject(refusal);
    expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
  });
});

describe('joining with a position', () => {
  it.each(['websocket', 'polling'] as const)(
    '[H3] gives each client every publication once and in order, the answer first, while they are published, by %s',
    async (transport) => {
      const room = newRoom();
      await sayAll(room, 1, 5);
      const { epoch } = await read(room);
      const joiners = await Promise.all(Array.from({ length: 10 }, () => gateway.connect({ transport })));
      let n = 5;
      let goesOn = true;
      const publishing = (async () => {
        while (goesOn && n < 90) {
          // Within one turn, between the microtasks of a turn, and in turns of their own.
          void say(room, ++n);
          await Promise.resolve();
          if (n % 3 === 0)
            void gateway.broadcaster.toRooms(room).emitWithAck('n', ++n, { timeoutMs: 60_000 });
          if (n % 4 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const sequences = joiners.map(async (joiner) => {
        const seen: unknown[] = [];
        joiner.socket.on('n', (number) => seen.push(number));
        const answer = await new Promise<Answer>((resolve) => {
          joiner.emit('room:join', { room, since: { epoch, offset: 0 } }, (given: Answer) => {
            // In the turn in which it arrives: what comes after it is there before a promise is through.
            seen.push(...(seen.length === 0 ? numbers(given) : ['the answer']));
            resolve(given);
          });
        });
        expect(answer).toMatchObject({ ok: true, recovered: true, epoch });
        expect(answer['offset']).toBe((answer['publications'] as Entry[]).at(-1)!.offset);
        return seen;
      });
      const all = await Promise.all(sequences);
      goesOn = false;
      await publishing;
      await until('everybody has the last one', () => all.every((seen) => seen.includes(n)));
      await Promise.all(joiners.map((joiner) => joiner.settled()));
      const expected = Array.from({ length: n }, (_, index) => index + 1);
      for (const seen of all) expect(seen).toEqual(expected);
      for (const joiner of joiners) joiner.close();
    },
  );
});

it('[A2] [H1] needs the right `history`, and joining without a position does not', async () => {
  const secured = await startGateway({ history: HISTORY, jwtSecret: SECRET });
  try {
    const connect = async (caps: readonly { room: string; allow: string[] }[]): Promise<TestClient> =>
      secured.connect({ auth: { token: await sign({ sub: 'ada', caps }) } });
    const denied = { ok: false, error: { code: 'access.denied' } };
    const since = { epoch: 'x', offset: 0 };
    const joins = await connect([{ room: 'chat:*', allow: ['join', 'emit', 'presence'] }]);
    expect(await joins.request('room:join', { room: 'chat:1', since })).toMatchObject(denied);
    expect(await joins.request('room:history', { room: 'chat:1' })).toMatchObject(denied);
    expect(await joins.request('room:join', { room: 'chat:1' })).toMatchObject({ ok: true, offset: 0 });
    const reads = await connect([{ room: 'chat:*', allow: ['history'] }]);
    expect(await reads.request('room:history', { room: 'chat:1' })).toMatchObject({ ok: true });
    expect(await reads.request('room:history', { room: 'lobby' })).toMatchObject(denied);
    expect(await reads.request('room:join', { room: 'chat:1', since })).toMatchObject(denied);
    const both = await connect([everythingIn('chat:*')]);
    expect(await both.request('room:join', { room: 'chat:1', since })).toMatchObject({ recovered: false });
    expect(arrivedAt(both, 'disconnect')).toEqual([]);
  } finally {
    await secured.close();
  }
});
