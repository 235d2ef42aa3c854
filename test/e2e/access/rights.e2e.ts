import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { arrivedAt, recipientsOf } from '../../support/arrivals.js';
import { clientsOf, EAGER, type How } from '../../support/client-matrix.js';
import { everythingIn, inSeconds, OTHER_SECRET, SECRET, sign, type Claims } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const CLIENTS = clientsOf([2, 4]);

const DENIED = { ok: false, error: { code: 'access.denied', retryable: false } };

let gateway: TestGateway;

beforeAll(async () => {
  // These tests ask again and again until something has happened.
  gateway = await startGateway({ jwtSecret: SECRET, eventsPerSecond: 100_000, eventsBurst: 100_000 });
});
afterAll(async () => {
  await gateway?.close();
});

const connect = async (claims: Claims, how?: How, client?: object): Promise<TestClient> =>
  gateway.connect({
    ...how,
    auth: { token: await sign(claims) },
    ...(client ? { client: { ...client } } : {}),
  });

const roomsOf = async (client: TestClient): Promise<unknown> =>
  (await client.request('socket:info'))['rooms'];

const untilInNoRoom = (client: TestClient): Promise<void> =>
  until('the client is in no room', async () => ((await roomsOf(client)) as string[]).length === 0);

/** Which of the four actions the client may do in a room, asked in an order in which none prepares another. */
async function allowedIn(client: TestClient, room: string): Promise<string[]> {
  const answers = {
    emit: await client.request('room:emit', { room, event: 'chat', args: [] }),
    history: await client.request('room:history', { room }),
    presence: await client.request('room:members', { room }),
    join: await client.request('room:join', { room }),
  };
  return Object.entries(answers)
    .filter(([, { error }]) => error?.code !== 'access.denied')
    .map(([action]) => action)
    .sort();
}

describe('what a token allows', () => {
  it.each(CLIENTS)('[A2] is nothing unless it says so, v$version by $transport', async (how) => {
    for (const caps of [undefined, [], [{ room: 'lobby', allow: [] }]]) {
      const client = await connect({ sub: 'ada', ...(caps && { caps }) }, how);
      expect(await allowedIn(client, 'lobby')).toEqual([]);
      expect(await gateway.registry.getRoom('lobby')).toMatchObject({ sockets: 0 });
      client.close();
    }
  });

  it.each(
    ['join', 'emit', 'presence', 'history'].flatMap((action) => CLIENTS.map((how) => ({ action, ...how }))),
  )(
    '[A2] is $action and nothing else when it says $action, v$version by $transport',
    async ({ action, ...how }) => {
      const client = await connect({ sub: 'ada', caps: [{ room: 'lobby', allow: [action] }] }, how);
      expect(await allowedIn(client, 'lobby')).toEqual([action]);
      client.close();
    },
  );

  const patterns: [pattern: string, covered: string[], others: string[]][] = [
    ['lobby', ['lobby'], ['lobby2', 'Lobby', 'lobb', 'lobby:1']],
    ['chat:*', ['chat:1', 'chat:a:b'], ['chat', 'cha', 'Chat:1', 'x:chat:1']],
    ['*', ['lobby', 'chat:1'], ['user:bob']],
    ['inbox:{user}', ['inbox:ada'], ['inbox:bob', 'inbox:', 'inbox:ada1', 'inbox:ad']],
    ['doc:{user}:*', ['doc:ada:1', 'doc:ada:'], ['doc:bob:1', 'doc:ada', 'doc:adam:1']],
  ];

  it.each(patterns)('[A2] by %j covers %j and not %j', async (pattern, covered, others) => {
    const client = await connect({ sub: 'ada', caps: [everythingIn(pattern)] });
    for (const room of covered) {
      expect(await allowedIn(client, room)).toEqual(['emit', 'history', 'join', 'presence']);
    }
    for (const room of others) expect(await allowedIn(client, room)).toEqual([]);
    client.close();
  });

  it('[A2] is not widened by a user whose name looks like a pattern', async () => {
    for (const sub of ['*', '{user}', '$&']) {
      const client = await connect({ sub, caps: [everythingIn('inbox:{user}')] });
      for (const room of ['inbox:ada', 'inbox:']) expect(await allowedIn(client, room)).toEqual([]);
      client.close();
    }
  });

  it.each(CLIENTS)(
    '[A2] adds up over its entries and is what a member can use, v$version by $transport',
    async (how) => {
      const caps = [
        { room: 'chat:*', allow: ['join', 'presence'] },
        { room: 'chat:{user}', allow: ['emit'] },
      ];
      const [ada, bob] = [await connect({ sub: 'ada', caps }, how), await connect({ sub: 'bob', caps }, how)];
      for (const client of [ada, bob]) {
        expect(await client.request('room:join', { room: 'chat:ada' })).toMatchObject({ ok: true });
      }
      const message = { room: 'chat:ada', event: 'said', args: ['hello'] };
      expect(await ada.request('room:emit', message)).toMatchObject({ ok: true });
      expect(await bob.request('room:emit', message)).toMatchObject(DENIED);
      expect(await bob.next('said')).toEqual(['hello']);
      expect(await bob.request('room:members', { room: 'chat:ada' })).toMatchObject({ total: 2 });
      await ada.settled();
      expect(arrivedAt(ada, 'said')).toEqual([]);
    },
  );

  it('[M3] is never a room with private traffic, whatever it says', async () => {
    const [ada, bob] = [
      await connect({ sub: 'ada', caps: [everythingIn('*'), everythingIn('user:bob')] }),
      await connect({ sub: 'bob' }),
    ];
    for (const room of ['user:bob', bob.id!, ada.id!]) expect(await allowedIn(ada, room)).toEqual([]);
    expect(await recipientsOf('private', { ada, bob })).toEqual({});
    await gateway.broadcaster.toUsers('bob').emit('private');
    await gateway.broadcaster.toSockets(bob.id!).emit('private');
    expect(await recipientsOf('private', { ada, bob })).toEqual({ bob: 2 });
  });
});

