import { startGateway, type Answer, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { RawWebSocket } from '../../support/raw-clients.js';

const MAX_ROOMS = 3;
const LONGEST_NAME = 'r'.repeat(128);
const ALL_CHARACTERS = 'AZaz09_-.:@/=+#';

const refusal = (code: string): unknown => ({
  ok: false,
  error: expect.objectContaining({ code, message: expect.any(String), retryable: false }),
});

const OK_ID = { ok: true, id: expect.any(String) };

const nested = (levels: number): unknown => {
  let value: unknown = 'core';
  for (let level = 0; level < levels; level++) value = [value];
  return value;
};

/** A valid payload of each request that takes one. */
const PAYLOADS = {
  'room:join': { room: 'lobby' },
  'room:leave': { room: 'lobby' },
  'room:emit': { room: 'lobby', event: 'news', args: [] },
  'room:members': { room: 'lobby' },
  'room:history': { room: 'lobby' },
} as const;

const REQUESTS = Object.keys(PAYLOADS) as (keyof typeof PAYLOADS)[];

describe('requests about rooms', () => {
  let gateway: TestGateway;
  let ada: TestClient;
  let bob: TestClient;

  beforeAll(async () => {
    gateway = await startGateway({
      maxRoomsPerSocket: MAX_ROOMS,
      eventsPerSecond: 10_000,
      eventsBurst: 10_000,
    });
  });
  beforeEach(async () => {
    [ada, bob] = await Promise.all([
      gateway.connect({ auth: { user: 'ada', info: { color: 'red' } } }),
      gateway.connect({ auth: { user: 'bob' } }),
    ]);
  });
  afterEach(() => {
    ada.close();
    bob.close();
  });
  afterAll(async () => {
    await gateway?.close();
  });

  const join = async (client: TestClient, room: string): Promise<void> => {
    expect(await client.request('room:join', { room })).toEqual({ ok: true, room });
  };

  describe('with a bad payload', () => {
    it.each(
      REQUESTS.flatMap((request) =>
        [null, 'lobby', 7, true, [], {}, { room: 7 }, { room: null }, { room: ['lobby'] }].map((payload) => ({
          request,
          payload,
        })),
      ),
    )('[M1] $request answers payload.invalid to $payload', async ({ request, payload }) => {
      expect(await ada.request(request, payload)).toEqual(refusal('payload.invalid'));
    });

    it.each([...REQUESTS, 'auth:refresh'])(
      '[M1] %s answers payload.invalid to no payload',
      async (request) => {
        expect(await ada.request(request)).toEqual(refusal('payload.invalid'));
      },
    );

    it.each(REQUESTS)(
      '[M1] %s answers payload.invalid to several arguments and to binary',
      async (request) => {
        expect(await ada.request(request, PAYLOADS[request], 'more')).toEqual(refusal('payload.invalid'));
        expect(await ada.request(request, Buffer.from('lobby'))).toEqual(refusal('payload.invalid'));
      },
    );

    it.each([
      ['room:join', { presence: 'yes' }],
      ['room:join', { meta: 1 }],
      ['room:join', { token: 1 }],
      ['room:join', { since: 5 }],
      ['room:join', { since: { epoch: 'e', offset: -1 } }],
      ['room:join', { since: { epoch: 'e', offset: 1.5 } }],
      ['room:emit', { args: undefined }],
      ['room:emit', { args: 'text' }],
      ['room:emit', { args: { 0: 'text', length: 1 } }],
      ['room:emit', { event: undefined }],
      ['room:emit', { event: '' }],
      ['room:emit', { event: 'e'.repeat(129) }],
      ['room:emit', { event: 7 }],
      ['room:emit', { echo: 'yes' }],
      ['room:members', { limit: 0 }],
      ['room:members', { limit: 1001 }],
      ['room:members', { limit: 1.5 }],
      ['room:members', { limit: '10' }],
      ['room:members', { cursor: 'not a cursor' }],
      ['room:history', { limit: 0 }],
      ['room:history', { since: { offset: 1 } }],
    ] as const)('[M1] %s answers payload.invalid to %j', async (request, wrong) => {
      await join(ada, 'lobby');
      expect(await ada.request(request, { ...PAYLOADS[request], ...wrong })).toEqual(
        refusal('payload.invalid'),
      );
    });

    it('[E3] the answer names the field and never the value', async () => {
      const { error } = await ada.request('room:emit', { room: 'lobby', event: 7, args: 'secret text' });
      expect(error).toMatchObject({ errors: [{ path: 'event' }, { path: 'args' }] });
      expect(JSON.stringify(error)).not.toContain('secret text');
    });

    it('[M1] a request without acknowledgement gets the same error as exception', async () => {
      for (const request of REQUESTS) ada.emit(request, { room: 'not a name' });
      for (const _ of REQUESTS) expect((await ada.next('exception')).length).toBe(1);
      ada.emit('room:join', { room: 'not a name' });
      const [error] = await ada.next('exception');
      const { error: acknowledged } = await ada.request('room:join', { room: 'not a name' });
      expect(error).toEqual(acknowledged);
    });
  });

  describe('with a room name', () => {
    it.each(['', ' ', 'a b', 'r'.repeat(129), 'ä', 'a\nb', 'a\u0000', 'a*', '😀', '{user}', 'a,b', '<b>'])(
      '[M2] %j is refused by every request',
      async (room) => {
        for (const request of REQUESTS) {
          const payload = request === 'room:emit' ? { ...PAYLOADS[request], room } : { room };
          expect([request, await ada.request(request, payload)]).toEqual([request, refusal('room.invalid')]);
        }
      },
    );

    it.each(['a', LONGEST_NAME, ALL_CHARACTERS, '__proto__', 'constructor', 'user', 'User:bob'])(
      '[M2] %j is a room like any other',
      async (room) => {
        await join(ada, room);
        await join(bob, room);
        expect(await ada.request('room:emit', { room, event: 'news', args: [1] })).toEqual(OK_ID);
        expect(await bob.next('news')).toEqual([1]);
        expect(await ada.request('socket:info')).toMatchObject({ rooms: [room] });
        expect(await ada.request('room:leave', { room })).toEqual({ ok: true, room });
        expect(await ada.request('socket:info')).toMatchObject({ rooms: [] });
      },
    );
  });

  describe('that carry private traffic', () => {
    it.each(REQUESTS)(
      '[M3] %s is denied for another’s socket ID, one’s own, and another’s user room',
      async (request) => {
        for (const room of [bob.id!, ada.id!, 'user:bob', 'user:nobody', 'user:']) {
          expect([room, await ada.request(request, { ...PAYLOADS[request], room })]).toEqual([
            room,
            refusal('access.denied'),
          ]);
        }
        await gateway.broadcaster.toUsers('bob').emit('private', 1);
        await gateway.broadcaster.toSockets(bob.id!).emit('private', 2);
        await ada.settled();
        expect(arrivedAt(ada, 'private')).toEqual([]);
        expect(await bob.next('private')).toEqual([1]);
        expect(await bob.next('private')).toEqual([2]);
      },
    );

    it('[M3] a 2.x client’s socket ID is no room either', async () => {
      const legacy = await gateway.connect({ version: 2, transport: 'polling' });
      expect(await ada.request('room:join', { room: legacy.id! })).toEqual(refusal('access.denied'));
      legacy.close();
    });

    it('[M3] every socket of a user is in the user’s room, may use it and cannot leave it', async () => {
      const other = await gateway.connect({ auth: { user: 'ada' } });
      await join(ada, 'user:ada');
      const request = { room: 'user:ada', event: 'to myself', args: ['hi'] };
      expect(await ada.request('room:emit', request)).toEqual(OK_ID);
      expect(await other.next('to myself')).toEqual(['hi']);
      expect(await ada.request('room:members', { room: 'user:ada' })).toMatchObject({
        ok: true,
        members: [{ user: 'ada', sockets: 2 }],
        total: 1,
      });
      expect(await ada.request('room:leave', { room: 'user:ada' })).toEqual(refusal('access.denied'));
      await gateway.broadcaster.toUsers('ada').emit('still', 'there');
      expect(await ada.next('still')).toEqual(['there']);
      expect(await ada.request('socket:info')).toMatchObject({ rooms: [] });
      other.close();
    });
  });

  describe('that join and leave', () => {
    it('joining twice is joining once', async () => {
      await join(ada, 'lobby');
      await join(ada, 'lobby');
      expect(await gateway.registry.getRoom('lobby')).toEqual({ room: 'lobby', sockets: 1, users: 1 });
      expect(await ada.request('room:leave', { room: 'lobby' })).toEqual({ ok: true, room: 'lobby' });
      expect(await ada.request('room:leave', { room: 'lobby' })).toEqual(refusal('room.not_joined'));
      expect(await gateway.registry.getRoom('lobby')).toEqual({ room: 'lobby', sockets: 0, users: 0 });
    });

    it('[Q1] limit.rooms names the limit; rooms of before, and a room left, can be used', async () => {
      for (let n = 1; n <= MAX_ROOMS; n++) await join(ada, `room-${n}`);
      const { error } = await ada.request('room:join', { room: 'one-too-many' });
      expect(error).toMatchObject({ code: 'limit.rooms', retryable: false });
      expect(error!.message).toContain(String(MAX_ROOMS));
      await join(ada, 'room-1');
      await join(ada, 'user:ada');
      await ada.request('room:leave', { room: 'room-1' });
      await join(ada, 'one-too-many');
    });

    it('[M6] a field that changes nothing is ignored, and the answer is that of the request', async () => {
      await ada.request('room:join', { room: 'lobby' });
      expect(await ada.request('room:leave', { room: 'lobby', later: true })).toEqual({
        ok: true,
        room: 'lobby',
      });
    });
  });

  describe('that emit', () => {
    it('a room that was not joined is refused, and nobody gets it', async () => {
      await join(bob, 'lobby');
      expect(await ada.request('room:emit', PAYLOADS['room:emit'])).toEqual(refusal('room.not_joined'));
      await join(ada, 'lobby');
      await ada.request('room:leave', { room: 'lobby' });
      expect(await ada.request('room:emit', PAYLOADS['room:emit'])).toEqual(refusal('room.not_joined'));
      await bob.settled();
      expect(arrivedAt(bob, 'news')).toEqual([]);
    });

    it('echo decides whether the sender gets it too; other sockets of the sender always do', async () => {
      const other = await gateway.connect({ auth: { user: 'ada' } });
      for (const client of [ada, bob, other]) await join(client, 'lobby');
      const request = { room: 'lobby', event: 'news' };
      expect(await ada.request('room:emit', { ...request, args: [1] })).toEqual(OK_ID);
      expect(await ada.request('room:emit', { ...request, args: [2], echo: false })).toEqual(OK_ID);
      expect(await ada.request('room:emit', { ...request, args: [3], echo: true })).toEqual(OK_ID);
      await Promise.all([ada, bob, other].map((client) => client.settled()));
      expect(arrivedAt(ada, 'news')).toEqual([[3]]);
      expect(arrivedAt(bob, 'news')).toEqual([[1], [2], [3]]);
      expect(arrivedAt(other, 'news')).toEqual([[1], [2], [3]]);
      other.close();
    });

    it('[D3] any JSON arrives as it was sent, and each publication has an ID of its own', async () => {
      await join(ada, 'lobby');
      await join(bob, 'lobby');
      const args = [null, 0, -1.5, '', 'ä😀\u2028', true, [], {}, [[1, [2]]], { a: { b: null }, __proto: 1 }];
      const ids = new Set<unknown>();
      for (const sent of [args, [], args]) {
        const { id } = await ada.request('room:emit', { room: 'lobby', event: 'news', args: sent });
        ids.add(id);
        expect(await bob.next('news')).toEqual(sent);
      }
      expect(ids.size).toBe(3);
    });

    it.each([
      'connect',
      'disconnect',
      'disconnecting',
      'connect_error',
      'error',
      'exception',
      'newListener',
      'reconnect_attempt',
      'room:presence',
      'auth:expiring',
      'server:disconnect',
      'socket:anything',
      'room:',
    ])('[D2] %j is reserved', async (event) => {
      await join(ada, 'lobby');
      await join(bob, 'lobby');
      const before = bob.queue.log.length;
      expect(await ada.request('room:emit', { room: 'lobby', event, args: [] })).toEqual(
        refusal('event.reserved'),
      );
      await bob.settled();
      expect(bob.queue.log).toHaveLength(before);
    });

    it.each(['e', 'e'.repeat(128), 'with spaces', 'Room:x', 'rooms:x', '__proto__', 'toString', 'message'])(
      '[D2] %j is a name like any other',
      async (event) => {
        await join(ada, 'lobby');
        await join(bob, 'lobby');
        expect(await ada.request('room:emit', { room: 'lobby', event, args: ['x'] })).toEqual(OK_ID);
        expect(await bob.next(event)).toEqual(['x']);
      },
    );

    it('[D3] ten binary parts are taken, wherever they are', async () => {
      await join(ada, 'lobby');
      await join(bob, 'lobby');
      const parts = Array.from({ length: 10 }, (_, n) => Buffer.from([n]));
      const args = [parts.slice(0, 5), { rest: parts.slice(5) }];
      expect(await ada.request('room:emit', { room: 'lobby', event: 'blobs', args })).toEqual(OK_ID);
      const [first, { rest }] = (await bob.next('blobs')) as [Buffer[], { rest: Buffer[] }];
      expect([...first, ...rest].map((part) => Buffer.from(part))).toEqual(parts);
    });

    it('[D3] more than ten binary parts end the connection that sends them, and reach nobody', async () => {
      await join(ada, 'lobby');
      await join(bob, 'lobby');
      const args = Array.from({ length: 11 }, (_, n) => Buffer.from([n]));
      ada.emit('room:emit', { room: 'lobby', event: 'blobs', args });
      await ada.next('disconnect');
      await bob.settled();
      expect(arrivedAt(bob, 'blobs')).toEqual([]);
      expect(arrivedAt(bob, 'disconnect')).toEqual([]);
    });

    it('[D3] JSON that is nested too deep is refused; just under the limit it is not', async () => {
      await join(ada, 'lobby');
      const request = { room: 'lobby', event: 'deep', echo: true };
      // The list of arguments is a level itself.
      expect(await ada.request('room:emit', { ...request, args: [nested(64)] })).toEqual(
        refusal('payload.invalid'),
      );
      expect(await ada.request('room:emit', { ...request, args: [nested(63)] })).toEqual(OK_ID);
      expect(await ada.next('deep')).toEqual([nested(63)]);
      expect(arrivedAt(ada, 'deep')).toHaveLength(1);
    });

    it('[D4] what one client sends arrives in its order', async () => {
      await join(ada, 'lobby');
      await join(bob, 'lobby');
      const sent = Array.from({ length: 200 }, (_, n) => [n]);
      const answers = await Promise.all(
        sent.map((args) => ada.request('room:emit', { room: 'lobby', event: 'news', args })),
      );
      expect(answers.every(({ ok }) => ok)).toBe(true);
      await bob.settled();
      expect(arrivedAt(bob, 'news')).toEqual(sent);
    });
  });

  describe('for members', () => {
    it('[M5] users are counted, not sockets', async () => {
      const more = await Promise.all([1, 2].map(() => gateway.connect({ auth: { user: 'ada' } })));
      for (const client of [ada, bob, ...more]) await join(client, 'lobby');
      expect(await bob.request('room:members', { room: 'lobby' })).toEqual({
        ok: true,
        members: [
          { user: 'ada', info: { color: 'red' }, sockets: 3 },
          { user: 'bob', info: null, sockets: 1 },
        ],
        total: 2,
        next: null,
      });
      for (const client of more) await client.request('room:leave', { room: 'lobby' });
      expect(await bob.request('room:members', { room: 'lobby' })).toMatchObject({
        members: [{ user: 'ada', sockets: 1 }, { user: 'bob' }],
        total: 2,
      });
      for (const client of more) client.close();
    });

    it('[R3] pages hold every member once', async () => {
      const users = Array.from({ length: 7 }, (_, n) => `member-${n}`);
      const clients = await Promise.all(users.map((user) => gateway.connect({ auth: { user } })));
      for (const client of clients) await join(client, 'crowd');
      const seen: string[] = [];
      const sizes: number[] = [];
      let cursor: string | null | undefined;
      do {
        const page: Answer = await ada.request('room:members', {
          room: 'crowd',
          limit: 3,
          ...(cursor ? { cursor } : {}),
        });
        const members = page['members'] as { user: string }[];
        seen.push(...members.map(({ user }) => user));
        sizes.push(members.length);
        expect(page['total']).toBe(users.length);
        cursor = page['next'] as string | null;
      } while (cursor !== null);
      expect(seen.toSorted()).toEqual(users);
      expect(sizes).toEqual([3, 3, 1]);
      for (const client of clients) client.close();
    });

    it('a room without members is empty, and asking does not make it', async () => {
      expect(await ada.request('room:members', { room: 'nowhere' })).toEqual({
        ok: true,
        members: [],
        total: 0,
        next: null,
      });
      expect(await gateway.registry.getRooms({ prefix: 'nowhere' })).toMatchObject({ items: [], total: 0 });
    });
  });

  describe('that nobody takes', () => {
    it.each(['say', 'message', 'hello world', 'toString', '__proto__', 'Room:join'])(
      '[M1] the unknown event %j is answered, or told as exception',
      async (event) => {
        expect(await ada.request(event, { any: 'payload' })).toEqual(refusal('event.unknown'));
        ada.emit(event, 'payload');
        expect(await ada.next('exception')).toEqual([expect.objectContaining({ code: 'event.unknown' })]);
      },
    );

    it.each([
      'room:presence',
      'room:unknown',
      'auth:expiring',
      'server:disconnect',
      'socket:x',
      'exception',
      'ping',
      'error',
    ])('[D2] the reserved event %j is refused', async (event) => {
      expect(await ada.request(event, {})).toEqual(refusal('event.reserved'));
      ada.emit(event, {});
      expect(await ada.next('exception')).toEqual([expect.objectContaining({ code: 'event.reserved' })]);
    });
  });

  describe('in a row', () => {
    it('[M1] are answered in the order they were sent, each exactly once', async () => {
      const raw = await RawWebSocket.connect(gateway.url, { user: 'raw' });
      const requests: [event: string, payload?: unknown][] = [
        ['room:join', { room: 'lobby' }],
        ['room:members', { room: 'lobby' }],
        ['unknown', {}],
        ['room:emit', { room: 'lobby', event: 'x', args: [] }],
        ['room:emit', { room: 'elsewhere', event: 'x', args: [] }],
        ['server:disconnect', {}],
        ['room:history', { room: 'lobby' }],
        ['room:join'],
        ['auth:refresh', { token: 'x' }],
        ['room:leave', { room: 'lobby' }],
        ['room:leave', { room: 'lobby' }],
        ['socket:info'],
      ];
      requests.forEach((request, id) => raw.send(`42${id}${JSON.stringify(request)}`));
      for (const _ of requests) await raw.next('43');
      // Whatever would be answered twice would have been by now.
      raw.send('42999["socket:info"]');
      await raw.next('43');
      const ids = raw.frames.flatMap((frame) => /^43(\d+)/.exec(String(frame))?.[1] ?? []);
      expect(ids).toEqual([...requests.keys(), 999].map(String));
      raw.close();
    });

    it('[M1] an acknowledgement of nothing, or of the same twice, disturbs nobody', async () => {
      const raw = await RawWebSocket.connect(gateway.url, { user: 'raw' });
      raw.send('43999["nobody asked"]');
      raw.send('420["room:join",{"room":"lobby"}]');
      raw.send('420["room:leave",{"room":"lobby"}]');
      expect(await raw.next('43')).toBe('430[{"ok":true,"room":"lobby"}]');
      expect(await raw.next('43')).toBe('430[{"ok":true,"room":"lobby"}]');
      raw.close();
    });
  });

  it('[R5] nothing that a client gets holds the socket ID of another', async () => {
    const raw = await RawWebSocket.connect(gateway.url, { user: 'watcher' });
    let id = 0;
    const ask = async (event: string, payload?: unknown): Promise<string> => {
      raw.send(`42${id++}${JSON.stringify([event, payload])}`);
      return raw.next('43');
    };
    await ask('room:join', { room: 'lobby' });
    await join(ada, 'lobby');
    const legacy = await gateway.connect({ version: 2, transport: 'polling', auth: { user: 'legacy' } });
    await join(legacy, 'lobby');
    await join(bob, 'lobby');
    const anonymous = await gateway.connect();
    await join(anonymous, 'lobby');
    await ada.request('room:emit', { room: 'lobby', event: 'news', args: ['hello'] });
    await gateway.broadcaster.toAll().emit('news', 'to all');
    for (const request of REQUESTS) await ask(request, PAYLOADS[request]);
    await ask('room:join', { room: ada.id });
    await ask('room:join', { room: 'lobby' });
    expect(await ask('room:members', { room: 'lobby', limit: 2 })).toContain('"ada"');
    const others = [ada, bob, legacy, anonymous].map((client) => client.id!);
    bob.close();
    await ask('room:members', { room: 'lobby' });
    await ask('socket:info');

    const everything = raw.frames.map(String).join('\n');
    expect(everything).toContain('"hello"');
    for (const other of others) expect(everything).not.toContain(other);
    raw.close();
    legacy.close();
    anonymous.close();
  });
});

describe('what needs a history or a token, on a gateway that has none', () => {
  let gateway: TestGateway;
  let client: TestClient;

  beforeAll(async () => {
    gateway = await startGateway();
    client = await gateway.connect({ auth: { user: 'ada' } });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each([
    ['room:join', { room: 'lobby', meta: true }, 'history.disabled'],
    ['room:history', { room: 'lobby' }, 'history.disabled'],
    ['room:history', { room: 'lobby', since: { epoch: 'e', offset: 0 }, limit: 5 }, 'history.disabled'],
    ['room:join', { room: 'lobby', token: 'not.a.token' }, 'auth.token_invalid'],
  ])('[M1] %s with %j is refused with %s and joins nothing', async (request, payload, code) => {
    expect(await client.request(request, payload)).toEqual(refusal(code));
    expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
  });

  it('the same set to false is no more than a join', async () => {
    const payload = { room: 'lobby', meta: false, presence: false };
    expect(await client.request('room:join', payload)).toEqual({ ok: true, room: 'lobby' });
  });
});
