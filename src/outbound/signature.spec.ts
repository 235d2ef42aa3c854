import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { parseSigningSecret } from '../config/signing-secret.js';
import { signatureHeaders } from './signature.js';

const secretOf = (bytes: number): string => `whsec_${randomBytes(bytes).toString('base64')}`;
const BODY = '{"type":"user.online","data":{"user":"ü"}}';

const headersOf = (...secrets: readonly string[]): Record<string, string> => ({
  ...signatureHeaders(
    'msg_1',
    BODY,
    secrets.map((secret) => parseSigningSecret(secret)!),
  ),
});

describe('signatures', () => {
  it.each([24, 32, 64])('[W1] of a secret of %d bytes verify with standardwebhooks and svix', (bytes) => {
    const secret = secretOf(bytes);
    expect(new Webhook(secret).verify(BODY, headersOf(secret))).toEqual(JSON.parse(BODY));
    expect(new SvixWebhook(secret).verify(BODY, headersOf(secret))).toEqual(JSON.parse(BODY));
  });

  it('[W1] verify with either secret while two rotate, and with no other', () => {
    const [old, next, other] = [secretOf(24), secretOf(24), secretOf(24)] as const;
    const headers = headersOf(next, old);
    for (const secret of [old, next]) {
      expect(new Webhook(secret).verify(BODY, headers)).toBeDefined();
      expect(new SvixWebhook(secret).verify(BODY, headers)).toBeDefined();
    }
    expect(() => new Webhook(other).verify(BODY, headers)).toThrow();
    expect(() => new Webhook(old).verify(`${BODY} `, headers)).toThrow();
  });

  it('[W1] are left out where there is no secret', () => {
    expect(Object.keys(headersOf())).toEqual(['webhook-id', 'webhook-timestamp']);
  });

  it.each(['', 'whsec_', secretOf(23), secretOf(65), 'whsec_!!!!', randomBytes(32).toString('base64')])(
    '[W1] cannot be made with %j',
    (text) => expect(parseSigningSecret(text)).toBeUndefined(),
  );
});
