import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf } from '../../support/client-matrix.js';
import { comeBack } from '../../support/recovering.js';
import { SECRET, sign } from '../../support/tokens.js';

const ROOM = 'chat:1';
const HISTORY = [{ pattern: 'chat:*', size: 100, ttlMs: 600_000 }];
const RFC_3339 = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
const DENIED = { ok: false, error: { code: 'access.denied', retryable: false } };

let gateway: TestGateway;

afterEach(async () => {
  await gateway?.close();
});

async function members(...users: string[]): Promise<TestClient[]> {
  const clients = await Promise.all(users.map((user) => gateway.connect({ auth: { user } })));
  for (const client of clients) await client.request('room:join', { room: ROOM, meta: true });
  return clients;
}

describe('who sent a publication', () => {
  beforeEach(async () => {
    gateway = await startGateway({ history: HISTORY });
  });

  it.each(clientsOf([2, 3, 4]))('[D9] is told to members that ask, v$version by $transport', async (how) => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    const bob = await gateway.connect({ ...how, auth: { user: 'bob' } });
    await ada.request('room:join', { room: ROOM });
    await bob.request('room:join', { room: ROOM, meta: true });
    await ada.request('room:emit', { room: ROOM, event: 'ticket:assigned', args: ['mine'] });
    await gateway.broadcaster.toRooms(ROOM).emit('ticket:assigned', 'theirs');
    const position = { room: ROOM, id: expect.any(String), epoch: expect.any(String) };
    expect(await bob.next('ticket:assigned')).toEqual([
      'mine',
      { ...position, offset: 1, user: 'ada', at: RFC_3339 },
    ]);
    expect(await bob.next('ticket:assigned')).toEqual(['theirs', { ...position, offset: 2 }]);
  });

  it('[D9] stands in the history, with when it was accepted, as the member was told', async () => {
    const [ada, bob] = (await members('ada', 'bob')) as [TestClient, TestClient];
    await ada.request('room:emit', { room: ROOM, event: 'said', args: [] });
    await gateway.broadcaster.toRooms(ROOM).emit('said');
    const { publications } = await bob.request('room:history', { room: ROOM });
    expect(publications).toMatchObject([{ user: 'ada', at: RFC_3339 }, { at: RFC_3339 }]);
    expect((publications as object[])[1]).not.toHaveProperty('user');
    const [meta] = (await bob.next('said')) as [{ at: string }];
    expect((publications as { at: string }[])[0]!.at).toBe(meta.at);
  });
});

describe('what a client publishes right before it leaves', () => {
  it.each(clientsOf([2, 4]))(
    '[D5] [T1] reaches the others, all of it, v$version by $transport',
    async (how) => {
      gateway = await startGateway();
      const bob = await gateway.connect({ auth: { user: 'bob' } });
      await bob.request('room:join', { room: ROOM });
      const users = Array.from({ length: 10 }, (_, n) => `user-${n}`);
      for (const user of users) {
        const client = await gateway.connect({ ...how, auth: { user } });
        await client.request('room:join', { room: ROOM });
        for (const event of ['last', 'very-last'])
          client.emit('room:emit', { room: ROOM, event, args: [user] });
        client.close();
      }
      for (const user of users) {
        expect(await bob.next('last')).toEqual([user]);
        expect(await bob.next('very-last')).toEqual([user]);
      }
    },
  );
});

describe('a volatile publication of a client', () => {
  it('[M6] arrives, and is kept in no history', async () => {
    gateway = await startGateway({ history: HISTORY });
    const [ada, bob] = (await members('ada', 'bob')) as [TestClient, TestClient];
    const typing = { room: ROOM, event: 'typing', args: [], volatile: true };
    expect(await ada.request('room:emit', typing)).toMatchObject({ ok: true });
    await bob.next('typing');
    expect(await bob.request('room:history', { room: ROOM })).toMatchObject({ offset: 0, publications: [] });
  });
});

describe('a field that a request does not know', () => {
  beforeEach(async () => {
    gateway = await startGateway({ history: HISTORY });
  });

  it.each([
    ['room:join', { room: ROOM, presense: true }, 'presense'],
    ['room:emit', { room: ROOM, event: 'said', args: [], volatil: true }, 'volatil'],
    ['room:members', { room: ROOM, offset: 100 }, 'offset'],
    ['room:history', { room: ROOM, before: 7 }, 'before'],
  ])('[M6] is named and refused in %s %j', async (request, payload, path) => {
    const [ada] = (await members('ada')) as [TestClient];
    expect(await ada.request(request, payload)).toMatchObject({
      ok: false,
      error: { code: 'payload.invalid', errors: [{ path }] },
    });
  });

  it('[M6] is ignored where it cannot change what the sender gets: in a position, and on the way out', async () => {
    const [ada] = (await members('ada')) as [TestClient];
    await gateway.broadcaster.toRooms(ROOM).emit('said');
    const [meta] = await ada.next('said');
    expect(await ada.request('room:join', { room: ROOM, since: meta })).toMatchObject({ recovered: true });
    expect(await ada.request('room:leave', { room: ROOM, reason: 'tired' })).toEqual({
      ok: true,
      room: ROOM,
    });
  });
});

