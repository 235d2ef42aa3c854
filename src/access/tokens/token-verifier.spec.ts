import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import { base64url, SignJWT, type JWTPayload } from 'jose';
import { SwitchboardError } from '../../protocol/errors.js';
import { CLOCK_LEEWAY_MS, MAX_TOKEN_LENGTH, TokenVerifier } from './token-verifier.js';

const SECRET = 'a secret of at least thirty-two bytes';
const OTHER_SECRET = 'another secret of at least 32 bytes..';
const NOW = 1_800_000_000_000;
const NOW_S = NOW / 1000;
const clock = (): number => NOW;
const verifier = new TokenVerifier({ jwtSecret: SECRET, clock });

const sign = (
  claims: JWTPayload,
  key: KeyObject | string = SECRET,
  header: { alg: string; kid?: string } = { alg: 'HS256' },
) => new SignJWT(claims).setProtectedHeader(header).sign(typeof key === 'string' ? Buffer.from(key) : key);

/** A token with any header and payload, signed with HMAC as it stands: what a library would refuse to make. */
function forge(header: unknown, payload: unknown, secret: string | Buffer = SECRET): string {
  const part = (value: unknown): string =>
    base64url.encode(Buffer.isBuffer(value) || typeof value === 'string' ? value : JSON.stringify(value));
  const input = `${part(header)}.${part(payload)}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

async function failureOf(promise: Promise<unknown>): Promise<SwitchboardError> {
  const failure: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof SwitchboardError)) throw new Error('expected a refusal', { cause: failure });
  return failure;
}

/** Refused with the code, and nothing of the token in anything that could be logged. */
async function expectRefused(token: string, code: string, by = verifier): Promise<SwitchboardError> {
  const failure = await failureOf(by.verify(token));
  expect(failure.code).toBe(code);
  const shown = inspect(failure, { depth: 10, showHidden: true });
  const segments = token.split('.').filter((segment) => segment.length > 8);
  for (const segment of segments) expect(shown).not.toContain(segment);
  return failure;
}

const PUBLIC_KEYS = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  ed25519: generateKeyPairSync('ed25519'),
};
type KeyName = keyof typeof PUBLIC_KEYS;

const pemOf = (name: KeyName): string =>
  PUBLIC_KEYS[name].publicKey.export({ type: 'spki', format: 'pem' }).toString();

const ALGORITHMS: [alg: string, key: KeyName][] = [
  ['RS256', 'rsa'],
  ['RS384', 'rsa'],
  ['RS512', 'rsa'],
  ['PS256', 'rsa'],
  ['PS384', 'rsa'],
  ['PS512', 'rsa'],
  ['ES256', 'p256'],
  ['ES384', 'p384'],
  ['ES512', 'p521'],
  ['EdDSA', 'ed25519'],
];

describe('a connect token', () => {
  it('[A1] gives user, info, capabilities and lifetime', async () => {
    const token = await sign({
      sub: '42',
      info: { name: 'Ada', tags: [1, null, true] },
      caps: [{ room: 'inbox:{user}', allow: ['join', 'history'] }],
      exp: NOW_S + 60,
      iat: NOW_S - 5,
      nbf: NOW_S,
      jti: 'one',
      unknown: { claim: 1 },
    });
    const { caps, ...rest } = await verifier.verify(token);
    expect(rest).toEqual({
      user: '42',
      info: { name: 'Ada', tags: [1, null, true] },
      expiresAt: NOW + 60_000,
      issuedAt: NOW_S - 5,
      jti: 'one',
    });
    expect(caps.allows('join', 'inbox:42')).toBe(true);
    expect(caps.allows('emit', 'inbox:42')).toBe(false);
    expect(caps.allows('join', 'inbox:43')).toBe(false);
  });

  it('[A1] needs no claim but its user; then it allows nothing and never expires', async () => {
    const { caps, ...rest } = await verifier.verify(await sign({ sub: '42' }));
    expect(rest).toEqual({ user: '42', info: null });
    expect(caps.allows('join', '42')).toBe(false);
  });

  it('[A1] is missing when there is none', async () => {
    for (const token of [undefined, '']) {
      expect((await failureOf(verifier.verify(token))).code).toBe('auth.token_missing');
    }
  });

  it.each(['HS256', 'HS384', 'HS512'])('[A1] is accepted with a secret and %s', async (alg) => {
    await expect(verifier.verify(await sign({ sub: '42' }, SECRET, { alg }))).resolves.toMatchObject({
      user: '42',
    });
    await expectRefused(await sign({ sub: '42' }, OTHER_SECRET.repeat(2), { alg }), 'auth.token_invalid');
  });

  it.each(ALGORITHMS)(
    '[A1] is accepted with a PEM key and %s, from the right key only',
    async (alg, name) => {
      const by = new TokenVerifier({ jwtPublicKey: pemOf(name), clock });
      const token = await sign({ sub: '42' }, PUBLIC_KEYS[name].privateKey, { alg });
      await expect(by.verify(token)).resolves.toMatchObject({ user: '42' });

      const [header, , signature] = token.split('.');
      await expectRefused(
        `${header}.${base64url.encode('{"sub":"1"}')}.${signature}`,
        'auth.token_invalid',
        by,
      );
      await expectRefused(token, 'auth.token_invalid', verifier);
      for (const other of Object.keys(PUBLIC_KEYS) as KeyName[]) {
        if (other === name) continue;
        const wrong = new TokenVerifier({ jwtPublicKey: pemOf(other), clock });
        await expectRefused(token, 'auth.token_invalid', wrong);
      }
    },
  );

  it.each(ALGORITHMS)('[A1] cannot use the public key of %s as a secret', async (alg, name) => {
    const pem = pemOf(name);
    const der = PUBLIC_KEYS[name].publicKey.export({ type: 'spki', format: 'der' });
    const byPem = new TokenVerifier({ jwtPublicKey: pem, clock });
    const byBoth = new TokenVerifier({ jwtPublicKey: pem, jwtSecret: SECRET, clock });
    for (const secret of [pem, pem.trim(), der]) {
      for (const claimed of ['HS256', alg]) {
        const token = forge({ alg: claimed }, { sub: '42' }, secret);
        await expectRefused(token, 'auth.token_invalid', byPem);
        await expectRefused(token, 'auth.token_invalid', byBoth);
      }
    }
  });

  it('[A1] is refused when signed with a secret and only a public key is configured', async () => {
    const by = new TokenVerifier({ jwtPublicKey: pemOf('p256'), clock });
    await expectRefused(await sign({ sub: '42' }), 'auth.token_invalid', by);
    await expectRefused(forge({ alg: 'HS256' }, { sub: '42' }, ''), 'auth.token_invalid', by);
  });

  it('[A1] is refused by a gateway without keys', async () => {
    const by = new TokenVerifier({ clock });
    await expectRefused(await sign({ sub: '42' }), 'auth.token_invalid', by);
    await expectRefused(forge({ alg: 'HS256' }, { sub: '42' }, ''), 'auth.token_invalid', by);
  });

  it('[A1] does not let a secret be a public key by mistake, and does not show it', () => {
    for (const options of [
      { jwtSecret: pemOf('rsa') },
      { jwtSecret: SECRET, jwtPreviousSecret: pemOf('p256') },
    ]) {
      expect(() => new TokenVerifier(options)).toThrow(/^a PEM key cannot be a JWT secret[^\n]*$/);
    }
  });

  it.each([
    'none',
    'None',
    'NONE',
    '',
    'HS1',
    'hs256',
    'constructor',
    '__proto__',
    'RSA-OAEP',
    null,
    256,
    ['HS256'],
    {},
  ])('[A1] is refused with alg %j', async (alg) => {
    const payload = base64url.encode('{"sub":"42"}');
    const header = base64url.encode(JSON.stringify({ alg }));
    await expectRefused(forge({ alg }, { sub: '42' }), 'auth.token_invalid');
    await expectRefused(`${header}.${payload}.`, 'auth.token_invalid');
    await expectRefused(`${header}.${payload}.AA`, 'auth.token_invalid');
  });

  it('[A1] is refused without alg', async () => {
    await expectRefused(forge({ typ: 'JWT' }, { sub: '42' }), 'auth.token_invalid');
  });

  it.each([
    { alg: 'HS256', crit: ['exp'], exp: 1 },
    { alg: 'HS256', crit: [] },
    { alg: 'HS256', crit: null },
    { alg: 'HS256', crit: ['b64'], b64: true },
    { alg: 'HS256', b64: false },
  ])('[A1] is refused with the header %j', async (header) => {
    await expectRefused(forge(header, { sub: '42' }), 'auth.token_invalid');
  });

  it.each([
    'x',
    '.',
    '..',
    'a.b',
    'a.b.c.d',
    'a.b.c.d.e',
    'eyJhbGciOiJIUzI1NiJ9.e30',
    'eyJhbGciOiJIUzI1NiJ9.e30.',
    ' eyJhbGciOiJIUzI1NiJ9.e30.AAAA',
    'eyJhbGciOiJIUzI1NiJ9.e3+0.AAAA',
    'Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA',
    '{"alg":"HS256"}',
    '\u0000',
    '🙂.🙂.🙂',
  ])('[A1] is refused when malformed: %j', async (token) => {
    await expectRefused(token, 'auth.token_invalid');
  });

  it.each([1, true, null, {}, ['a.b.c'], Buffer.from('a.b.c')])(
    '[A1] is refused when it is %j instead of text, as a client may send it',
    async (token) => {
      // What a client puts in `auth` has any type at run time, whatever the types say.
      const failure = await failureOf(verifier.verify(token as unknown as string));
      expect(failure.code).toBe('auth.token_invalid');
    },
  );

  it.each(['not json', '[]', '"text"', 'null', '42', Buffer.from('{"sub":"\xff"}', 'latin1')])(
    '[A1] is refused when the payload or the header is %j',
    async (part) => {
      await expectRefused(forge({ alg: 'HS256' }, part), 'auth.token_invalid');
      await expectRefused(forge(part, { sub: '42' }), 'auth.token_invalid');
    },
  );

  it('[A1] is refused when it is longer than 8 KiB, whoever signed it', async () => {
    const fill = (length: number) => sign({ sub: '42', fill: 'x'.repeat(length) });
    const fits = await fill(6_000);
    expect(fits.length).toBeLessThanOrEqual(MAX_TOKEN_LENGTH);
    await expect(verifier.verify(fits)).resolves.toMatchObject({ user: '42' });
    await expectRefused(await fill(6_200), 'auth.token_invalid');
  });

  it('[A1] is refused when any one character of it is changed', async () => {
    const token = await sign({ sub: '42', caps: [] });
    for (let at = 0; at < token.length; at++) {
      if (token[at] === '.') continue;
      const changed = `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`;
      await expectRefused(changed, 'auth.token_invalid');
    }
  });

  it('[A1] has one spelling of its signature only', async () => {
    // 32 bytes leave two unused bits in the last of 43 characters: a lenient decoder takes four spellings.
    const token = await sign({ sub: '42' });
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const last = alphabet.indexOf(token.at(-1)!);
    await expectRefused(token.slice(0, -1) + alphabet[last ^ 1], 'auth.token_invalid');
    await expectRefused(`${token}=`, 'auth.token_invalid');
    await expectRefused(`${token}AAAA`, 'auth.token_invalid');
  });
});

describe('times, issuer and audience', () => {
  const leeway = CLOCK_LEEWAY_MS / 1000;

  it('[A1] take a token up to 5 s after its expiry, then say that it has expired', async () => {
    await expect(verifier.verify(await sign({ sub: '42', exp: NOW_S - leeway + 1 }))).resolves.toBeDefined();
    await expectRefused(await sign({ sub: '42', exp: NOW_S - leeway }), 'auth.token_expired');
    await expectRefused(await sign({ sub: '42', exp: 0 }), 'auth.token_expired');
  });

  it('[A1] take a token up to 5 s before it starts to be valid', async () => {
    await expect(verifier.verify(await sign({ sub: '42', nbf: NOW_S + leeway }))).resolves.toBeDefined();
    await expectRefused(await sign({ sub: '42', nbf: NOW_S + leeway + 1 }), 'auth.token_invalid');
  });

  it('[A1] never call a token expired that nobody signed', async () => {
    await expectRefused(forge({ alg: 'HS256' }, { sub: '42', exp: 0 }, OTHER_SECRET), 'auth.token_invalid');
  });

  it.each(['exp', 'nbf', 'iat'])('[A1] are refused when %s is not a number of seconds', async (claim) => {
    for (const value of ['1', null, -1, true, [], 1e300]) {
      const failure = await expectRefused(
        forge({ alg: 'HS256' }, { sub: '42', [claim]: value }),
        'auth.token_invalid',
      );
      expect(failure.errors).toEqual([expect.objectContaining({ path: claim })]);
    }
    await expectRefused(forge({ alg: 'HS256' }, `{"sub":"42","${claim}":1e999}`), 'auth.token_invalid');
  });

  it('[A1] hold the issuer against the configured one', async () => {
    const by = new TokenVerifier({ jwtSecret: SECRET, jwtIssuer: 'https://issuer.example', clock });
    await expect(by.verify(await sign({ sub: '42', iss: 'https://issuer.example' }))).resolves.toBeDefined();
    for (const iss of [undefined, '', 'https://issuer.example/', 'https://ISSUER.example']) {
      await expectRefused(await sign({ sub: '42', iss }), 'auth.token_invalid', by);
    }
    await expectRefused(
      forge({ alg: 'HS256' }, { sub: '42', iss: ['https://issuer.example'] }),
      'auth.token_invalid',
      by,
    );
  });

  it('[A1] hold the audience against the configured one', async () => {
    const by = new TokenVerifier({ jwtSecret: SECRET, jwtAudience: 'chat', clock });
    for (const aud of ['chat', ['other', 'chat']]) {
      await expect(by.verify(await sign({ sub: '42', aud }))).resolves.toBeDefined();
    }
    for (const aud of [undefined, 'chat2', 'cha', [], ['other']]) {
      await expectRefused(await sign({ sub: '42', aud }), 'auth.token_invalid', by);
    }
    await expectRefused(
      forge({ alg: 'HS256' }, { sub: '42', aud: { chat: 'chat' } }),
      'auth.token_invalid',
      by,
    );
  });

  it('[A1] take the previous secret until its date and no longer', async () => {
    let now = NOW;
    const by = new TokenVerifier({
      jwtSecret: SECRET,
      jwtPreviousSecret: OTHER_SECRET,
      jwtPreviousUntil: new Date(NOW + 1_000),
      clock: () => now,
    });
    const old = await sign({ sub: '42' }, OTHER_SECRET);
    await expect(by.verify(old)).resolves.toBeDefined();
    now = NOW + 999;
    await expect(by.verify(old)).resolves.toBeDefined();
    now = NOW + 1_000;
    await expectRefused(old, 'auth.token_invalid', by);
    await expect(by.verify(await sign({ sub: '42' }))).resolves.toBeDefined();
  });

  it('[A1] never take a previous secret without a date', async () => {
    const by = new TokenVerifier({ jwtSecret: SECRET, jwtPreviousSecret: OTHER_SECRET, clock });
    await expectRefused(await sign({ sub: '42' }, OTHER_SECRET), 'auth.token_invalid', by);
  });
});

describe('claims', () => {
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

  it.each<[string, unknown, string]>([
    ['no user', undefined, 'sub'],
    ['an empty user', '', 'sub'],
    ['a number as user', 42, 'sub'],
    ['null as user', null, 'sub'],
    ['a user of 129 characters', 'x'.repeat(129), 'sub'],
    ['a line break in the user', 'a\nb', 'sub'],
    ['a NUL in the user', 'a\u0000', 'sub'],
    ['half a surrogate pair in the user', 'a\ud800', 'sub'],
    ['info of more than 1 KiB', 'x'.repeat(1_023), 'info'],
    ['info of more than 1 KiB in UTF-8', 'é'.repeat(512), 'info'],
    ['info nested too deeply', nested(65), 'info'],
    ['info nested much too deeply', nested(2_500), 'info'],
    ['caps that are no list', { room: 'a', allow: [] }, 'caps'],
    ['caps without room', [{ allow: ['join'] }], 'caps.0.room'],
    ['caps without allow', [{ room: 'a' }], 'caps.0.allow'],
    ['caps with an unknown action', [{ room: 'a', allow: ['join', 'admin'] }], 'caps.0.allow.1'],
    [
      'caps with a star inside',
      [
        { room: 'ok', allow: [] },
        { room: 'a*b', allow: ['join'] },
      ],
      'caps.1.room',
    ],
    ['an empty jti', '', 'jti'],
    ['a number as jti', 1, 'jti'],
  ])('[A2] are refused with %s, by name', async (_, value, path) => {
    const claim = path.split('.')[0]!;
    const failure = await expectRefused(
      forge({ alg: 'HS256' }, { sub: '42', [claim]: value }),
      'auth.token_invalid',
    );
    expect(failure.errors).toEqual([{ path, message: expect.stringMatching(/^expected /) }]);
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['a text of 1,022 bytes', 'x'.repeat(1_022)],
    ['a number', 0],
    ['a list', nested(64)],
    ['keys that mean something elsewhere', JSON.parse('{"__proto__":{"x":1},"constructor":1}')],
  ])('[R2] may hold %s as info', async (_, info) => {
    const verified = await verifier.verify(forge({ alg: 'HS256' }, { sub: '42', info }));
    expect(JSON.stringify(verified.info)).toBe(JSON.stringify(info));
    expect(verified).not.toHaveProperty('x');
  });

  it.each(['42', 'user@example.com', 'José', '名前', '🙂', ' ', '*', '{user}', '__proto__', '<script>'])(
    '[A1] may name the user %j',
    async (sub) => {
      await expect(verifier.verify(forge({ alg: 'HS256' }, { sub }))).resolves.toMatchObject({ user: sub });
    },
  );
});

describe('a room token', () => {
  const roomToken = { sub: '42', room: 'chat:1', allow: ['join', 'emit'], exp: NOW_S + 60, jti: 'r' };

  it('[A2] grants its actions in its room to its user', async () => {
    const verified = await verifier.verifyRoomToken(await sign(roomToken), '42', 'chat:1');
    expect(verified).toEqual({
      room: 'chat:1',
      allow: new Set(['join', 'emit']),
      expiresAt: NOW + 60_000,
      jti: 'r',
    });
  });

  it('[A2] is of no use to another user or for another room', async () => {
    const token = await sign(roomToken);
    for (const [user, room] of [
      ['43', 'chat:1'],
      ['42', 'chat:10'],
      ['42', 'chat:'],
      ['42', 'Chat:1'],
    ] as const) {
      expect((await failureOf(verifier.verifyRoomToken(token, user, room))).code).toBe('access.denied');
    }
  });

  it('[A2] names one room, never a pattern', async () => {
    for (const room of ['*', 'chat:*', '{user}', '', 'a b', null, ['chat:1']]) {
      const token = forge({ alg: 'HS256' }, { ...roomToken, room });
      expect((await failureOf(verifier.verifyRoomToken(token, '42', 'chat:1'))).code).toBe(
        'auth.token_invalid',
      );
    }
  });

  it('[A2] is checked like any token', async () => {
    const refusal = async (token: string | undefined, by = verifier) =>
      (await failureOf(by.verifyRoomToken(token, '42', 'chat:1'))).code;
    expect(await refusal(undefined)).toBe('auth.token_missing');
    expect(await refusal(await sign(roomToken, OTHER_SECRET))).toBe('auth.token_invalid');
    expect(await refusal(await sign({ ...roomToken, exp: NOW_S - 60 }))).toBe('auth.token_expired');
    expect(await refusal(await sign({ ...roomToken, nbf: NOW_S + 60 }))).toBe('auth.token_invalid');
    expect(await refusal(await sign({ ...roomToken, allow: ['everything'] }))).toBe('auth.token_invalid');
    expect(await refusal(await sign({ ...roomToken, allow: undefined }))).toBe('auth.token_invalid');
    const withAudience = new TokenVerifier({ jwtSecret: SECRET, jwtAudience: 'chat', clock });
    expect(await refusal(await sign(roomToken), withAudience)).toBe('auth.token_invalid');
  });

  it('[A2] does not connect, and a connect token is no room token', async () => {
    await expectRefused(await sign(roomToken), 'auth.token_invalid');
    for (const room of [null, '', 'chat:1', {}]) {
      const token = forge({ alg: 'HS256' }, { sub: '42', caps: [], room });
      const failure = await expectRefused(token, 'auth.token_invalid');
      expect(failure.errors).toEqual([{ path: 'room', message: 'a room token does not connect' }]);
    }
    const connect = await sign({ sub: '42', caps: [{ room: 'chat:1', allow: ['join'] }] });
    expect((await failureOf(verifier.verifyRoomToken(connect, '42', 'chat:1'))).code).toBe(
      'auth.token_invalid',
    );
  });
});
