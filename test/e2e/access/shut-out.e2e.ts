import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf, EAGER, type How } from '../../support/client-matrix.js';
import { sendRaw } from '../../support/raw-http.js';
import {
  everythingIn,
  inSeconds,
  outcomeOf,
  refusalOf,
  SECRET,
  sign,
  type Claims,
} from '../../support/tokens.js';

const CLIENTS = clientsOf([2, 4]);

const REVOKED = { code: 'auth.revoked', message: expect.any(String), retryable: false };

const { key, entry } = createApiKey('backend', ['manage']);
let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({ jwtSecret: SECRET, apiKeys: entry, maxSocketsPerUser: 0 });
});
afterAll(async () => {
  await gateway?.close();
});

const manage = (method: string, path: string, body?: unknown): Promise<{ status: number; body: object }> =>
  gateway.http(method, path, body, { authorization: `Bearer ${key}` });

const connect = async (claims: Claims, how?: How): Promise<TestClient> =>
  gateway.connect({ ...how, auth: { token: await sign(claims) }, client: EAGER });

const refusal = async (claims: Claims, how?: How): Promise<unknown> =>
  refusalOf(gateway.open({ ...how, auth: { token: await sign(claims) } }));

/** The socket was ended by the gateway, for good. */
async function expectShutOut(client: TestClient): Promise<void> {
  expect(await client.next('server:disconnect')).toEqual([REVOKED]);
  expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
  expect(arrivedAt(client, 'reconnect_attempt')).toEqual([]);
}

async function expectThere(client: TestClient): Promise<void> {
  await client.settled();
  expect(arrivedAt(client, 'disconnect')).toEqual([]);
}

describe('a user that is blocked', () => {
  it.each(CLIENTS)(
    '[A6] loses all its sockets and cannot come back until it is unblocked, v$version by $transport',
    async (how) => {
      const user = `ada-${how.version}-${how.transport}`;
      const bystander = await connect({ sub: 'bob' }, how);
      const sockets = [await connect({ sub: user }, how), await connect({ sub: user }, how)];
      expect(await manage('PUT', `/v1/users/${user}/block`)).toMatchObject({ status: 204 });
      // The answer comes when it is done, so that nothing has to be waited for.
      expect(await gateway.registry.getUser(user)).toMatchObject({ online: false, sockets: [] });
      for (const client of sockets) await expectShutOut(client);
      expect(await refusal({ sub: user }, how)).toEqual(REVOKED);
      expect(await refusal({ sub: user, iat: inSeconds(1) }, how)).toEqual(REVOKED);
      await expectThere(bystander);

      expect(await manage('PUT', `/v1/users/${user}/block`)).toMatchObject({ status: 204 });
      expect(await manage('DELETE', `/v1/users/${user}/block`)).toMatchObject({ status: 204 });
      const back = await connect({ sub: user }, how);
      await expectThere(back);
      expect(await manage('DELETE', `/v1/users/${user}/block`)).toMatchObject({ status: 204 });
      await expectThere(back);
      for (const client of [bystander, back]) client.close();
    },
  );

  it('[A6] does not slip in while it is being blocked', async () => {
    const token = await sign({ sub: 'mallory' });
    const clients = Array.from({ length: 30 }, () => gateway.open({ auth: { token } }));
    const outcomes = clients.map(outcomeOf);
    // The block falls somewhere into the thirty handshakes.
    await outcomes[3];
    await manage('PUT', '/v1/users/mallory/block');
    const settled = await Promise.all(outcomes);
    for (const outcome of settled) expect(['in', 'auth.revoked']).toContain(outcome);
    for (const [index, client] of clients.entries()) {
      if (settled[index] === 'in') await expectShutOut(client);
    }
    expect(await gateway.registry.getUser('mallory')).toMatchObject({ online: false });
  });

  it('[A6] may have any name', async () => {
    const user = 'a/b?c=ü&d#e';
    const client = await connect({ sub: user });
    expect(await manage('PUT', `/v1/users/${encodeURIComponent(user)}/block`)).toMatchObject({ status: 204 });
    await expectShutOut(client);
  });
});

