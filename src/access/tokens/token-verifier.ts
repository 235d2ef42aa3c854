/** Checks the tokens that clients present. [A1] [A2] */
import { steadyNow } from '../../timers/steady-clock.js';
import { SwitchboardError } from '../../protocol/errors.js';
import {
  compileCapabilities,
  NO_CAPABILITIES,
  type CompiledCapabilities,
  type RoomAction,
} from '../../protocol/capabilities.js';
import { EventPatterns } from '../../protocol/event-patterns.js';
import { parseConnectClaims, parseRoomClaims, type ConnectClaims, type RoomClaims } from './claims.js';
import { isPublicKeyAlgorithm, PublicKeys, type PublicKeyOptions } from './public-keys.js';
import { isSecretAlgorithm, SecretKeys, type SecretKeyOptions } from './secret-keys.js';

/** Longer tokens are refused before anything of them is decoded. */
export const MAX_TOKEN_LENGTH = 8 * 1024;

/** How far the clocks of the gateway and of whoever signs may be apart. [A1] */
export const CLOCK_LEEWAY_MS = 5_000;

/** Where keys come from and what tokens must say; all optional, the names are those of the configuration. */
export interface TokenVerifierOptions extends SecretKeyOptions, PublicKeyOptions {
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly clock?: () => number;
}

/** What revocation and expiry need to know of a token of either kind. */
interface TokenLifetime {
  /** Milliseconds since 1970; may lie up to {@link CLOCK_LEEWAY_MS} in the past. Absent: it never expires. */
  readonly expiresAt?: number;
  /** `iat`, in seconds since 1970. */
  readonly issuedAt?: number;
  readonly jti?: string;
}

/** A connect token that is genuine and valid now. */
export interface VerifiedToken extends TokenLifetime {
  /** The `sub`. */
  readonly user: string;
  /** The `info` claim: a JSON value of at most 1 KiB, `null` when there is none. [R2] */
  readonly info: unknown;
  readonly caps: CompiledCapabilities;
}

/** A room token that is genuine, valid now, and meant for this user and room. [A2] */
export interface VerifiedRoomToken extends TokenLifetime {
  readonly room: string;
  readonly allow: ReadonlySet<RoomAction>;
  /** Which events `emit` is allowed for; all of them when not given. [D9] */
  readonly events?: EventPatterns | undefined;
}

/**
 * The reason is for the log only: told to the client it would help to forge. It never holds text of the token.
 */
const invalid = (reason: string): SwitchboardError =>
  new SwitchboardError('auth.token_invalid', { cause: new Error(reason) });

/** A token that becomes valid within this time is made by a clock that is off: its client waits and comes back. [L10] */
const MAX_CLOCK_DIFFERENCE_MS = 60_000;

function notYet(aheadMs: number): SwitchboardError {
  const cause = new Error(`not valid for ${Math.ceil(aheadMs / 1000)} s yet`);
  if (aheadMs > MAX_CLOCK_DIFFERENCE_MS) return new SwitchboardError('auth.token_invalid', { cause });
  const retryAfterMs = Math.ceil(aheadMs - CLOCK_LEEWAY_MS);
  return new SwitchboardError('auth.token_invalid', { cause, retryable: true, retryAfterMs });
}

