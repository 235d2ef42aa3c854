import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK } from 'jose';
import {
  startGateway,
  type ClientOptions,
  type StartOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf, type How } from '../../support/client-matrix.js';
import {
  everythingIn,
  forge,
  inSeconds,
  OTHER_SECRET,
  pemOf,
  refusalOf,
  rsaKeyPair,
  SECRET,
  sign,
  type Claims,
} from '../../support/tokens.js';

const CLIENTS = clientsOf([2, 4]);

const ISSUER = 'https://login.example.com';
const AUDIENCE = 'switchboard';

const rsa = rsaKeyPair();

describe('a client that presents a token', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ jwtSecret: SECRET, jwtIssuer: ISSUER, jwtAudience: AUDIENCE });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  const good = (claims: Claims = {}): Claims => ({
    sub: 'ada',
    iss: ISSUER,
    aud: AUDIENCE,
    exp: inSeconds(60),
    ...claims,
  });
  const without = (name: string): Claims => {
    const { [name]: _, ...rest } = good();
    return rest;
  };

  const refusals: [what: string, code: string, token: () => unknown][] = [
    ['none', 'auth.token_missing', () => undefined],
    ['an empty one', 'auth.token_missing', () => ''],
    ['text', 'auth.token_invalid', () => 'let me in'],
    ['something with dots', 'auth.token_invalid', () => 'e30.e30.e30'],
    ['an object', 'auth.token_invalid', () => ({ sub: 'ada' })],
    ['one that is not signed', 'auth.token_invalid', () => forge({ alg: 'none' }, good(), '')],
    ['alg none over a signature', 'auth.token_invalid', () => forge({ alg: 'none' }, good())],
    ['no alg', 'auth.token_invalid', () => forge({}, good())],
    ['a wrong signature', 'auth.token_invalid', () => forge({ alg: 'HS256' }, good(), 'A'.repeat(43))],
    ['another secret', 'auth.token_invalid', () => sign(good(), { key: OTHER_SECRET })],
    ['RS256', 'auth.token_invalid', () => sign(good(), { alg: 'RS256', key: rsa.privateKey })],
    ['RS256 in the header only', 'auth.token_invalid', () => forge({ alg: 'RS256' }, good())],
    ['one that has expired', 'auth.token_expired', () => sign(good({ exp: inSeconds(-6) }))],
    ['one that is not valid yet', 'auth.token_invalid', () => sign(good({ nbf: inSeconds(120) }))],
    ['another issuer', 'auth.token_invalid', () => sign(good({ iss: 'https://evil.example' }))],
    ['no issuer', 'auth.token_invalid', () => sign(without('iss'))],
    ['another audience', 'auth.token_invalid', () => sign(good({ aud: ['app', 'switch'] }))],
    ['no audience', 'auth.token_invalid', () => sign(without('aud'))],
    ['no user', 'auth.token_invalid', () => sign(without('sub'))],
    ['a user that is no name', 'auth.token_invalid', () => sign(good({ sub: 'a\u0000b' }))],
    ['a pattern with * inside', 'auth.token_invalid', () => sign(good({ caps: [everythingIn('a*b')] }))],
    ['info of more than 1 KiB', 'auth.token_invalid', () => sign(good({ info: 'x'.repeat(1_100) }))],
    ['one of more than 8 KiB', 'auth.token_invalid', () => sign(good({ pad: 'x'.repeat(6_200) }))],
    ['a room token', 'auth.token_invalid', () => sign(good({ room: 'chat:1', allow: ['join'] }))],
  ];

  it.each(refusals.flatMap(([what, code, token]) => CLIENTS.map((how) => ({ what, code, token, ...how }))))(
    '[A1] [L2] is refused with $code: $what, v$version by $transport',
    async ({ code, token, ...how }) => {
      const presented = await token();
      const client = gateway.open({ ...how, auth: presented === undefined ? {} : { token: presented } });
      const refusal = await refusalOf(client);
      expect(refusal).toMatchObject({ code, message: expect.any(String), retryable: false });
      if (typeof presented === 'string' && presented !== '') {
        expect(JSON.stringify(refusal)).not.toContain(presented);
      }
      expect(arrivedAt(client, 'connect')).toEqual([]);
      expect(await gateway.registry.getStats()).toMatchObject({ sockets: 0, users: 0 });
    },
  );

  /** The three ways a token can travel. */
  const ways: Record<string, (token: string) => ClientOptions> = {
    'auth, or the query of a 2.x client': (token) => ({ auth: { token } }),
    'the Authorization header': (token) => ({
      client: { extraHeaders: { Authorization: `Bearer ${token}` } },
    }),
    'an authorization header in another case': (token) => ({
      client: { extraHeaders: { authorization: `bearer ${token}` } },
    }),
    'the header beside an empty one': (token) => ({
      auth: { token: '' },
      client: { extraHeaders: { Authorization: `Bearer ${token}` } },
    }),
  };

  it.each(Object.keys(ways).flatMap((way) => CLIENTS.map((how) => ({ way, ...how }))))(
    '[A1] [R2] is who the token says: in $way, v$version by $transport',
    async ({ way, ...how }) => {
      const token = await sign(good({ info: { name: 'Ada' }, aud: ['other', AUDIENCE] }));
      const client = await gateway.connect({ ...how, ...ways[way]!(token) });
      expect(await gateway.registry.getSocket(client.id!)).toMatchObject({
        user: 'ada',
        info: { name: 'Ada' },
        transport: how.transport,
      });
      client.close();
    },
  );

  it.each(CLIENTS)('[A1] cannot say otherwise beside the token, v$version by $transport', async (how) => {
    const token = await sign(good());
    const auth = { token, user: 'root', info: { admin: true } };
    const client = await gateway.connect({ ...how, auth });
    expect(await gateway.registry.getSocket(client.id!)).toMatchObject({ user: 'ada', info: null });
    client.close();
  });

  it.each(CLIENTS.filter(({ version }) => version === 4))(
    '[A1] is refused when it is a 4.x client with the token in the query, where servers log it, by $transport',
    async (how) => {
      const token = await sign(good());
      const client = gateway.open({ ...how, client: { query: { token } } });
      expect(await refusalOf(client)).toMatchObject({ code: 'auth.token_missing' });
    },
  );

  it('[A1] is let in for 5 s after the end of the token and before its beginning: clocks differ', async () => {
    const late = await gateway.connect({ auth: { token: await sign(good({ exp: inSeconds(-2) })) } });
    const early = await gateway.connect({ auth: { token: await sign(good({ nbf: inSeconds(3) })) } });
    await early.settled();
    expect((await late.next('server:disconnect'))[0]).toMatchObject({ code: 'auth.token_expired' });
  });
});

