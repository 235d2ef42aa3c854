/** Tokens as a backend would sign them, and some that only a forger would. */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT, type JWTPayload } from 'jose';
import type { TestClient } from 'switchboard-gateway/testing';

export const SECRET = 'the secret of a gateway under test';
export const OTHER_SECRET = 'a secret that no gateway was told of';

/** Claims of a connect token; `sub` is given separately nowhere, so that a test shows it. */
export interface Claims extends JWTPayload {
  readonly caps?: readonly { readonly room: string; readonly allow: readonly string[] }[];
  readonly info?: unknown;
  readonly room?: string;
  readonly allow?: readonly string[];
}

/** How a token is signed. */
export interface Signing {
  readonly alg?: string;
  readonly key?: KeyObject | string;
  readonly kid?: string;
}

/** Seconds since 1970, as in `exp`; fractions are kept, so that a token can end soon. */
export const inSeconds = (seconds: number): number => Date.now() / 1000 + seconds;

export const sign = (claims: Claims, { alg = 'HS256', key = SECRET, kid }: Signing = {}): Promise<string> =>
  new SignJWT(claims as JWTPayload)
    .setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) })
    .sign(typeof key === 'string' ? Buffer.from(key) : key);

/** A token with a header as given, whatever it says; signed with HMAC unless the signature is given. */
export function forge(header: object, claims: object, signature?: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signature ?? createHmac('sha256', SECRET).update(input).digest('base64url')}`;
}

export const rsaKeyPair = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('rsa', { modulusLength: 2048 });

export const pemOf = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }).toString();

/** Everything a client may do in the rooms of this pattern. */
export const everythingIn = (room: string): { room: string; allow: string[] } => ({
  room,
  allow: ['join', 'emit', 'presence', 'history'],
});

/** What a refused client was told: 2.x gets it in `error`, later versions as `data` of `connect_error`. */
export async function refusalOf(client: TestClient): Promise<Record<string, unknown>> {
  if (client.version === 2) return (await client.next('error'))[0] as Record<string, unknown>;
  const [error] = (await client.next('connect_error')) as [Error & { data?: unknown }];
  if (typeof error.data !== 'object') throw error;
  return error.data as Record<string, unknown>;
}

/** What becomes of a client that has just been opened: `in`, or the code it was refused with. */
export const outcomeOf = (client: TestClient): Promise<string> =>
  new Promise((resolve) => {
    client.socket.on('connect', () => resolve('in'));
    client.socket.on(client.version === 2 ? 'error' : 'connect_error', (refusal) => {
      const { data = refusal } = refusal as { data?: unknown };
      resolve((data as { code?: string }).code ?? 'no code');
    });
  });
