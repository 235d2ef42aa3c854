/**
 * HMAC signatures, checked in the same turn of the event loop. [A1]
 *
 * `jose` goes through WebCrypto, whose thread-pool round trip costs about 40 µs of CPU per token where
 * `node:crypto` takes 4 µs; most gateways sign with a secret, and a token is checked on every connect.
 */
import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';

const HASHES: ReadonlyMap<string, string> = new Map([
  ['HS256', 'sha256'],
  ['HS384', 'sha384'],
  ['HS512', 'sha512'],
]);

/** Whether an `alg` is one that a shared secret checks. */
export const isSecretAlgorithm = (algorithm: string): boolean => HASHES.has(algorithm);

/** The configured secrets. */
export interface SecretKeyOptions {
  readonly jwtSecret?: string;
  /** The secret before the current one; without {@link jwtPreviousUntil} it is never accepted. */
  readonly jwtPreviousSecret?: string;
  readonly jwtPreviousUntil?: Date;
}

/**
 * A public key as HMAC secret would let everyone who can read it, which is everyone, sign tokens.
 * The text of the secret stays out of the error.
 */
function secretKey(secret: string): KeyObject {
  if (secret.includes('-----BEGIN')) {
    throw new TypeError('a PEM key cannot be a JWT secret: set it as the JWT public key');
  }
  return createSecretKey(secret, 'utf8');
}

/** The current secret and, until its date, the one before it. */
export class SecretKeys {
  private readonly current?: KeyObject;
  private readonly previous?: KeyObject;
  private readonly previousUntilMs: number;

  /** @throws TypeError when a secret is in fact a PEM key */
  constructor(
    options: SecretKeyOptions,
    private readonly clock: () => number,
  ) {
    if (options.jwtSecret) this.current = secretKey(options.jwtSecret);
    if (options.jwtPreviousSecret) this.previous = secretKey(options.jwtPreviousSecret);
    this.previousUntilMs = options.jwtPreviousUntil?.getTime() ?? -Infinity;
  }

  /** Whether the signature (base64url) over the input was made with a secret that is accepted now. */
  verify(algorithm: string, input: string, signature: string): boolean {
    const hash = HASHES.get(algorithm);
    if (hash === undefined) return false;
    if (this.current && isSignedBy(this.current, hash, input, signature)) return true;
    return (
      this.previous !== undefined &&
      this.clock() < this.previousUntilMs &&
      isSignedBy(this.previous, hash, input, signature)
    );
  }
}

/** Compares the text, not the decoded bytes: a second spelling of the same signature is refused. */
function isSignedBy(key: KeyObject, hash: string, input: string, signature: string): boolean {
  const expected = Buffer.from(createHmac(hash, key).update(input).digest('base64url'), 'latin1');
  const presented = Buffer.from(signature, 'latin1');
  return expected.length === presented.length && timingSafeEqual(expected, presented);
}