describe('keys to check tokens with', () => {
  const started: TestGateway[] = [];
  const start = async (options: StartOptions): Promise<TestGateway> => {
    const gateway = await startGateway(options);
    started.push(gateway);
    return gateway;
  };
  afterEach(() => Promise.all(started.splice(0).map((gateway) => gateway.close())));

  const connect = async (gateway: TestGateway, token: string, how: How): Promise<TestClient> => {
    const client = await gateway.connect({ ...how, auth: { token } });
    expect(await gateway.registry.getSocket(client.id!)).toMatchObject({ user: 'ada' });
    return client;
  };
  const refused = async (gateway: TestGateway, token: string, how?: How): Promise<unknown> =>
    (await refusalOf(gateway.open({ ...how, auth: { token } })))['code'];

  it.each(CLIENTS)(
    '[A1] are the secret and, until its date, the one before, v$version by $transport',
    async (how) => {
      const secrets = { jwtSecret: SECRET, jwtPreviousSecret: OTHER_SECRET };
      const during = await start({ ...secrets, jwtPreviousUntil: new Date(Date.now() + 60_000) });
      const after = await start({ ...secrets, jwtPreviousUntil: new Date(Date.now() - 1_000) });
      const old = await sign({ sub: 'ada' }, { key: OTHER_SECRET });
      const current = await sign({ sub: 'ada' });
      await connect(during, old, how);
      await connect(during, current, how);
      await connect(after, current, how);
      expect(await refused(after, old, how)).toBe('auth.token_invalid');
    },
  );

  it.each(CLIENTS)(
    '[A1] are a public key, which is never taken for a secret, v$version by $transport',
    async (how) => {
      const pem = pemOf(rsa.publicKey);
      const gateway = await start({ jwtPublicKey: pem });
      await connect(gateway, await sign({ sub: 'ada' }, { alg: 'RS256', key: rsa.privateKey }), how);
      const stranger = rsaKeyPair().privateKey;
      for (const forged of [
        await sign({ sub: 'ada' }, { alg: 'RS256', key: stranger }),
        await sign({ sub: 'ada' }, { alg: 'HS256', key: pem }),
        await sign({ sub: 'ada' }, { alg: 'HS256', key: pem.trim() }),
        await sign({ sub: 'ada' }),
      ]) {
        expect(await refused(gateway, forged, how)).toBe('auth.token_invalid');
      }
    },
  );

  describe('from a JWKS URL', () => {
    let server: Server;
    let url: string;
    const listen = (port = 0): Promise<void> =>
      new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
    const stop = (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });

    beforeEach(async () => {
      const jwk = { ...(await exportJWK(rsa.publicKey)), kid: 'first', alg: 'RS256', use: 'sig' };
      server = createServer((_, response) => {
        response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
      });
      await listen();
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
    });
    afterEach(async () => {
      if (server.listening) await stop();
    });

    const signed = (): Promise<string> =>
      sign({ sub: 'ada', caps: [everythingIn('*')] }, { alg: 'RS256', key: rsa.privateKey, kid: 'first' });

    it.each(CLIENTS)(
      '[A1] keep working when its server goes down, as do sockets that are on, v$version by $transport',
      async (how) => {
        const gateway = await start({ jwksUrl: url });
        const before = await connect(gateway, await signed(), how);
        await stop();

        expect(await before.request('room:join', { room: 'lobby' })).toMatchObject({ ok: true });
        const after = await connect(gateway, await signed(), how);
        expect(await after.request('room:join', { room: 'lobby' })).toMatchObject({ ok: true });
        expect(await before.request('auth:refresh', { token: await signed() })).toMatchObject({ ok: true });
        expect(await refused(gateway, await sign({ sub: 'ada' }), how)).toBe('auth.token_invalid');
        expect(arrivedAt(before, 'disconnect')).toEqual([]);
      },
    );

    it('[A1] are not there while it cannot be reached: the client is told to try again', async () => {
      await stop();
      const gateway = await start({ jwksUrl: url });
      const client = gateway.open({ auth: { token: await signed() } });
      expect(await refusalOf(client)).toMatchObject({ code: 'engine.unavailable', retryable: true });
    });

    it('[A1] that the set does not hold sign nothing', async () => {
      const gateway = await start({ jwksUrl: url });
      const { privateKey } = rsaKeyPair();
      for (const kid of ['first', 'second']) {
        const claims = { sub: 'ada', iat: Math.floor(inSeconds(-120)) };
        const forged = await sign(claims, { alg: 'RS256', key: privateKey, kid });
        expect(await refused(gateway, forged)).toBe('auth.token_invalid');
      }
    });
  });
});