describe('a room token', () => {
  const room = 'meeting';
  const claims = (more: Claims = {}): Claims => ({ sub: 'ada', room, allow: ['join', 'presence'], ...more });

  it.each(CLIENTS)('[A2] grants what it says in its room, v$version by $transport', async (how) => {
    const client = await connect({ sub: 'ada' }, how);
    expect(await client.request('room:join', { room })).toMatchObject(DENIED);
    expect(await client.request('room:join', { room, token: await sign(claims()) })).toEqual({
      ok: true,
      room,
    });
    expect(await client.request('room:members', { room })).toMatchObject({ ok: true });
    expect(await client.request('room:emit', { room, event: 'said', args: [] })).toMatchObject(DENIED);
    expect(await client.request('room:history', { room })).toMatchObject(DENIED);
    expect(await client.request('room:join', { room: 'meeting2' })).toMatchObject(DENIED);
    client.close();
  });

  const bad: [what: string, code: string, token: () => Promise<string>][] = [
    ['another user', 'access.denied', () => sign(claims({ sub: 'bob' }))],
    ['another room', 'access.denied', () => sign(claims({ room: 'meeting2' }))],
    ['no right to join', 'access.denied', () => sign(claims({ allow: ['emit'] }))],
    ['an end in the past', 'auth.token_expired', () => sign(claims({ exp: inSeconds(-6) }))],
    ['a beginning in the future', 'auth.token_invalid', () => sign(claims({ nbf: inSeconds(120) }))],
    ['another signature', 'auth.token_invalid', () => sign(claims(), { key: OTHER_SECRET })],
    ['no room: a connect token', 'auth.token_invalid', () => sign({ sub: 'ada', caps: [everythingIn('*')] })],
    ['an unknown right', 'auth.token_invalid', () => sign(claims({ allow: ['join', 'admin'] }))],
    ['no form at all', 'auth.token_invalid', async () => 'let me in'],
    ['no text', 'auth.token_missing', async () => ''],
  ];

  it.each(bad.flatMap(([what, code, token]) => CLIENTS.map((how) => ({ what, code, token, ...how }))))(
    '[A2] with $what is refused with $code, v$version by $transport',
    async ({ code, token, ...how }) => {
      const client = await connect({ sub: 'ada' }, how);
      expect(await client.request('room:join', { room, token: await token() })).toMatchObject({
        ok: false,
        error: { code, retryable: false },
      });
      expect(await roomsOf(client)).toEqual([]);
      client.close();
    },
  );

  it.each(CLIENTS)(
    '[A2] [A3] takes its user out of the room when it expires, v$version by $transport',
    async (how) => {
      const [ada, bob] = [
        await connect({ sub: 'ada' }, how),
        await connect({ sub: 'bob', caps: [everythingIn(room)] }, how),
      ];
      const token = await sign(claims({ exp: inSeconds(0.8) }));
      expect(await ada.request('room:join', { room, token })).toMatchObject({ ok: true });
      expect(await bob.request('room:join', { room })).toMatchObject({ ok: true });
      await untilInNoRoom(ada);
      expect(await bob.request('room:members', { room })).toMatchObject({
        total: 1,
        members: [{ user: 'bob' }],
      });
      await gateway.broadcaster.toRooms(room).emit('minutes');
      expect(await recipientsOf('minutes', { ada, bob })).toEqual({ bob: 1 });
      expect(await ada.request('room:members', { room })).toMatchObject(DENIED);
      ada.close();
      bob.close();
    },
  );

  it('[A2] [A3] that a longer one has replaced, or that the caps cover, costs no room', async () => {
    const soon = await sign(claims({ exp: inSeconds(0.8) }));
    const later = await sign(claims({ exp: inSeconds(60) }));
    const replaced = await connect({ sub: 'ada' });
    const covered = await connect({ sub: 'ada', caps: [everythingIn(room)] });
    const left = await connect({ sub: 'ada' });
    for (const client of [replaced, covered, left]) await client.request('room:join', { room, token: soon });
    await replaced.request('room:join', { room, token: later });
    await untilInNoRoom(left);
    expect(await roomsOf(replaced)).toEqual([room]);
    expect(await roomsOf(covered)).toEqual([room]);
  });

  it('[A2] adds to what another one has granted, and takes nothing away', async () => {
    const client = await connect({ sub: 'ada' });
    const present = async (...allow: string[]) =>
      client.request('room:join', { room, token: await sign(claims({ allow })) });
    expect(await present('join', 'presence')).toMatchObject({ ok: true });
    expect(await present('join', 'emit')).toMatchObject({ ok: true });
    expect(await present('history')).toMatchObject({ ok: true });
    expect(await allowedIn(client, room)).toEqual(['emit', 'history', 'join', 'presence']);
  });

  it('[A2] [A3] ends by itself: the rights of another one in its room do not keep its own alive', async () => {
    const client = await connect({ sub: 'ada' });
    const token = (allow: string[], more: Claims) => sign(claims({ allow, ...more }));
    await client.request('room:join', { room, token: await token(['join'], { exp: inSeconds(0.8) }) });
    expect(await client.request('room:join', { room, token: await token(['emit'], {}) })).toMatchObject({
      ok: true,
    });
    await untilInNoRoom(client);
    expect(await client.request('room:join', { room })).toMatchObject(DENIED);
  });

  it('[A2] [A3] counts with others up to 8 in a room; beyond that the oldest goes, and the room with it', async () => {
    const client = await connect({ sub: 'ada' });
    await client.request('room:join', { room, token: await sign(claims({ allow: ['join'] })) });
    for (let n = 8; n > 1; n--) {
      const token = await sign(claims({ allow: ['emit'], exp: inSeconds(60 * n) }));
      expect(await client.request('room:join', { room, token })).toMatchObject({ ok: true });
    }
    expect(await roomsOf(client)).toEqual([room]);
    const oneMore = await sign(claims({ allow: ['emit'], exp: inSeconds(60) }));
    expect(await client.request('room:join', { room, token: oneMore })).toMatchObject(DENIED);
    expect(await roomsOf(client)).toEqual([]);
  });

  it('[A1] [A2] taken by the leeway holds for as long as that', async () => {
    const client = await connect({ sub: 'ada' });
    const token = await sign(claims({ exp: inSeconds(-2.5) }));
    expect(await client.request('room:join', { room, token })).toMatchObject({ ok: true });
    expect(await roomsOf(client)).toEqual([room]);
    await untilInNoRoom(client);
  });

  it('[A2] [A3] outlives a refresh that says nothing of its room', async () => {
    const client = await connect({ sub: 'ada' });
    await client.request('room:join', { room, token: await sign(claims()) });
    expect(await client.request('auth:refresh', { token: await sign({ sub: 'ada' }) })).toMatchObject({
      ok: true,
    });
    expect(await roomsOf(client)).toEqual([room]);
  });
});