describe('which events clients may send', () => {
  const said = (event: string): object => ({ room: ROOM, event, args: [] });

  it('[D9] is what SWITCHBOARD_CLIENT_EVENTS lists', async () => {
    gateway = await startGateway({ clientEvents: ['said', 'client:*'] });
    const client = await gateway.connect();
    await client.request('room:join', { room: ROOM });
    for (const event of ['said', 'client:', 'client:typing']) {
      expect(await client.request('room:emit', said(event))).toMatchObject({ ok: true });
    }
    for (const event of ['ticket:assigned', 'Said', 'said2', 'client']) {
      expect(await client.request('room:emit', said(event))).toMatchObject(DENIED);
    }
    await gateway.broadcaster.toRooms(ROOM).emit('ticket:assigned');
    expect(await client.next('ticket:assigned')).toEqual([]);
  });

  it('[D9] is what `events` of an entry of its token says, and of a room token', async () => {
    gateway = await startGateway({ jwtSecret: SECRET });
    const caps = [
      { room: ROOM, allow: ['join', 'emit'], events: ['said', 'typing:*'] },
      { room: 'chat:*', allow: ['emit'], events: ['waved'] },
    ];
    const client = await gateway.connect({ auth: { token: await sign({ sub: 'ada', caps }) } });
    await client.request('room:join', { room: ROOM });
    for (const event of ['said', 'typing:on', 'waved']) {
      expect(await client.request('room:emit', said(event))).toMatchObject({ ok: true });
    }
    expect(await client.request('room:emit', said('shouted'))).toMatchObject(DENIED);
    const token = await sign({ sub: 'ada', room: ROOM, allow: ['join', 'emit'], events: ['shouted'] });
    await client.request('room:join', { room: ROOM, token });
    expect(await client.request('room:emit', said('shouted'))).toMatchObject({ ok: true });
    expect(await client.request('room:emit', said('cried'))).toMatchObject(DENIED);
  });

  it('[D9] is as narrow after the client has come back with its session', async () => {
    gateway = await startGateway({ jwtSecret: SECRET });
    const token = await sign({ sub: 'ada' });
    const client = await gateway.connect({ auth: { token, recovery: true } });
    const roomToken = await sign({ sub: 'ada', room: ROOM, allow: ['join', 'emit'], events: ['said'] });
    await client.request('room:join', { room: ROOM, token: roomToken });
    client.breakTransport();
    await client.next('disconnect');
    expect(await comeBack(client)).toBe(true);
    expect(await client.request('room:emit', said('said'))).toMatchObject({ ok: true });
    expect(await client.request('room:emit', said('shouted'))).toMatchObject(DENIED);
  });
});

describe('a publication that a client sends again', () => {
  beforeEach(async () => {
    gateway = await startGateway({ history: HISTORY, recoveryWindowMs: 5_000 });
  });

  it('[M8] takes effect once, also over another connection of the same user', async () => {
    const [ada, bob] = (await members('ada', 'bob')) as [TestClient, TestClient];
    const order = { room: ROOM, event: 'order', args: [1], id: 'order-1' };
    const first = await ada.request('room:emit', order);
    expect(first).toEqual({ ok: true, id: expect.any(String) });
    expect(await ada.request('room:emit', order)).toEqual(first);
    ada.breakTransport();
    await ada.next('disconnect');
    await comeBack(ada);
    await ada.request('room:join', { room: ROOM });
    expect(await ada.request('room:emit', order)).toEqual(first);
    const [other] = (await members('ada')) as [TestClient];
    expect(await other.request('room:emit', order)).toEqual(first);
    expect(await other.request('room:emit', { ...order, id: 'order-2' })).not.toEqual(first);
    await gateway.broadcaster.toRooms(ROOM).emit('fence');
    await bob.next('fence');
    expect(arrivedAt(bob, 'order')).toHaveLength(2);
  });

  it('[M8] is another one when it is another user, and a conflict when it is something else', async () => {
    const [ada, bob] = (await members('ada', 'bob')) as [TestClient, TestClient];
    const order = { room: ROOM, event: 'order', args: [1], id: 'order-1' };
    const first = await ada.request('room:emit', order);
    const second = await bob.request('room:emit', order);
    expect([first.ok, second.ok, first['id'] === second['id']]).toEqual([true, true, false]);
    expect(await ada.request('room:emit', { ...order, args: [2] })).toMatchObject({
      ok: false,
      error: { code: 'idempotency.conflict' },
    });
  });

  it('[M8] is tried anew when the first was refused', async () => {
    const ada = await gateway.connect({ auth: { user: 'ada' } });
    const order = { room: ROOM, event: 'order', args: [1], id: 'order-1' };
    expect(await ada.request('room:emit', order)).toMatchObject({ error: { code: 'room.not_joined' } });
    await ada.request('room:join', { room: ROOM });
    expect(await ada.request('room:emit', order)).toMatchObject({ ok: true });
  });
});
