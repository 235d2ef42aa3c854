import { jest } from '@jest/globals';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT, type JWK, type JWTPayload } from 'jose';
import { TokenVerifier } from './token-verifier.js';

/** A key server that can be told what to answer and counts how often it was asked. */
class KeyServer {
  keys: JWK[] = [];
  /** `hang` takes the request and never answers. */
  mood: 'well' | 'failing' | 'garbage' | 'hang' = 'well';
  requests = 0;
  private readonly server: Server = createServer((_, response) => {
    this.requests++;
    if (this.mood === 'hang') return;
    response.statusCode = this.mood === 'failing' ? 500 : 200;
    response.end(this.mood === 'garbage' ? '{"keys":1}' : JSON.stringify({ keys: this.keys }));
  });

  async start(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/jwks`;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }
}

const first = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const second = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

const jwk = async (key: KeyObject, kid?: string): Promise<JWK> => ({ ...(await exportJWK(key)), kid });

const sign = (
  key: KeyObject,
  header: { alg: string; kid?: string } = { alg: 'ES256', kid: 'first' },
  claims: JWTPayload = {},
) => new SignJWT(claims).setSubject('42').setProtectedHeader(header).sign(key);

describe('keys from a JWKS URL', () => {
  const server = new KeyServer();
  let url: string;
  let now = 1_800_000_000_000;
  const clock = (): number => now;

  beforeAll(async () => {
    url = await server.start();
  });
  beforeEach(async () => {
    server.keys = [await jwk(first.publicKey, 'first')];
    server.mood = 'well';
    server.requests = 0;
  });
  afterAll(() => server.stop());

  const unavailable = expect.objectContaining({
    code: 'engine.unavailable',
    message: 'the keys to check the token cannot be fetched',
    retryable: true,
  });
  const tooEarly = expect.objectContaining({
    code: 'engine.unavailable',
    message: 'the key that made the token is not known yet',
    retryable: true,
    retryAfterMs: 30_000,
  });
  const invalid = expect.objectContaining({ code: 'auth.token_invalid' });

  it('[A1] are fetched once for many tokens', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    const token = await sign(first.privateKey);
    await Promise.all(Array.from({ length: 10 }, () => verifier.verify(token)));
    await expect(verifier.verify(token)).resolves.toMatchObject({ user: '42' });
    expect(server.requests).toBe(1);
  });

  it('[A1] refuse a token that another key signed, and one with an unknown key ID', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    await expect(verifier.verify(await sign(second.privateKey))).rejects.toEqual(invalid);
    const unknown = await sign(second.privateKey, { alg: 'ES256', kid: 'unknown' });
    await expect(verifier.verify(unknown)).rejects.toEqual(tooEarly);
    await expect(verifier.verify(unknown)).rejects.toEqual(tooEarly);
    expect(server.requests).toBe(1); // unknown key IDs cannot drive requests to the server
  });

  it('[A11] that are newer than the set let their tokens in once it may be asked for again', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    await verifier.verify(await sign(first.privateKey));
    server.keys = [await jwk(second.publicKey, 'second')];
    for (const header of [{ alg: 'ES256', kid: 'second' }, { alg: 'ES256' }]) {
      const rotated = await sign(second.privateKey, header);
      await expect(verifier.verify(rotated)).rejects.toEqual(tooEarly);
    }
    now += 30_000;
    const rotated = await sign(second.privateKey, { alg: 'ES256' });
    await expect(verifier.verify(rotated)).resolves.toMatchObject({ user: '42' });
    expect(server.requests).toBe(2);
  });

  it('[L10] tell a token of an unknown key from one that the named key did not make', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    const issuedAt = Math.floor(now / 1000) - 600;
    const whyNot = async (kid: string): Promise<unknown> =>
      verifier
        .verify(await sign(second.privateKey, { alg: 'ES256', kid }, { iat: issuedAt }))
        .catch(({ cause }: { cause?: Error }) => cause?.message);
    expect(await whyNot('unknown')).toMatch(/^unknown kid/);
    expect(await whyNot('first')).toBe('its signature was not made by the key it names');
  });

  it('[A11] are no reason to wait for a token that was issued before they were fetched', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    await verifier.verify(await sign(first.privateKey));
    const iat = Math.floor(now / 1000) - 120;
    for (const header of [{ alg: 'ES256', kid: 'unknown' }, { alg: 'ES256' }]) {
      const old = await sign(second.privateKey, header, { iat });
      await expect(verifier.verify(old)).rejects.toEqual(invalid);
    }
    expect(server.requests).toBe(1);
  });

  it('[A11] that no key made is said for good once the keys were fetched for it', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    await verifier.verify(await sign(first.privateKey));
    now += 30_000;
    const unknown = await sign(second.privateKey, { alg: 'ES256', kid: 'unknown' });
    await expect(verifier.verify(unknown)).rejects.toEqual(invalid);
    expect(server.requests).toBe(2);
  });

  it.each([-3_600_000, 3_600_000])(
    '[A11] are fetched in time when the wall clock steps by %d ms',
    async (stepMs) => {
      const options = { cooldownMs: 0, maxAgeMs: 600_000 };
      const verifier = new TokenVerifier({ jwksUrl: url, jwks: options });
      await verifier.verify(await sign(first.privateKey));
      const wallNow = Date.now.bind(Date);
      const stepped = jest.spyOn(Date, 'now').mockImplementation(() => wallNow() + stepMs);
      try {
        await verifier.verify(await sign(first.privateKey));
        expect(server.requests).toBe(1);
        server.keys = [await jwk(second.publicKey, 'second')];
        const rotated = await sign(second.privateKey, { alg: 'ES256', kid: 'second' });
        await expect(verifier.verify(rotated)).resolves.toMatchObject({ user: '42' });
      } finally {
        stepped.mockRestore();
      }
    },
  );

  it('[A1] are fetched again when a token names a new one', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock, jwks: { cooldownMs: 0 } });
    await verifier.verify(await sign(first.privateKey));
    server.keys = [await jwk(second.publicKey, 'second')];
    const token = await sign(second.privateKey, { alg: 'ES256', kid: 'second' });
    await expect(verifier.verify(token)).resolves.toMatchObject({ user: '42' });
    await expect(verifier.verify(await sign(first.privateKey))).rejects.toEqual(invalid);
  });

  it('[A1] are all tried when a token names none', async () => {
    server.keys = [await jwk(first.publicKey), await jwk(second.publicKey), await jwk(rsa.publicKey)];
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    for (const { privateKey } of [first, second]) {
      await expect(verifier.verify(await sign(privateKey, { alg: 'ES256' }))).resolves.toMatchObject({
        user: '42',
      });
    }
    const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await expect(verifier.verify(await sign(stranger.privateKey, { alg: 'ES256' }))).rejects.toEqual(
      tooEarly,
    );
  });

  it('[A1] never serve as secrets, also when the set holds a symmetric one', async () => {
    const secret = Buffer.from('a secret of at least thirty-two bytes');
    server.keys = [{ kty: 'oct', kid: 'first', alg: 'HS256', k: secret.toString('base64url') }];
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    const token = await new SignJWT({})
      .setSubject('42')
      .setProtectedHeader({ alg: 'HS256', kid: 'first' })
      .sign(secret);
    await expect(verifier.verify(token)).rejects.toEqual(invalid);
    expect(server.requests).toBe(0);
  });

  it('[A1] stand beside a PEM key and a secret, each for its own algorithms', async () => {
    const verifier = new TokenVerifier({
      jwksUrl: url,
      jwtPublicKey: second.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      jwtSecret: 'a secret of at least thirty-two bytes',
      clock,
    });
    await expect(verifier.verify(await sign(second.privateKey))).resolves.toMatchObject({ user: '42' });
    expect(server.requests).toBe(0);
    await expect(verifier.verify(await sign(first.privateKey))).resolves.toMatchObject({ user: '42' });
    expect(server.requests).toBe(1);
  });

  it.each(['failing', 'garbage', 'hang'] as const)(
    '[A1] that a %s server does not hand out are not the fault of the token',
    async (mood) => {
      server.mood = mood;
      const verifier = new TokenVerifier({ jwksUrl: url, clock, jwks: { timeoutMs: 50 } });
      await expect(verifier.verify(await sign(first.privateKey))).rejects.toEqual(unavailable);
    },
  );

  it('[A1] are not asked for again and again while the server is down', async () => {
    server.mood = 'failing';
    const verifier = new TokenVerifier({ jwksUrl: url, clock, jwks: { retryMs: 5_000 } });
    const token = await sign(first.privateKey);
    for (let attempt = 0; attempt < 5; attempt++)
      await expect(verifier.verify(token)).rejects.toEqual(unavailable);
    expect(server.requests).toBe(1);
    server.mood = 'well';
    now += 4_999;
    await expect(verifier.verify(token)).rejects.toEqual(unavailable);
    now += 1;
    await expect(verifier.verify(token)).resolves.toMatchObject({ user: '42' });
    expect(server.requests).toBe(2);
  });

  it('[A1] keep working through an outage, also when they should be fetched anew', async () => {
    const verifier = new TokenVerifier({ jwksUrl: url, clock, jwks: { maxAgeMs: 0, retryMs: 5_000 } });
    const token = await sign(first.privateKey);
    const newer = await sign(second.privateKey, { alg: 'ES256', kid: 'second' });
    await verifier.verify(token);
    server.mood = 'failing';
    await expect(verifier.verify(token)).resolves.toMatchObject({ user: '42' });
    await expect(verifier.verify(token)).resolves.toMatchObject({ user: '42' });
    expect(server.requests).toBe(2);
    await expect(verifier.verify(newer)).rejects.toEqual(unavailable); // its key may exist by now
    await expect(verifier.verify(await sign(second.privateKey))).rejects.toEqual(invalid);

    server.mood = 'well';
    server.keys = [await jwk(second.publicKey, 'second')];
    now += 5_000;
    await expect(verifier.verify(newer)).resolves.toMatchObject({ user: '42' });
    await expect(verifier.verify(token)).rejects.toEqual(invalid); // withdrawn meanwhile
  });

  it('[A1] show nothing of the token when they cannot be fetched', async () => {
    server.mood = 'failing';
    const verifier = new TokenVerifier({ jwksUrl: url, clock });
    const token = await sign(first.privateKey);
    const failure: unknown = await verifier.verify(token).catch((error: unknown) => error);
    expect(failure).toEqual(unavailable);
    const { inspect } = await import('node:util');
    const shown = inspect(failure, { depth: 10, showHidden: true });
    for (const segment of token.split('.')) expect(shown).not.toContain(segment);
  });
});