describe('a token that ends', () => {
  it.each(CLIENTS)('[A3] is announced 30 s before, v$version by $transport', async (how) => {
    const client = await connect({ sub: 'ada', exp: inSeconds(32) }, how);
    await client.settled();
    expect(arrivedAt(client, 'auth:expiring')).toEqual([]);
    const [notice] = (await client.next('auth:expiring')) as [{ expiresInMs: number }];
    expect(Object.keys(notice)).toEqual(['expiresInMs']);
    expect(notice.expiresInMs).toBeGreaterThan(0);
    expect(notice.expiresInMs).toBeLessThanOrEqual(30_000);
    client.close();
  });

  it.each(CLIENTS)(
    '[A3] [L7] takes its socket along, which does not come back with it, v$version by $transport',
    async (how) => {
      const client = await connect({ sub: 'eve', exp: inSeconds(0.8) }, how, EAGER);
      expect(await client.next('auth:expiring')).toMatchObject([{ expiresInMs: expect.any(Number) }]);
      expect(await client.next('server:disconnect')).toEqual([
        { code: 'auth.token_expired', message: 'the token has expired', retryable: false },
      ]);
      expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
      expect(await gateway.registry.getUser('eve')).toMatchObject({ online: false });
      // One that may come back, and was sent away later, is back.
      const other = await connect({ sub: 'eva' }, how, EAGER);
      other.breakTransport();
      await other.next('reconnect');
      await other.next('connect');
      expect(arrivedAt(client, 'reconnect_attempt')).toEqual([]);
      client.close();
      other.close();
    },
  );

  it.each(CLIENTS)(
    '[A3] can be followed by another without a new connection, v$version by $transport',
    async (how) => {
      const claims = { sub: 'ada', exp: inSeconds(2) };
      const [refreshed, ended] = [await connect(claims, how), await connect(claims, how)];
      const { id } = refreshed;
      const exp = Math.floor(inSeconds(3_600));
      expect(await refreshed.request('auth:refresh', { token: await sign({ sub: 'ada', exp }) })).toEqual({
        ok: true,
        expiresAt: new Date(exp * 1000).toISOString(),
      });
      await ended.next('disconnect');
      await refreshed.settled();
      expect(refreshed.id).toBe(id);
      expect(arrivedAt(refreshed, 'disconnect')).toEqual([]);
      refreshed.close();
    },
  );

  it('[A3] can be followed by one that ends sooner, or never', async () => {
    const client = await connect({ sub: 'ada', exp: inSeconds(3_600) });
    expect(await client.request('auth:refresh', { token: await sign({ sub: 'ada' }) })).toEqual({
      ok: true,
      expiresAt: null,
    });
    await client.request('auth:refresh', { token: await sign({ sub: 'ada', exp: inSeconds(0.5) }) });
    expect((await client.next('server:disconnect'))[0]).toMatchObject({ code: 'auth.token_expired' });
  });

  it('[A3] keeps no socket in memory that has gone before', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    const count = 200;
    const token = await sign({ sub: 'mayfly', exp: inSeconds(3_600) });
    const seen: WeakRef<object>[] = [];
    for (let n = 0; n < count; n++) {
      const client = await gateway.connect({ auth: { token } });
      for (const socket of gateway.app.get(Namespaces).socketsOfUser('mayfly'))
        seen.push(new WeakRef(socket));
      client.close();
      await until('it has gone', async () => !(await gateway.registry.getUser('mayfly')).online);
    }
    expect(seen).toHaveLength(count);
    // The registry lets go of the last ones only when others come.
    await until('most of them are garbage', () => {
      collectGarbage();
      return seen.filter((reference) => reference.deref() !== undefined).length < count / 2;
    });
  });
});