describe('a token that is revoked', () => {
  it.each(CLIENTS)(
    '[A6] by its jti loses its sockets, and no others, v$version by $transport',
    async (how) => {
      const jti = `one-${how.version}-${how.transport}`;
      const [one, same, other, none] = [
        await connect({ sub: 'ada', jti }, how),
        await connect({ sub: 'ada', jti }, how),
        await connect({ sub: 'ada', jti: 'other' }, how),
        await connect({ sub: 'ada' }, how),
      ];
      expect(await manage('POST', '/v1/tokens/revoke', { jti })).toMatchObject({ status: 204 });
      for (const client of [one, same]) await expectShutOut(client);
      for (const client of [other, none]) await expectThere(client);
      expect(await refusal({ sub: 'ada', jti }, how)).toEqual(REVOKED);
      expect(await other.request('auth:refresh', { token: await sign({ sub: 'ada', jti }) })).toMatchObject({
        ok: false,
        error: { code: 'auth.revoked' },
      });
      await expectThere(other);
      for (const client of [other, none]) client.close();
    },
  );

  it.each(CLIENTS)(
    '[A6] by its user and time loses its sockets; younger tokens do not, v$version by $transport',
    async (how) => {
      const user = `carol-${how.version}-${how.transport}`;
      const now = Math.floor(inSeconds(0));
      const [old, undated, young, other] = [
        await connect({ sub: user, iat: now - 100 }, how),
        await connect({ sub: user }, how),
        await connect({ sub: user, iat: now }, how),
        await connect({ sub: 'dave', iat: now - 100 }, how),
      ];
      expect(await manage('POST', '/v1/tokens/revoke', { user, issuedBefore: now })).toMatchObject({
        status: 204,
      });
      for (const client of [old, undated]) await expectShutOut(client);
      for (const client of [young, other]) await expectThere(client);
      expect(await refusal({ sub: user, iat: now - 1 }, how)).toEqual(REVOKED);
      expect(await refusal({ sub: user }, how)).toEqual(REVOKED);
      const back = await connect({ sub: user, iat: now + 1 }, how);
      for (const client of [back, young, other]) client.close();
    },
  );

  it('[A6] stays revoked after a refresh with another token only if that one is', async () => {
    const client = await connect({ sub: 'ada', jti: 'first' });
    await client.request('auth:refresh', { token: await sign({ sub: 'ada', jti: 'second' }) });
    await manage('POST', '/v1/tokens/revoke', { jti: 'first' });
    await expectThere(client);
    await manage('POST', '/v1/tokens/revoke', { jti: 'second', expiresAt: inSeconds(60) });
    await expectShutOut(client);
  });

  it('[A6] [A2] for a room costs the room, not the socket', async () => {
    const claims = { sub: 'ada', allow: ['join'] };
    const client = await connect({ sub: 'ada', caps: [everythingIn('lobby')] });
    for (const [room, jti] of [
      ['meeting', 'room-1'],
      ['party', 'room-2'],
      ['lobby', 'room-3'],
    ] as const) {
      const token = await sign({ ...claims, room, jti });
      expect(await client.request('room:join', { room, token })).toMatchObject({ ok: true });
    }
    for (const jti of ['room-1', 'room-3']) await manage('POST', '/v1/tokens/revoke', { jti });
    expect((await client.request('socket:info'))['rooms']).toEqual(
      expect.arrayContaining(['party', 'lobby']),
    );
    expect(await gateway.registry.getRoom('meeting')).toMatchObject({ sockets: 0 });
    const again = await client.request('room:join', {
      room: 'meeting',
      token: await sign({ ...claims, room: 'meeting', jti: 'room-1' }),
    });
    expect(again).toMatchObject({ ok: false, error: { code: 'auth.revoked' } });
    expect(await client.request('room:join', { room: 'meeting' })).toMatchObject({ ok: false });
  });
});

describe('a request to shut out', () => {
  const bad: [what: string, body: unknown][] = [
    ['nothing', {}],
    ['an empty jti', { jti: '' }],
    ['a jti that is a number', { jti: 42 }],
    ['a jti of 257 characters', { jti: 'x'.repeat(257) }],
    ['both kinds', { jti: 'a', user: 'ada', issuedBefore: 1 }],
    ['a user and no time', { user: 'ada' }],
    ['a time and no user', { issuedBefore: 1 }],
    ['a time as text', { user: 'ada', issuedBefore: '2030-01-31T12:00:00Z' }],
    ['a negative time', { user: 'ada', issuedBefore: -1 }],
    ['a time in milliseconds that no date can hold', { user: 'ada', issuedBefore: 1e16 }],
    ['a user that is no name', { user: 'a\u0000b', issuedBefore: 1 }],
    ['a field that nobody knows', { jti: 'a', reason: 'spam' }],
    ['a list', [{ jti: 'a' }]],
    ['text', 'a'],
  ];

  it.each(bad)('[A6] [E2] with %s is refused with payload.invalid', async (_, body) => {
    const answer = await manage('POST', '/v1/tokens/revoke', body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'payload.invalid', retryable: false } });
  });

  it.each([
    ['broken JSON', 'application/json', '{"jti":'],
    ['another type', 'text/plain', '{"jti":"a"}'],
    ['a form', 'application/x-www-form-urlencoded', 'jti=a'],
  ])('[A6] [E2] with %s is refused with payload.invalid', async (_, type, body) => {
    const answer = await sendRaw(gateway.url, {
      method: 'POST',
      path: '/v1/tokens/revoke',
      headers: { 'content-type': type, authorization: `Bearer ${key}` },
      body,
    });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.text)).toMatchObject({ code: 'payload.invalid' });
  });

  it.each(['a%00b', 'x'.repeat(129), '%0a'])('[A6] [E2] names a user, which %j is not', async (user) => {
    for (const method of ['PUT', 'DELETE']) {
      expect(await manage(method, `/v1/users/${user}/block`)).toMatchObject({
        status: 400,
        body: { code: 'payload.invalid', errors: [{ path: 'user' }] },
      });
    }
  });
});
