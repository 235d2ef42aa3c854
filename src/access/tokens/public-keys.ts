/** Signatures that are checked with public keys: a PEM, a JWKS URL, or both. [A1] */
import { createPublicKey, type KeyObject } from 'node:crypto';
import type { CryptoKey } from 'jose';
import { SwitchboardError } from '../../protocol/errors.js';
import type { JwksClocks, JwksKeys, JwksOptions } from './jwks-keys.js';

/** Loaded with the first token that a public key signed: a gateway with a secret, or none, never needs it. */
const jose = () => import('jose');

const CURVE_ALGORITHMS: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['prime256v1', ['ES256']],
  ['secp384r1', ['ES384']],
  ['secp521r1', ['ES512']],
]);
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const ED25519_ALGORITHMS = ['EdDSA', 'Ed25519'];
const ALGORITHMS: ReadonlySet<string> = new Set([
  ...RSA_ALGORITHMS,
  ...[...CURVE_ALGORITHMS.values()].flat(),
  ...ED25519_ALGORITHMS,
]);

/** Whether an `alg` is one that a public key checks. */
export const isPublicKeyAlgorithm = (algorithm: string): boolean => ALGORITHMS.has(algorithm);

/** The algorithms that a key of this kind checks: what the token claims never picks the kind of key. */
function algorithmsOf(key: KeyObject): ReadonlySet<string> {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return new Set(RSA_ALGORITHMS);
    case 'ec':
      return new Set(CURVE_ALGORITHMS.get(key.asymmetricKeyDetails?.namedCurve));
    case 'ed25519':
      return new Set(ED25519_ALGORITHMS);
    default:
      throw new TypeError('the JWT public key is of a kind that signs no tokens');
  }
}

/** Where the public keys come from. */
export interface PublicKeyOptions {
  /** PEM (SPKI). */
  readonly jwtPublicKey?: string;
  readonly jwksUrl?: string;
  readonly jwks?: JwksOptions;
}

/** The configured public keys, imported once. */
export class PublicKeys {
  private readonly pem?: { readonly key: KeyObject; readonly algorithms: ReadonlySet<string> };
  private jwks?: Promise<JwksKeys>;

  /** @throws TypeError when the PEM cannot be used */
  constructor(
    private readonly options: PublicKeyOptions,
    private readonly clocks: JwksClocks,
  ) {
    if (options.jwtPublicKey) {
      const key = createPublicKey(options.jwtPublicKey);
      this.pem = { key, algorithms: algorithmsOf(key) };
    }
  }

  /**
   * Checks the signature of a token in compact form.
   * @returns what is wrong with it, without any text of the token; `undefined` when it is genuine
   * @throws SwitchboardError `engine.unavailable` when it takes a key that cannot be fetched now
   */
  async problemOf(token: string, algorithm: string): Promise<string | undefined> {
    const { compactVerify } = await jose();
    const algorithms = [algorithm];
    let problem: string | undefined = 'no public key is configured for its algorithm';
    if (this.pem?.algorithms.has(algorithm)) {
      const { key } = this.pem;
      problem = await problemWith(() => compactVerify(token, key, { algorithms }));
    }
    const { jwksUrl } = this.options;
    if (problem === undefined || !jwksUrl) return problem;
    this.jwks ??= this.openKeySet(jwksUrl);
    return this.problemWithNewest(await this.jwks, token, algorithms);
  }

  private async openKeySet(url: string): Promise<JwksKeys> {
    const { JwksKeys } = await import('./jwks-keys.js');
    return new JwksKeys(url, this.clocks, this.options.jwks);
  }

  /** A token that names no key may have been made by one that is newer than the set. [A11] */
  private async problemWithNewest(
    jwks: JwksKeys,
    token: string,
    algorithms: string[],
  ): Promise<string | undefined> {
    const { mark } = jwks;
    const problem = await this.problemWithKeySet(jwks, token, algorithms);
    const { decodeProtectedHeader } = await jose();
    if (problem === undefined || decodeProtectedHeader(token).kid !== undefined) return problem;
    if (!(await jwks.isRenewedSince(mark, { payload: token.split('.')[1]! }))) return problem;
    return this.problemWithKeySet(jwks, token, algorithms);
  }

  private async problemWithKeySet(
    jwks: JwksKeys,
    token: string,
    algorithms: string[],
  ): Promise<string | undefined> {
    const { compactVerify, errors } = await jose();
    let candidates: AsyncIterable<CryptoKey> | undefined;
    const problem = await problemWith(async () => {
      try {
        await compactVerify(token, (header, input) => jwks.find(header, input), { algorithms });
      } catch (error) {
        if (error instanceof errors.JWKSMultipleMatchingKeys) candidates = error;
        throw error;
      }
    });
    if (candidates === undefined) return problem;

    // The token names no key ID: any key of its kind may be the one.
    for await (const key of candidates) {
      if ((await problemWith(() => compactVerify(token, key, { algorithms }))) === undefined)
        return undefined;
    }
    return 'no key of the key set made its signature';
  }
}

/** Codes of `jose` in words, for the line of a refusal. [L10] */
const IN_WORDS: Readonly<Record<string, string>> = {
  ERR_JWKS_NO_MATCHING_KEY: 'unknown kid, or no key of its kind in the key set',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature was not made by the key it names',
};

/** What `jose` says is about keys and algorithms; its code is enough and holds nothing of the token. */
async function problemWith(verify: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await verify();
    return undefined;
  } catch (error) {
    if (error instanceof SwitchboardError) throw error;
    const { errors } = await jose();
    return error instanceof errors.JOSEError
      ? (IN_WORDS[error.code] ?? error.code)
      : 'its key cannot be used';
  }
}