describe('a gateway that takes anonymous clients', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ jwtSecret: SECRET, anonymous: true });
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each(CLIENTS)(
    '[A1] gives each a name of its own and no rights, v$version by $transport',
    async (how) => {
      const clients = await Promise.all(
        [1, 2].map(() => gateway.connect({ ...how, auth: { user: 'root' } })),
      );
      const users = await Promise.all(
        clients.map(async ({ id }) => (await gateway.registry.getSocket(id!))!.user),
      );
      expect(new Set(users).size).toBe(2);
      for (const user of users) expect(user).toMatch(/^anonymous:[0-9a-f-]{36}$/);
      for (const client of clients) {
        expect(await client.request('room:join', { room: 'lobby' })).toMatchObject({
          ok: false,
          error: { code: 'access.denied' },
        });
      }
    },
  );

  it.each(CLIENTS)('[A1] still refuses a token that is not good, v$version by $transport', async (how) => {
    const forged = await sign({ sub: 'ada' }, { key: OTHER_SECRET });
    const client = gateway.open({ ...how, auth: { token: forged } });
    expect(await refusalOf(client)).toMatchObject({ code: 'auth.token_invalid' });
    const known = await gateway.connect({ ...how, auth: { token: await sign({ sub: 'ada' }) } });
    expect(await gateway.registry.getSocket(known.id!)).toMatchObject({ user: 'ada' });
  });

  it('[A1] lets an anonymous client become nobody else', async () => {
    const client = await gateway.connect();
    const answer = await client.request('auth:refresh', { token: await sign({ sub: 'ada' }) });
    expect(answer).toMatchObject({ ok: false, error: { code: 'access.denied' } });
  });
});
