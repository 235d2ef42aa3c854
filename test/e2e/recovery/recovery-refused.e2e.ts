import { startGateway, TestGateway, type TestClient } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { History } from '../../../src/rooms/history.service.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';
import { everythingIn, inSeconds, outcomeOf, SECRET, sign, type Claims } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const { key, entry } = createApiKey('backend', ['manage', 'emit']);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({ jwtSecret: SECRET, apiKeys: entry, history: 'kept:*=100/1h' });
});
afterAll(async () => {
  await gateway?.close();
});

let users = 0;
const newUser = (): string => `user-${++users}`;
const everywhere = everythingIn('*');

const manage = (method: string, path: string, body?: unknown): Promise<unknown> =>
  gateway.http(method, path, body, { authorization: `Bearer ${key}` });

/** A client that asks for recovery with the token that is current when it connects. */
async function connect(claims: Claims): Promise<TestClient & { use(claims: Claims): Promise<void> }> {
  let token = await sign(claims);
  const auth = (give: (data: object) => void): void => give({ token, recovery: true });
  // The stock client takes a function as well.
  const client = await gateway.connect({ client: { auth } });
  return Object.assign(client, {
    use: async (others: Claims) => {
      token = await sign(others);
    },
  });
}

/** Comes in as somebody with whatever session it likes. */
const intrude = async (claims: Claims, session: object): Promise<TestClient> =>
  gateway.connect({ auth: { token: await sign(claims), recovery: true, ...session } });

describe('rights of a client that comes back', () => {
  it('[H4] [A2] are those of the token that it brings, and rooms it may not be in any longer are left', async () => {
    const user = newUser();
    const client = await connect({ sub: user, caps: [everywhere] });
    for (const room of ['one', 'kept:two', 'three']) {
      await client.request('room:join', { room, presence: true, meta: room.startsWith('kept:') });
    }
    await manage('PUT', `/v1/sockets/${client.id!}/rooms/by-backend`);
    await breakOff(gateway, client);
    await client.use({ sub: user, caps: [everythingIn('one'), { room: 'three', allow: ['join'] }] });
    const { broadcaster } = gateway;
    await broadcaster.toRooms('kept:two').emit('n', -1);
    await broadcaster.toRooms('three', 'kept:two').emit('n', 1);
    await broadcaster.toRooms('by-backend').emit('n', 2);
    const other = await connect({ sub: newUser(), caps: [everywhere] });
    const witness = await connect({ sub: newUser(), caps: [everywhere] });
    await witness.request('room:join', { room: 'one', presence: true });
    for (const room of ['one', 'kept:two', 'three']) await other.request('room:join', { room });
    // Notices are gathered for a while, and a user who came and went within it is in none (M7).
    await witness.next('room:presence');
    expect(await comeBack(client)).toBe(true);
    const { rooms } = await client.request('socket:info');
    expect((rooms as string[]).toSorted()).toEqual(['by-backend', 'one', 'three']);
    expect(await received(gateway, client, 'n')).toEqual([1, 2]);
    expect(await client.request('room:history', { room: 'kept:two' })).toMatchObject({
      ok: false,
      error: { code: 'access.denied' },
    });
    await other.request('room:leave', { room: 'three' });
    await other.request('room:leave', { room: 'kept:two' });
    await other.request('room:leave', { room: 'one' });
    const notices = async (): Promise<{ room: string; left: string[] }[]> =>
      (await received(gateway, client, 'room:presence')) as never;
    await until('the notice of who left has come', async () =>
      (await notices()).some(({ room, left }) => room === 'one' && left.length > 0),
    );
    expect(new Set((await notices()).map(({ room }) => room))).toEqual(new Set(['one']));
  });

  it('[H4] [A2] what a room token granted is there again, until it ends', async () => {
    const user = newUser();
    const client = await connect({ sub: user });
    const granted = { sub: user, allow: ['join', 'emit'] };
    const join = async (claims: Claims & { room: string }): Promise<unknown> =>
      client.request('room:join', { room: claims.room, token: await sign(claims) });
    expect(await join({ ...granted, room: 'stays' })).toMatchObject({ ok: true });
    expect(await join({ sub: user, allow: ['presence'], room: 'stays' })).toMatchObject({ ok: true });
    expect(await join({ ...granted, room: 'revoked', jti: `jti-${user}` })).toMatchObject({ ok: true });
    // Room tokens end on time, without the leeway.
    expect(await join({ ...granted, room: 'ends', exp: inSeconds(2) })).toMatchObject({ ok: true });
    const endsAt = Date.now() + 2_000;
    await breakOff(gateway, client);
    await manage('POST', '/v1/tokens/revoke', { jti: `jti-${user}` });
    await gateway.broadcaster.toRooms('ends', 'revoked').emit('n', -1);
    await gateway.broadcaster.toRooms('stays').emit('n', 1);
    await until('the room token has ended', () => Date.now() > endsAt);
    expect(await comeBack(client)).toBe(true);
    expect(await client.request('socket:info')).toMatchObject({ rooms: ['stays'] });
    expect(await received(gateway, client, 'n')).toEqual([1]);
    expect(await client.request('room:emit', { room: 'stays', event: 'n', args: [2] })).toMatchObject({
      ok: true,
    });
    expect(await client.request('room:members', { room: 'stays' })).toMatchObject({ ok: true });
  });

  it('[H4] [A3] a token that is refreshed is the one that counts', async () => {
    const user = newUser();
    const client = await connect({ sub: user, jti: `old-${user}`, caps: [everywhere] });
    const id = client.id!;
    expect(
      await client.request('auth:refresh', { token: await sign({ sub: user, jti: `new-${user}` }) }),
    ).toMatchObject({ ok: true });
    await manage('POST', '/v1/tokens/revoke', { jti: `old-${user}` });
    await client.use({ sub: user });
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
  });
});

