import { decodeJwt } from 'jose';
import { signDevelopmentToken } from './dev-tools.js';
import { TokenVerifier } from './tokens/token-verifier.js';

const SECRET = 'a secret of at least thirty-two bytes';
const NOW = 1_800_000_000_000;
const clock = (): number => NOW;

describe('a development token', () => {
  it('[A1] is one that the gateway accepts', async () => {
    const token = await signDevelopmentToken({
      secret: SECRET,
      user: 'ada',
      caps: [{ room: 'chat:*', allow: ['join', 'emit'] }],
      info: { name: 'Ada' },
      ttlMs: 60_000,
      issuer: 'https://issuer.example',
      audience: 'chat',
      clock,
    });
    const verifier = new TokenVerifier({
      jwtSecret: SECRET,
      jwtIssuer: 'https://issuer.example',
      jwtAudience: 'chat',
      clock,
    });
    const verified = await verifier.verify(token);
    expect(verified).toMatchObject({
      user: 'ada',
      info: { name: 'Ada' },
      expiresAt: NOW + 60_000,
      issuedAt: NOW / 1000,
    });
    expect(verified.caps.allows('emit', 'chat:1')).toBe(true);
    expect(verified.caps.allows('history', 'chat:1')).toBe(false);
  });

  it('[A2] allows nothing and lasts an hour unless told otherwise', async () => {
    const token = await signDevelopmentToken({ secret: SECRET, user: 'ada', clock });
    expect(decodeJwt(token)).toEqual({ sub: 'ada', caps: [], iat: NOW / 1000, exp: NOW / 1000 + 3_600 });
  });

  it.each([
    [{ user: '' }, 'sub'],
    [{ user: 'a\nb' }, 'sub'],
    [{ user: 'ada', info: 'x'.repeat(2_000) }, 'info'],
    [{ user: 'ada', caps: [{ room: 'a*b', allow: ['join' as const] }] }, 'caps.0.room'],
  ])('[A2] is not signed when the gateway would refuse it: %j', async (options, path) => {
    await expect(signDevelopmentToken({ secret: SECRET, clock, ...options })).rejects.toMatchObject({
      code: 'auth.token_invalid',
      errors: [{ path }],
    });
  });
});
