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

/** The clocks that the key set goes by. */
export interface JwksClocks {
  /** Milliseconds since 1970, to compare with what issuers say. */
  readonly wall: () => number;
  /** Milliseconds that never go back. [A11] */
  readonly steady: () => number;
}

/** The keys as they were fetched last. */
interface KeySet {
  readonly find: ReturnType<typeof createLocalJWKSet>;
  /** By the steady clock. */
  readonly fetchedAt: number;
}

/** How far the clocks of the gateway and of the issuer may be apart where it is asked which of two things was first. */
const CLOCK_SLACK_MS = 60_000;

/** Never by itself: when to ask the server is decided here, by a clock that nobody sets. */
const NEVER_BY_ITSELF = { cacheMaxAge: Infinity, cooldownDuration: Infinity };

/**
 * A key set that outlives its server.
 *
 * Keys that were fetched once keep working until the server answers again, and failed requests are spaced by `retryMs`.
 * A token that none of the keys made may have been made by a newer one: when it is too early to ask the server again, that
 * cannot be known yet, and is no answer for good. [A11]
 */
export class JwksKeys {
  private readonly remote: RemoteJWKSet;
  private readonly maxAgeMs: number;
  private readonly cooldownMs: number;
  private readonly retryMs: number;
  private set: KeySet | undefined;
  private fetching: Promise<void> | undefined;
  /** How many requests were begun. */
  private requests = 0;
  /** While set, the server counts as down until then. */
  private outage: { readonly retryAt: number; readonly cause: unknown } | undefined;

  constructor(
    url: string,
    private readonly clocks: JwksClocks,
    { timeoutMs = 5_000, maxAgeMs = 600_000, cooldownMs = 30_000, retryMs = 5_000 }: JwksOptions = {},
  ) {
    this.remote = createRemoteJWKSet(new URL(url), { timeoutDuration: timeoutMs, ...NEVER_BY_ITSELF });
    this.maxAgeMs = maxAgeMs;
    this.cooldownMs = cooldownMs;
    this.retryMs = retryMs;
  }

  /** What {@link isRenewedSince} is told: a token that is looked at from now on. */
  get mark(): number {
    return this.requests;
  }

  /**
   * The key that a token's header names.
   * @throws SwitchboardError `engine.unavailable` when it takes a key that cannot be fetched now
   * @throws errors.JWKSNoMatchingKey when the set holds no such key
   */
  async find(header: CompactJWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const mark = this.mark;
    if (this.ageMs >= this.maxAgeMs) await this.fetch();
    if (this.set === undefined) throw this.unknown();
    try {
      return await this.set.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      if (!(await this.isRenewedSince(mark, token))) throw error;
      return this.set.find(header, token);
    }
  }

  /**
   * For a token that no key of the set made: whether the set is another one since, so that it is to be tried again.
   *
   * @returns `false` when the set is newer than the token, or was fetched for it: no key of the issuer made it
   * @throws SwitchboardError `engine.unavailable` when it is too early to say
   */
  async isRenewedSince(mark: number, { payload }: Pick<FlattenedJWSInput, 'payload'>): Promise<boolean> {
    if (this.outage === undefined && this.requests !== mark) return false;
    const { ageMs } = this;
    if (this.ageOf(payload) > ageMs + CLOCK_SLACK_MS) return false;
    if (ageMs < this.cooldownMs) {
      throw this.unknown(this.outage === undefined ? this.cooldownMs - ageMs : undefined);
    }
    await this.fetch();
    if (this.outage !== undefined) throw this.unknown();
    return true;
  }

  private get ageMs(): number {
    return this.set === undefined ? Infinity : this.clocks.steady() - this.set.fetchedAt;
  }

  /** How long ago a token was issued, in its own words; 0 when it does not say. */
  private ageOf(payload: string | Uint8Array): number {
    try {
      const { iat } = JSON.parse(Buffer.from(String(payload), 'base64url').toString()) as { iat?: unknown };
      return typeof iat === 'number' ? this.clocks.wall() - iat * 1000 : 0;
    } catch {
      return 0;
    }
  }

  /** Asks the server unless it counts as down. Never rejects: keys that were fetched before go on. */
  private fetch(): Promise<void> {
    if (this.outage !== undefined && this.clocks.steady() < this.outage.retryAt) return Promise.resolve();
    this.fetching ??= this.fetchOnce().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetchOnce(): Promise<void> {
    this.requests++;
    try {
      await this.remote.reload();
      this.set = { find: createLocalJWKSet(this.remote.jwks()!), fetchedAt: this.clocks.steady() };
      this.outage = undefined;
    } catch (cause) {
      this.outage = { retryAt: this.clocks.steady() + this.retryMs, cause };
    }
  }

  /** A key that is not among those fetched before may exist on the server: that is no fault of the token. */
  private unknown(waitMs?: number): SwitchboardError {
    const untilRetryMs = this.outage === undefined ? 0 : this.outage.retryAt - this.clocks.steady();
    return new SwitchboardError('engine.unavailable', {
      message:
        waitMs === undefined
          ? 'the keys to check the token cannot be fetched'
          : 'the key that made the token is not known yet',
      retryAfterMs: Math.max(Math.ceil(waitMs ?? untilRetryMs), 1),
      cause: this.outage?.cause,
    });
  }
}