describe('a session that its client has lost', () => {
  const lost: [string, (client: TestClient, user: string) => Promise<unknown>][] = [
    [
      'is blocked and unblocked',
      async (_client, user) => {
        await manage('PUT', `/v1/users/${user}/block`);
        await manage('DELETE', `/v1/users/${user}/block`);
      },
    ],
    ['has its token revoked', (_client, user) => manage('POST', '/v1/tokens/revoke', { jti: `jti-${user}` })],
    [
      'has its tokens revoked',
      (_client, user) =>
        manage('POST', '/v1/tokens/revoke', { user, issuedBefore: Math.ceil(inSeconds(-50)) }),
    ],
    [
      'has its history dropped',
      async (_client, user) => {
        await gateway.broadcaster.toRooms(`kept:${user}`).emit('n', -2);
        await gateway.app.get(History).drop(`kept:${user}`);
      },
    ],
  ];

  it.each(lost)('[H4] is not given back when it %s meanwhile', async (_what, lose) => {
    const user = newUser();
    const client = await connect({ sub: user, jti: `jti-${user}`, iat: inSeconds(-60), caps: [everywhere] });
    await client.request('room:join', { room: `kept:${user}` });
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toUsers(user).emit('n', -1);
    await lose(client, user);
    await client.use({ sub: user, iat: inSeconds(0), caps: [everywhere] });
    expect(await comeBack(client)).toBe(false);
    expect(client.id).not.toBe(id);
    expect(await client.request('socket:info')).toMatchObject({ rooms: [], recovered: false });
    expect(await received(gateway, client, 'n')).toEqual([]);
  });

  it('[H4] [A3] is not given back after its token has ended, with a new one neither', async () => {
    const user = newUser();
    const exp = inSeconds(1);
    const client = await connect({ sub: user, exp });
    const id = await breakOff(gateway, client);
    await until('the token has ended', () => Date.now() > exp * 1_000);
    await client.use({ sub: user });
    expect(await comeBack(client)).toBe(false);
    expect(client.id).not.toBe(id);
  });

  it('[H4] ends with the socket when the client goes or is sent away for good', async () => {
    const goes: ((client: TestClient) => unknown)[] = [
      (client) => client.close(),
      (client) => manage('DELETE', `/v1/sockets/${client.id!}`),
    ];
    for (const go of goes) {
      const user = newUser();
      const client = await connect({ sub: user });
      const id = client.id!;
      await go(client);
      await client.next('disconnect');
      await until('it is gone', async () => (await gateway.registry.getSocket(id)) === undefined);
      await gateway.broadcaster.toUsers(user).emit('n', -1);
      expect(await comeBack(client)).toBe(false);
      expect(client.id).not.toBe(id);
      expect(await received(gateway, client, 'n')).toEqual([]);
    }
  });

  it('[H4] ends when a backend sends the client away for good while it is away', async () => {
    const kicks: ((user: string, id: string) => Promise<unknown>)[] = [
      (user) => manage('DELETE', `/v1/users/${user}/sockets`),
      (user) => manage('POST', '/v1/batch', { commands: [{ disconnect: { user } }] }),
      (_, id) => manage('DELETE', `/v1/sockets/${id}`),
      (_, id) => manage('POST', '/v1/batch', { commands: [{ disconnect: { socketId: id } }] }),
    ];
    const answers: unknown[] = [];
    for (const kick of kicks) {
      const user = newUser();
      const client = await connect({ sub: user, caps: [everywhere] });
      await client.request('room:join', { room: 'lobby' });
      const id = await breakOff(gateway, client);
      await gateway.broadcaster.toUsers(user).emit('n', -1);
      answers.push(await kick(user, id));
      expect(await comeBack(client)).toBe(false);
      expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
      expect(client.id).not.toBe(id);
      expect(await received(gateway, client, 'n')).toEqual([]);
    }
    // They speak of sockets, and there was none.
    const notFound = expect.objectContaining({ code: 'socket.not_found' });
    expect(answers).toMatchObject([
      { status: 200, body: { disconnected: 0 } },
      { status: 200, body: { results: [{ ok: true, disconnected: 0 }] } },
      { status: 404, body: notFound },
      { status: 200, body: { results: [{ ok: false, error: notFound }] } },
    ]);
  });

  it('[H4] [L7] waits when the socket was ended to come back, or is told to while its client is away', async () => {
    const user = newUser();
    const client = await connect({ sub: user });
    const id = client.id!;
    await manage('DELETE', `/v1/sockets/${id}?reconnect=true`);
    await client.next('disconnect');
    await until('it is gone', async () => (await gateway.registry.getSocket(id)) === undefined);
    for (const subject of [`sockets/${id}`, `users/${user}/sockets`]) {
      await manage('DELETE', `/v1/${subject}?reconnect=true`);
    }
    await gateway.broadcaster.toUsers(user).emit('n', 1);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
    expect(await received(gateway, client, 'n')).toEqual([1]);
  });
});