describe('auth:refresh', () => {
  it.each(CLIENTS)('[A3] may narrow: rooms are left at once, v$version by $transport', async (how) => {
    const client = await connect({ sub: 'ada', caps: [everythingIn('chat:*'), everythingIn('lobby')] }, how);
    for (const room of ['chat:1', 'chat:2', 'lobby']) {
      expect(await client.request('room:join', { room })).toMatchObject({ ok: true });
    }
    const token = await sign({ sub: 'ada', caps: [everythingIn('chat:2')] });
    expect(await client.request('auth:refresh', { token })).toMatchObject({ ok: true });
    expect(await roomsOf(client)).toEqual(['chat:2']);
    expect(await allowedIn(client, 'chat:1')).toEqual([]);
    expect(await allowedIn(client, 'chat:2')).toHaveLength(4);
    client.close();
  });

  it.each(CLIENTS)('[A3] may widen, v$version by $transport', async (how) => {
    const client = await connect({ sub: 'ada' }, how);
    expect(await allowedIn(client, 'chat:1')).toEqual([]);
    await client.request('auth:refresh', {
      token: await sign({ sub: 'ada', caps: [everythingIn('chat:*')] }),
    });
    expect(await allowedIn(client, 'chat:1')).toHaveLength(4);
    client.close();
  });

  const bad: [what: string, code: string, payload: () => Promise<unknown>][] = [
    ['another user’s token', 'access.denied', async () => ({ token: await sign({ sub: 'bob' }) })],
    ['an expired token', 'auth.token_expired', async () => ({ token: await sign({ sub: 'ada', exp: 1 }) })],
    [
      'a forged token',
      'auth.token_invalid',
      async () => ({ token: await sign({ sub: 'ada' }, { key: OTHER_SECRET }) }),
    ],
    [
      'a room token',
      'auth.token_invalid',
      async () => ({ token: await sign({ sub: 'ada', room: 'lobby', allow: ['join'] }) }),
    ],
    ['garbage', 'auth.token_invalid', async () => ({ token: 'e30.e30.e30' })],
    ['an empty token', 'auth.token_missing', async () => ({ token: '' })],
    ['a number', 'payload.invalid', async () => ({ token: 42 })],
    ['no token', 'payload.invalid', async () => ({})],
    ['nothing', 'payload.invalid', async () => null],
  ];

  it.each(bad.flatMap(([what, code, payload]) => CLIENTS.map((how) => ({ what, code, payload, ...how }))))(
    '[A3] with $what is refused with $code and changes nothing, v$version by $transport',
    async ({ code, payload, ...how }) => {
      const client = await connect({ sub: 'ada', caps: [everythingIn('lobby')] }, how);
      await client.request('room:join', { room: 'lobby' });
      expect(await client.request('auth:refresh', await payload())).toMatchObject({
        ok: false,
        error: { code },
      });
      expect(await client.request('socket:info')).toMatchObject({ user: 'ada', rooms: ['lobby'] });
      expect(await allowedIn(client, 'lobby')).toHaveLength(4);
      client.close();
    },
  );

  it('[A3] [M3] leaves a user in its own room, which it may have joined by name', async () => {
    const client = await connect({ sub: 'frank' });
    expect(await client.request('room:join', { room: 'user:frank' })).toMatchObject({ ok: true });
    await client.request('auth:refresh', { token: await sign({ sub: 'frank' }) });
    expect(await gateway.registry.getUser('frank')).toMatchObject({ online: true });
    await gateway.broadcaster.toUsers('frank').emit('private');
    expect(await recipientsOf('private', { client })).toEqual({ client: 1 });
  });

  it('[A3] leaves a socket in rooms that a backend has put it into, also where it once was by right', async () => {
    const client = await connect({ sub: 'ada', caps: [everythingIn('lobby')] });
    const rooms = (method: string, room: string): Promise<void> =>
      gateway.app.get(Namespaces).findSocket(client.id!)![
        // As the API does it; this gateway has no API key.
        method === 'PUT' ? 'join' : 'leave'
      ](room) as Promise<void>;
    await client.request('room:join', { room: 'lobby' });
    await client.request('room:leave', { room: 'lobby' });
    await rooms('PUT', 'lobby');
    await rooms('PUT', 'staff');
    await client.request('auth:refresh', { token: await sign({ sub: 'ada' }) });
    expect((await roomsOf(client)) as string[]).toEqual(expect.arrayContaining(['lobby', 'staff']));
  });

  it('[A3] leaves a socket where a backend has put it, also when the client joins there as well', async () => {
    const client = await connect({ sub: 'ada', caps: [everythingIn('lobby')] });
    await gateway.app.get(Namespaces).findSocket(client.id!)!.join('lobby');
    expect(await client.request('room:join', { room: 'lobby' })).toMatchObject({ ok: true });
    await client.request('auth:refresh', { token: await sign({ sub: 'ada' }) });
    expect(await roomsOf(client)).toEqual(['lobby']);
  });
});
