import { hostname } from 'node:os';
import { once } from 'node:events';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { eventsAt } from '../../support/arrivals.js';
import { byEngine } from '../../support/engine-under-test.js';

interface Entry {
  socketId: string;
  user: string;
  rooms: string[];
  [member: string]: unknown;
}

interface Page<Item> {
  items: Item[];
  next: string | null;
  total: number;
}

interface ProblemAnswer {
  code: string;
  errors?: { path: string; message: string }[];
}

const path = (strings: TemplateStringsArray, ...names: (string | undefined)[]): string =>
  String.raw({ raw: strings }, ...names.map((name) => encodeURIComponent(name!)));

/** Names that a URL has to encode, or that look as if they meant something else. */
const AWKWARD_ROOMS = ['a/b', '#', '@', '=+', 'a:b', 'x/../y', '/', 'chat:#1/@all=+-_.'];
const AWKWARD_USERS = [
  'user|42',
  'a/b',
  'ünï çödé 𝄞',
  '100%',
  'a?b=c&d',
  '%2F',
  'user:42',
  '"<x>"',
  '__proto__',
];

describe('the registry over HTTP', () => {
  let gateway: TestGateway;

  const get = async <Body>(at: string): Promise<Body> => {
    const answer = await gateway.http<Body>('GET', at);
    expect([at, answer.status]).toEqual([at, 200]);
    return answer.body;
  };
  const refusal = async (method: string, at: string): Promise<[number, ProblemAnswer]> => {
    const { status, headers, body } = await gateway.http<ProblemAnswer>(method, at);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    return [status, body];
  };
  const change = async (method: 'PUT' | 'DELETE', at: string): Promise<void> => {
    const answer = await gateway.http(method, at);
    expect([at, answer.status, answer.body]).toEqual([at, 204, {}]);
  };

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.close());

  describe('entries', () => {
    it('[R2] an entry says who, where from, how and since when', async () => {
      const before = Date.now();
      const client = await gateway.connect({
        auth: { user: 'ada', info: { name: 'Ada', level: [1] } },
        client: { extraHeaders: { 'User-Agent': 'probe/1' } },
      });
      await client.request('room:join', { room: 'lobby' });
      const entry = await get<Entry>(path`/v1/sockets/${client.id}`);
      expect(entry).toEqual({
        socketId: client.id,
        user: 'ada',
        node: expect.stringMatching(/^n-/),
        namespace: '/',
        transport: 'websocket',
        protocol: 4,
        address: '127.0.0.1',
        userAgent: 'probe/1',
        connectedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        rooms: ['lobby'],
        info: { name: 'Ada', level: [1] },
      });
      const connectedAt = Date.parse(entry['connectedAt'] as string);
      expect(connectedAt).toBeGreaterThanOrEqual(before);
      expect(connectedAt).toBeLessThanOrEqual(Date.now());
    });

    it('[R2] the entry of a 2.x client on polling says so, and one without info has null', async () => {
      const client = await gateway.connect({ version: 2, transport: 'polling', auth: { user: 'bob' } });
      expect(await get<Entry>(path`/v1/sockets/${client.id}`)).toMatchObject({
        transport: 'polling',
        protocol: 3,
        info: null,
        rooms: [],
      });
    });

    it('[R2] after an upgrade the entry shows the new transport', async () => {
      const client = await gateway.connect({ transport: 'upgrade' });
      const { engine } = client.socket.io as unknown as {
        engine: NodeJS.EventEmitter & { transport: { name: string } };
      };
      // The upgrade may be through before the client sees `connect`.
      if (engine.transport.name === 'polling') await once(engine, 'upgrade');
      await client.settled();
      expect(await get<Entry>(path`/v1/sockets/${client.id}`)).toMatchObject({ transport: 'websocket' });
    });

    it('[L3] a socket that has gone, or never was, is 404 socket.not_found everywhere', async () => {
      const client = await gateway.connect();
      const { id } = client;
      await change('DELETE', path`/v1/sockets/${id}`);
      for (const gone of [id, 'never-was']) {
        for (const [method, at] of [
          ['GET', path`/v1/sockets/${gone}`],
          ['DELETE', path`/v1/sockets/${gone}`],
          ['PUT', path`/v1/sockets/${gone}/rooms/lobby`],
          ['DELETE', path`/v1/sockets/${gone}/rooms/lobby`],
        ] as const) {
          const [status, problem] = await refusal(method, at);
          expect([method, at, status, problem.code]).toEqual([method, at, 404, 'socket.not_found']);
        }
      }
    });
  });

  describe('lists', () => {
    beforeEach(async () => {
      const connect = (user: string) => gateway.connect({ auth: { user, info: user.toUpperCase() } });
      const [ada1, ada2, bob] = [await connect('ada'), await connect('ada'), await connect('bob')];
      await ada1.request('room:join', { room: 'chat:1' });
      await ada2.request('room:join', { room: 'chat:1' });
      await bob.request('room:join', { room: 'chat:1' });
      await bob.request('room:join', { room: 'chat:2' });
      await ada1.request('room:join', { room: 'other' });
    });

    it('[R1] sockets are listed: all, of a user, in a room, of a user in a room', async () => {
      const users = async (query: string): Promise<[string[], number]> => {
        const { items, next, total } = await get<Page<Entry>>(`/v1/sockets${query}`);
        expect(next).toBeNull();
        return [items.map(({ user }) => user), total];
      };
      expect(await users('')).toEqual([['ada', 'ada', 'bob'], 3]);
      expect(await users('?user=ada')).toEqual([['ada', 'ada'], 2]);
      expect(await users('?room=chat:1')).toEqual([['ada', 'ada', 'bob'], 3]);
      expect(await users('?room=other')).toEqual([['ada'], 1]);
      expect(await users('?user=ada&room=chat:1')).toEqual([['ada', 'ada'], 2]);
      expect(await users('?user=ada&room=chat:2')).toEqual([[], 0]);
      expect(await users('?user=nobody')).toEqual([[], 0]);
      expect(await users('?room=nowhere')).toEqual([[], 0]);
      expect(await users('?room=user:ada')).toEqual([['ada', 'ada'], 2]);
    });

    it('[R1] users are listed with their sockets, one user with its entries and rooms', async () => {
      expect(await get('/v1/users')).toEqual({
        items: [
          { user: 'ada', sockets: 2 },
          { user: 'bob', sockets: 1 },
        ],
        next: null,
        total: 2,
      });
      const ada = await get<{ user: string; online: boolean; sockets: Entry[]; rooms: string[] }>(
        '/v1/users/ada',
      );
      expect(ada).toMatchObject({ user: 'ada', online: true });
      expect(ada.sockets.map(({ user, rooms }) => [user, rooms.toSorted()])).toEqual([
        ['ada', ['chat:1', 'other']],
        ['ada', ['chat:1']],
      ]);
      expect(ada.rooms.toSorted()).toEqual(['chat:1', 'other']);
    });

    it('[R1] an unknown user is offline, an unknown room is empty', async () => {
      expect(await get('/v1/users/nobody')).toEqual({
        user: 'nobody',
        online: false,
        sockets: [],
        rooms: [],
      });
      expect(await get('/v1/rooms/nowhere')).toEqual({ room: 'nowhere', sockets: 0, users: 0 });
      expect(await get('/v1/rooms/nowhere/members')).toEqual({ items: [], next: null, total: 0 });
    });

    it('[R1] rooms are listed by name with their counts, and by prefix', async () => {
      const chats = [
        { room: 'chat:1', sockets: 3, users: 2 },
        { room: 'chat:2', sockets: 1, users: 1 },
      ];
      const other = { room: 'other', sockets: 1, users: 1 };
      expect(await get('/v1/rooms')).toEqual({ items: [...chats, other], next: null, total: 3 });
      expect(await get('/v1/rooms?prefix=chat:')).toEqual({ items: chats, next: null, total: 2 });
      expect(await get('/v1/rooms?prefix=chat:1')).toEqual({ items: [chats[0]], next: null, total: 1 });
      expect(await get('/v1/rooms?prefix=zzz')).toEqual({ items: [], next: null, total: 0 });
      expect(await get('/v1/rooms/chat:1')).toEqual(chats[0]);
    });

    it('[M5] members are users, not sockets', async () => {
      expect(await get('/v1/rooms/chat:1/members')).toEqual({
        items: [
          { user: 'ada', info: 'ADA', sockets: 2 },
          { user: 'bob', info: 'BOB', sockets: 1 },
        ],
        next: null,
        total: 2,
      });
    });

    it('[M3] the room of a user holds all its sockets and is not in the list of rooms', async () => {
      expect(await get('/v1/rooms/user:ada')).toEqual({ room: 'user:ada', sockets: 2, users: 1 });
      expect(await get('/v1/rooms/user:nobody')).toEqual({ room: 'user:nobody', sockets: 0, users: 0 });
      expect(await get('/v1/rooms/user:ada/members')).toEqual({
        items: [{ user: 'ada', info: 'ADA', sockets: 2 }],
        next: null,
        total: 1,
      });
      expect(await get('/v1/rooms?prefix=user:')).toEqual({ items: [], next: null, total: 0 });
    });

    it('[R1] totals and nodes', async () => {
      expect(await get('/v1/stats')).toEqual({ sockets: 3, users: 2, rooms: 3, nodes: 1 });
      expect(await get('/v1/nodes')).toEqual({
        items: [
          {
            node: expect.stringMatching(/^n-/),
            sockets: 3,
            startedAt: expect.any(String),
            host: hostname(),
            pid: process.pid,
            version: expect.stringMatching(/^\d+\./),
            leaseExpiresInMs: byEngine({ memory: null, redis: expect.any(Number) }),
          },
        ],
        next: null,
        total: 1,
      });
    });
  });

  describe('pages', () => {
    const LISTS = [
      '/v1/sockets?',
      '/v1/users?',
      '/v1/rooms?',
      '/v1/rooms/chat/members?',
      '/v1/sockets?room=chat&',
    ];

    beforeEach(async () => {
      const clients = await Promise.all(
        ['ada', 'bob', 'cem'].map((user) => gateway.connect({ auth: { user } })),
      );
      for (const [index, client] of clients.entries()) {
        await client.request('room:join', { room: 'chat' });
        await client.request('room:join', { room: `own-${index}` });
      }
    });

    it.each(LISTS)('[R3] %s a limit of 1 to 1,000 is kept, anything else is refused', async (list) => {
      expect((await get<Page<unknown>>(`${list}limit=1`)).items).toHaveLength(1);
      expect((await get<Page<unknown>>(`${list}limit=1000`)).next).toBeNull();
      for (const limit of ['0', '1001', '-1', '1.5', '1e2', '0x10', '%205', 'abc', '', 'NaN', '5&limit=6']) {
        const [status, problem] = await refusal('GET', `${list}limit=${limit}`);
        expect([limit, status, problem.code]).toEqual([limit, 400, 'payload.invalid']);
        expect(problem.errors!.map(({ path: at }) => at)).toEqual(['limit']);
      }
    });

    it.each(LISTS)('[R3] %s what is not a cursor of this list is refused', async (list) => {
      const cursors = new Map<string, string>();
      for (const other of LISTS) {
        cursors.set(other, (await get<Page<unknown>>(`${other}limit=1`)).next!);
      }
      const foreign = [...cursors].filter(([other]) => other !== list).map(([, cursor]) => cursor);
      const forged = [
        ['sockets', -1, 0],
        ['sockets', 0.5, 1],
        ['users', '0', 0],
        ['rooms', 7],
        [],
        {},
        null,
      ].map((value) => Buffer.from(JSON.stringify(value)).toString('base64url'));
      for (const cursor of [
        ...foreign,
        ...forged,
        'garbage',
        '%00',
        'ä',
        '',
        'x'.repeat(600),
        'x'.repeat(3_000),
      ]) {
        const [status, problem] = await refusal('GET', `${list}limit=1&cursor=${cursor}`);
        expect([cursor, status, problem.code]).toEqual([cursor, 400, 'payload.invalid']);
        expect(problem.errors!.map(({ path: at }) => at)).toEqual(['cursor']);
      }
    });

    it('[R3] the cursor of a room whose name is longer than clients may choose is taken back', async () => {
      const [socket] = gateway.app.get(Namespaces).allSockets();
      const names = ['1', '2'].map((last) => 'x'.repeat(1_400) + last);
      for (const name of names) await socket!.join(name);
      const first = await get<Page<{ room: string }>>('/v1/rooms?prefix=x&limit=1');
      const second = await get<Page<{ room: string }>>(`/v1/rooms?prefix=x&limit=1&cursor=${first.next}`);
      expect([...first.items, ...second.items].map(({ room }) => room)).toEqual(names);
      expect(second.next).toBeNull();
    });

    it('[R3] the cursor of one room is not one of another', async () => {
      await change('PUT', '/v1/users/ada/rooms/own-1');
      const { next } = await get<Page<unknown>>('/v1/sockets?room=chat&limit=1');
      const [status, problem] = await refusal('GET', `/v1/sockets?room=own-1&cursor=${next}`);
      expect([status, problem.code]).toEqual([400, 'payload.invalid']);
    });

    it.each(LISTS)('[R3] %s pages of any size give everything once, in the same order', async (list) => {
      const whole = (await get<Page<unknown>>(list)).items;
      for (const limit of [1, 2, 3, 4]) {
        const items: unknown[] = [];
        let next: string | null = '';
        while (next !== null) {
          const page: Page<unknown> = await get(`${list}limit=${limit}${next && `&cursor=${next}`}`);
          expect(page.items.length).toBeLessThanOrEqual(limit);
          expect(page.total).toBe(whole.length);
          items.push(...page.items);
          ({ next } = page);
        }
        expect(items).toEqual(whole);
      }
    });

    it('[R3] a user’s sockets are paged too', async () => {
      for (let more = 0; more < 4; more++) await gateway.connect({ auth: { user: 'ada' } });
      const first = await get<Page<Entry>>('/v1/sockets?user=ada&limit=3');
      const second = await get<Page<Entry>>(`/v1/sockets?user=ada&limit=3&cursor=${first.next}`);
      expect([first.total, first.items.length, second.items.length, second.next]).toEqual([5, 3, 2, null]);
      expect(new Set([...first.items, ...second.items].map(({ socketId }) => socketId)).size).toBe(5);
    });
  });

  describe('changing rooms', () => {
    it('[R1] PUT and DELETE put one socket into a room and take it out, as often as asked', async () => {
      const client = await gateway.connect();
      const at = path`/v1/sockets/${client.id}/rooms/lobby`;
      await change('PUT', at);
      await change('PUT', at);
      expect(await get('/v1/rooms/lobby')).toEqual({ room: 'lobby', sockets: 1, users: 1 });
      await gateway.http('POST', '/v1/emit', { to: { rooms: ['lobby'] }, event: 'inside' });
      await client.next('inside');
      await change('DELETE', at);
      await change('DELETE', at);
      expect(await get('/v1/rooms/lobby')).toEqual({ room: 'lobby', sockets: 0, users: 0 });
    });

    it('[R1] the same for all sockets of a user, of which there may be none', async () => {
      await Promise.all([1, 2].map(() => gateway.connect({ auth: { user: 'ada' } })));
      await gateway.connect({ auth: { user: 'bob' } });
      await change('PUT', '/v1/users/ada/rooms/lobby');
      expect(await get('/v1/rooms/lobby')).toEqual({ room: 'lobby', sockets: 2, users: 1 });
      await change('DELETE', '/v1/users/ada/rooms/lobby');
      expect(await get('/v1/rooms/lobby')).toEqual({ room: 'lobby', sockets: 0, users: 0 });
      await change('PUT', '/v1/users/nobody/rooms/lobby');
      await change('DELETE', '/v1/users/nobody/rooms/lobby');
      expect(await get('/v1/rooms')).toMatchObject({ total: 0 });
    });

    it('[M3] the room of a user or of a socket is refused with access.denied', async () => {
      const ada = await gateway.connect({ auth: { user: 'ada' } });
      const bob = await gateway.connect({ auth: { user: 'bob' } });
      for (const room of ['user:ada', 'user:bob', 'user:nobody', ada.id, bob.id]) {
        for (const method of ['PUT', 'DELETE']) {
          for (const subject of [path`/v1/sockets/${bob.id}`, '/v1/users/bob']) {
            const [status, problem] = await refusal(method, `${subject}${path`/rooms/${room}`}`);
            expect([method, room, status, problem.code]).toEqual([method, room, 403, 'access.denied']);
          }
        }
      }
      await gateway.http('POST', '/v1/emit', { to: { users: ['ada'] }, event: 'private' });
      await ada.next('private');
      await bob.settled();
      expect(bob.queue.pending('private')).toBe(0);
    });

    it.each(['no spaces', 'ümlaut', 'x'.repeat(129), 'a,b', '<b>'])(
      '[M2] the room name %j is refused with room.invalid',
      async (room) => {
        const { id } = await gateway.connect();
        for (const [method, at] of [
          ['PUT', path`/v1/sockets/${id}/rooms/${room}`],
          ['DELETE', path`/v1/users/ada/rooms/${room}`],
          ['GET', path`/v1/rooms/${room}`],
          ['GET', path`/v1/rooms/${room}/members`],
          ['GET', path`/v1/sockets?room=${room}`],
        ] as const) {
          const [status, problem] = await refusal(method, at);
          expect([at, status, problem.code]).toEqual([at, 400, 'room.invalid']);
          expect(problem.errors!.map((issue) => issue.path)).toEqual(['room']);
        }
      },
    );

    it.each(AWKWARD_ROOMS)('[M2] the room %j can be joined, asked for, listed and left', async (room) => {
      const client = await gateway.connect();
      await change('PUT', path`/v1/sockets/${client.id}/rooms/${room}`);
      expect(await get(path`/v1/rooms/${room}`)).toEqual({ room, sockets: 1, users: 1 });
      expect(await get(path`/v1/rooms/${room}/members`)).toMatchObject({ total: 1 });
      expect(await get(path`/v1/sockets?room=${room}`)).toMatchObject({ total: 1 });
      expect(await get(path`/v1/rooms?prefix=${room}`)).toMatchObject({ items: [{ room }] });
      await change('DELETE', path`/v1/sockets/${client.id}/rooms/${room}`);
      expect(await get(path`/v1/rooms/${room}`)).toEqual({ room, sockets: 0, users: 0 });
    });

    it.each(AWKWARD_USERS)('[R1] the user %j can be asked for, reached, moved and ended', async (user) => {
      const client = await gateway.connect({ auth: { user } });
      expect(await get(path`/v1/users/${user}`)).toMatchObject({ user, online: true });
      expect(await get(path`/v1/sockets?user=${user}`)).toMatchObject({ items: [{ user }], total: 1 });
      await change('PUT', path`/v1/users/${user}/rooms/lobby`);
      expect(await get('/v1/rooms/lobby/members')).toMatchObject({ items: [{ user, sockets: 1 }] });
      await gateway.http('POST', '/v1/emit', { to: { users: [user] }, event: 'hello' });
      await client.next('hello');
      const ended = await gateway.http('DELETE', path`/v1/users/${user}/sockets`);
      expect([ended.status, ended.body]).toEqual([200, { disconnected: 1 }]);
      expect(await get(path`/v1/users/${user}`)).toEqual({ user, online: false, sockets: [], rooms: [] });
    });
  });

  describe('ending sockets', () => {
    const returning = { reconnection: true, reconnectionDelay: 1, randomizationFactor: 0 };
    const willComeBack = (client: TestClient): unknown => (client.socket as { active?: boolean }).active;

    it('[L7] a socket that is ended is told why, has left the registry, and does not come back', async () => {
      const client = await gateway.connect({ auth: { user: 'ada' }, client: returning });
      const { id } = client;
      await change('DELETE', path`/v1/sockets/${id}`);
      expect(await get('/v1/stats')).toMatchObject({ sockets: 0, users: 0 });
      expect((await client.next('server:disconnect'))[0]).toMatchObject({ code: 'kicked', retryable: false });
      expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
      expect(willComeBack(client)).toBe(false);
    });

    it('[L7] with reconnect=true it comes back by itself, as another socket', async () => {
      const client = await gateway.connect({ auth: { user: 'ada' }, client: returning });
      const { id } = client;
      await change('DELETE', `${path`/v1/sockets/${id}`}?reconnect=true`);
      expect((await client.next('server:disconnect'))[0]).toMatchObject({ code: 'kicked', retryable: true });
      await client.next('connect');
      expect(client.id).not.toBe(id);
      expect(await get(path`/v1/sockets/${client.id}`)).toMatchObject({ user: 'ada' });
    });

    it('[L7] all sockets of a user are ended, with and without return, and nobody else’s', async () => {
      const connect = (user: string) => gateway.connect({ auth: { user }, client: returning });
      const [one, two, other] = [await connect('ada'), await connect('ada'), await connect('bob')];
      const returned = await gateway.http('DELETE', '/v1/users/ada/sockets?reconnect=true');
      expect([returned.status, returned.body]).toEqual([200, { disconnected: 2 }]);
      await Promise.all([one.next('connect'), two.next('connect')]);

      const ended = await gateway.http('DELETE', '/v1/users/ada/sockets?reconnect=false');
      expect([ended.status, ended.body]).toEqual([200, { disconnected: 2 }]);
      expect(await get('/v1/users/ada')).toMatchObject({ online: false });
      await one.next('disconnect');
      const again = await gateway.http('DELETE', '/v1/users/ada/sockets');
      expect([again.status, again.body]).toEqual([200, { disconnected: 0 }]);
      await other.settled();
      expect(eventsAt(other)).toEqual(['connect']);
    });

    it('[E2] reconnect is true or false, nothing else', async () => {
      const client = await gateway.connect();
      const [status, problem] = await refusal('DELETE', `${path`/v1/sockets/${client.id}`}?reconnect=yes`);
      expect([status, problem.code]).toEqual([400, 'payload.invalid']);
      expect(problem.errors!.map((issue) => issue.path)).toEqual(['reconnect']);
      await client.settled();
    });
  });
});