describe('somebody who wants a session that is not its own', () => {
  it('[H4] comes in as new, is told nothing, and leaves the session to its client', async () => {
    const user = newUser();
    const client = await connect({ sub: user });
    const other = await connect({ sub: newUser() });
    await gateway.broadcaster.toUsers(user).emit('n', 0);
    await client.next('n');
    await gateway.broadcaster.toSockets(other.id!).emit('n', 'other');
    await other.next('n');
    const { pid, offset } = sessionOf(client);
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toUsers(user).emit('n', 1);

    const last = offset!.slice(-1);
    const forged: [string, object][] = [
      ['mallory', { pid, offset }],
      ['mallory', { pid }],
      [user, { pid: 'x'.repeat(24), offset }],
      [user, { pid: `${pid!}x`, offset }],
      [user, { pid: pid!.slice(1), offset }],
      [user, { pid, offset: `${offset!}zzz` }],
      [user, { pid, offset: 'garbage' }],
      [user, { pid, offset: '' }],
      [user, { pid, offset: `${offset!.slice(0, -1)}-${last}` }],
      [user, { pid, offset: offset!.toUpperCase() + '!' }],
      [user, { pid, offset: 1 }],
      [user, { pid, offset: [offset] }],
      [user, { pid, offset: null }],
      [user, { pid: [pid], offset }],
      [user, { pid: { toString: pid }, offset }],
      [user, { pid: '', offset }],
      [user, { pid: '__proto__' }],
      [user, { pid: 'x'.repeat(5_000), offset: 'y'.repeat(5_000) }],
      [user, { pid: sessionOf(other).pid, offset }],
      [user, { pid: id, offset }],
    ];
    for (const [who, session] of forged) {
      const intruder = await intrude({ sub: who }, session);
      const what = JSON.stringify(session).slice(0, 100);
      expect([what, intruder.id]).not.toEqual([what, id]);
      expect([what, await intruder.request('socket:info')]).toMatchObject([
        what,
        { recovered: false, rooms: [] },
      ]);
      expect([what, await received(gateway, intruder, 'n')]).toEqual([what, []]);
      expect([what, sessionOf(intruder).pid]).not.toEqual([what, pid]);
      intruder.close();
    }
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
    expect(await received(gateway, client, 'n')).toEqual([0, 1]);
    expect(await received(gateway, other, 'n')).toEqual(['other']);
  });

  it('[H4] [L2] a token that is refused does not touch the session', async () => {
    const user = newUser();
    const client = await connect({ sub: user });
    const session = sessionOf(client);
    const refused = gateway.open({ auth: { token: 'no.such.token', recovery: true, ...session } });
    expect(await outcomeOf(refused)).toBe('auth.token_invalid');
    await gateway.broadcaster.toUsers(user).emit('n', 1);
    expect(await received(gateway, client, 'n')).toEqual([1]);
    expect(client.queue.log.map(({ event }) => event)).not.toContain('disconnect');
  });
});

describe('a client that is let in without a token', () => {
  it('[H4] [A1] comes back to its session, still granted nothing', async () => {
    const open = await startGateway({ jwtSecret: SECRET, apiKeys: entry, anonymous: true });
    try {
      const client = await open.connect({ auth: { recovery: true } });
      const { user } = await client.request('socket:info');
      const id = await breakOff(open, client);
      await open.broadcaster.toUsers(user as string).emit('n', 1);
      expect(await comeBack(client)).toBe(true);
      expect(await client.request('socket:info')).toMatchObject({ socketId: id, user, recovered: true });
      expect(await client.request('room:join', { room: 'lobby' })).toMatchObject({
        ok: false,
        error: { code: 'access.denied' },
      });
      expect(await received(open, client, 'n')).toEqual([1]);
    } finally {
      await open.close();
    }
  });
});