const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** Whether it has the form of a token, valid or not. */
export const looksLikeToken = (text: string): boolean => COMPACT.test(text);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A part of a token as JSON object. What the parser says is dropped: it quotes the token. */
function decodeObject(part: string, what: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(Buffer.from(part, 'base64url')));
  } catch {
    throw invalid(`the ${what} is not JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`the ${what} is not an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/**
 * Verifies connect tokens and room tokens.
 *
 * The kind of key follows from the algorithm and from nothing else: HS* is checked with a secret, all others
 * with a public key, so a public key never serves as a secret. Keys are imported once.
 */
export class TokenVerifier {
  private readonly clock: () => number;
  private readonly secrets: SecretKeys;
  private readonly publicKeys: PublicKeys;

  /** @throws TypeError when a configured key cannot be used */
  constructor(private readonly options: TokenVerifierOptions) {
    this.clock = options.clock ?? Date.now;
    this.secrets = new SecretKeys(options, this.clock);
    this.publicKeys = new PublicKeys(options, { wall: this.clock, steady: options.clock ?? steadyNow });
  }

  /**
   * Verifies a connect token. Whether it was revoked is not asked here.
   * @throws SwitchboardError `auth.token_missing`, `auth.token_invalid` or `auth.token_expired`;
   *   `engine.unavailable` when the keys cannot be fetched
   */
  async verify(token: string | undefined): Promise<VerifiedToken> {
    const claims = parseConnectClaims(await this.signedPayload(token));
    this.checkStanding(claims);
    return {
      user: claims.sub,
      info: claims.info ?? null,
      caps: claims.caps === undefined ? NO_CAPABILITIES : compileCapabilities(claims.caps, claims.sub),
      ...lifetimeOf(claims),
    };
  }

  /**
   * Verifies a room token for the user who presents it and the room it is presented for.
   * @throws SwitchboardError as {@link verify} does; `access.denied` when it is another user's or room's
   */
  async verifyRoomToken(token: string | undefined, user: string, room: string): Promise<VerifiedRoomToken> {
    const claims = parseRoomClaims(await this.signedPayload(token));
    this.checkStanding(claims);
    if (claims.sub !== user) {
      throw new SwitchboardError('access.denied', { message: 'the room token is for another user' });
    }
    if (claims.room !== room) {
      throw new SwitchboardError('access.denied', { message: 'the room token is for another room' });
    }
    const events = claims.events && new EventPatterns(claims.events);
    return { room, allow: new Set(claims.allow), events, ...lifetimeOf(claims) };
  }

  /** The payload, once the signature is known to be good. */
  private async signedPayload(token: string | undefined): Promise<unknown> {
    if (token === undefined || token === '') throw new SwitchboardError('auth.token_missing');
    if (typeof token !== 'string') throw invalid('it is not text'); // straight from a client
    if (token.length > MAX_TOKEN_LENGTH) throw invalid('it is too long');
    if (!COMPACT.test(token)) throw invalid('it is not a signed JWT in compact form');

    const headerEnd = token.indexOf('.');
    const payloadEnd = token.lastIndexOf('.');
    const { alg, crit, b64 } = decodeObject(token.slice(0, headerEnd), 'header');
    // Extensions change what the signature means; none is known here.
    if (crit !== undefined || b64 !== undefined) throw invalid('it uses an extension (crit, b64)');

    if (typeof alg === 'string' && isSecretAlgorithm(alg)) {
      const isGenuine = this.secrets.verify(alg, token.slice(0, payloadEnd), token.slice(payloadEnd + 1));
      if (!isGenuine) throw invalid('no accepted secret made its signature');
    } else if (typeof alg === 'string' && isPublicKeyAlgorithm(alg)) {
      const problem = await this.publicKeys.problemOf(token, alg);
      if (problem !== undefined) throw invalid(problem);
    } else {
      throw invalid('its algorithm is not accepted');
    }
    return decodeObject(token.slice(headerEnd + 1, payloadEnd), 'payload');
  }

  /** Times, issuer and audience. */
  private checkStanding({ exp, nbf, iss, aud }: ConnectClaims | RoomClaims): void {
    const now = this.clock();
    const { jwtIssuer, jwtAudience } = this.options;
    if (jwtIssuer && iss !== jwtIssuer) throw invalid('its issuer is not the configured one');
    if (jwtAudience && !(Array.isArray(aud) ? aud.includes(jwtAudience) : aud === jwtAudience)) {
      throw invalid('its audience is not the configured one');
    }
    if (nbf !== undefined && nbf * 1000 > now + CLOCK_LEEWAY_MS) throw notYet(nbf * 1000 - now);
    if (exp !== undefined && exp * 1000 <= now - CLOCK_LEEWAY_MS) {
      const cause = new Error(`expired ${Math.floor((now - exp * 1000) / 1000)} s ago`);
      throw new SwitchboardError('auth.token_expired', { cause });
    }
  }
}

function lifetimeOf({ exp, iat, jti }: ConnectClaims | RoomClaims): TokenLifetime {
  return {
    ...(exp === undefined ? {} : { expiresAt: exp * 1000 }),
    ...(iat === undefined ? {} : { issuedAt: iat }),
    ...(jti === undefined ? {} : { jti }),
  };
}
