/** Public keys from a JWKS URL, kept through an outage of the server that hands them out. [A1] */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type CompactJWSHeaderParameters,
  type CryptoKey,
  type FlattenedJWSInput,
  type RemoteJWKSet,
} from 'jose';
import { SwitchboardError } from '../../protocol/errors.js';

/** Times of the key cache, in milliseconds. */
export interface JwksOptions {
  /** A request for the keys takes at most this long; default 5,000. */
  readonly timeoutMs?: number;
  /** Keys are fetched anew after this long; default 600,000. A withdrawn key is trusted no longer than that. */
  readonly maxAgeMs?: number;
  /** An unknown key ID leads to at most one request in this time; default 30,000. */
  readonly cooldownMs?: number;
  /** After a failed request no other is tried for this long; default 5,000. */
  readonly retryMs?: number;
}

type LocalJwks = ReturnType<typeof createLocalJWKSet>;

/** Failures that are about the token, not about reaching the server. */
const isAboutToken = (error: unknown): boolean =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported;

/**
 * A key set that outlives its server.
 *
 * `jose` refuses every token once its cache is older than `maxAgeMs` and the server is down, and asks the
 * server again for each token that arrives, each waiting for the time-out. Here keys that were fetched once keep
 * working until the server answers again, and failed requests are spaced by `retryMs`.
 */
export class JwksKeys {
  private readonly remote: RemoteJWKSet;
  private readonly retryMs: number;
  /** While set, the server counts as down until then; `local` holds what was fetched before, if anything. */
  private outage?: { readonly retryAt: number; readonly local?: LocalJwks };

  constructor(
    url: string,
    private readonly clock: () => number,
    { timeoutMs = 5_000, maxAgeMs = 600_000, cooldownMs = 30_000, retryMs = 5_000 }: JwksOptions = {},
  ) {
    this.remote = createRemoteJWKSet(new URL(url), {
      timeoutDuration: timeoutMs,
      cacheMaxAge: maxAgeMs,
      cooldownDuration: cooldownMs,
    });
    this.retryMs = retryMs;
  }

  /**
   * The key that a token's header names.
   * @throws SwitchboardError `engine.unavailable` when it takes a key that cannot be fetched now
   * @throws errors.JWKSNoMatchingKey when the set holds no such key
   */
  async find(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    if (this.outage !== undefined && this.clock() < this.outage.retryAt) {
      return this.findFetched(this.outage.local, header, token);
    }
    try {
      const key = await this.remote(header, token);
      this.outage = undefined;
      return key;
    } catch (error) {
      if (isAboutToken(error)) throw error;
      const fetched = this.remote.jwks();
      const local = fetched && createLocalJWKSet(fetched);
      this.outage = { retryAt: this.clock() + this.retryMs, local };
      return this.findFetched(local, header, token, error);
    }
  }

  /** A key that is not among those fetched before may exist on the server: that is no fault of the token. */
  private async findFetched(
    local: LocalJwks | undefined,
    header: CompactJWSHeaderParameters,
    token: FlattenedJWSInput,
    cause?: unknown,
  ): Promise<CryptoKey> {
    try {
      if (local) return await local(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    throw new SwitchboardError('engine.unavailable', {
      message: 'the keys to check the token cannot be fetched',
      cause,
    });
  }
}
