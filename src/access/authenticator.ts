import { Inject, Injectable, Optional } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { SwitchboardError } from '../protocol/errors.js';
import { MAX_DEPTH, measureValue, type JsonValue } from '../protocol/json.js';
import { USER_NAME } from '../protocol/names.js';
import { LOGIN_OPTIONS, type AppIdentity, type ClientHandshake, type LoginOptions } from './app-login.js';
import { RemoteLogin } from './remote-login.js';
import { anonymousName } from './tokens/anonymous.js';
import { ALL_CAPABILITIES, compileCapabilities, NO_CAPABILITIES } from '../protocol/capabilities.js';
import { MAX_INFO_BYTES } from './tokens/claims.js';
import { OPEN_GRANT, type Grant } from '../sockets/grant.js';
import type { Identity } from '../sockets/socket-state.js';
import { steadyOf } from '../timers/steady-clock.js';
import { RevocationList, type RevocationSubject } from './revocation-list.js';
import {
  CLOCK_LEEWAY_MS,
  looksLikeToken,
  TokenVerifier,
  type VerifiedRoomToken,
} from './tokens/token-verifier.js';

/** What a client presents to say who it is; straight from outside, so nothing is known of it. */
export interface Credentials {
  readonly token?: unknown;
  /** Open mode only: the name the client gives itself. */
  readonly user?: unknown;
  readonly info?: unknown;
}

/** Decides who a client is. [L2] [A1] */
@Injectable()
export class Authenticator {
  private readonly verifier: TokenVerifier;
  private readonly checksTokens: boolean;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    @Inject(LOGIN_OPTIONS) private readonly login: LoginOptions,
    private readonly revocations: RevocationList,
    @Optional() private readonly remote?: RemoteLogin,
  ) {
    const { jwtSecret, jwtPublicKey, jwksUrl } = config;
    this.checksTokens = [jwtSecret, jwtPublicKey, jwksUrl].some((key) => key !== undefined);
    this.verifier = new TokenVerifier(config);
  }

  /**
   * When what a token grants ends, by the steady clock: with the token, or for one that was let in by the leeway, with
   * that. [A3] [A11]
   */
  endOf(expiresAt: number): number {
    return steadyOf(expiresAt > Date.now() ? expiresAt : expiresAt + CLOCK_LEEWAY_MS);
  }

  /** @throws SwitchboardError when the token does not grant this user this room */
  async authenticateForRoom(token: string, user: string, room: string): Promise<VerifiedRoomToken> {
    const verified = await this.verifier.verifyRoomToken(token, user, room);
    const { jti, issuedAt } = verified;
    this.assertNotRevoked({ user, jti, issuedAt });
    return verified;
  }

  /** Whether the app says by itself who clients are. [N7] */
  get asksApp(): boolean {
    return this.login.authenticate !== undefined;
  }

  /**
   * Asks the app who a client is.
   * @throws SwitchboardError, or what the app throws, with the reason to refuse the client
   */
  async authenticateByApp(handshake: ClientHandshake): Promise<Identity> {
    return this.identityOf(await this.login.authenticate!(handshake));
  }

  /** Whether a backend says who a client is that presents this: no token, or one that is not of the gateway's kind. [B6] */
  asksBackend({ token }: Credentials): boolean {
    if (this.remote?.identifies !== true) return false;
    return !(this.checksTokens && typeof token === 'string' && looksLikeToken(token));
  }

  /** How long {@link authenticateByBackend} may take. */
  get longestWaitMs(): number {
    return this.remote?.longestWaitMs ?? 0;
  }

  /**
   * Asks a backend who a client is.
   * @param isWanted false once the client has gone
   * @throws SwitchboardError with the reason to refuse the client
   */
  async authenticateByBackend(handshake: ClientHandshake, isWanted: () => boolean): Promise<Identity> {
    const given = await this.remote!.identify(handshake, isWanted);
    const { grant, ...who } = this.identityOf(given);
    return { ...who, grant: { ...grant, extensions: 0 }, rooms: given.rooms };
  }

  private identityOf(given: AppIdentity | null | undefined): Identity {
    if (given === null || given === undefined) throw new SwitchboardError('access.denied');
    const { user, info, caps = [], expiresAt } = given;
    if (typeof user !== 'string' || !USER_NAME.test(user)) {
      throw new Error('authenticate gave no user: expected 1 to 128 characters without control characters');
    }
    const ends = expiresAt === undefined ? undefined : new Date(expiresAt).getTime();
    if (Number.isNaN(ends)) throw new Error('authenticate gave an expiresAt that is no time');
    if (ends !== undefined && ends <= Date.now()) throw new SwitchboardError('auth.token_expired');
    return this.unlessRevoked({
      user,
      info: ownInfo(info),
      grant: {
        caps: this.login.authorize ? ALL_CAPABILITIES : compileCapabilities(caps, user),
        expiresAt: ends,
        endsAt: ends && this.endOf(ends),
      },
    });
  }

  /**
   * Decides at once where no token has to be checked.
   * @throws SwitchboardError, or rejects with one, with the reason to refuse the client
   */
  authenticate({ token, user, info }: Credentials): Identity | Promise<Identity> {
    if (this.config.mode === 'open') {
      const { clientsNameThemselves = false } = this.login;
      if (!clientsNameThemselves) return anonymous(OPEN_GRANT);
      const isAnonymous = isAbsent(user);
      const name = isAnonymous ? anonymousName() : ownName(user);
      return this.unlessRevoked({ user: name, isAnonymous, info: ownInfo(info), grant: OPEN_GRANT });
    }
    if (isAbsent(token) && this.config.anonymous) {
      return anonymous({ caps: NO_CAPABILITIES });
    }
    return this.authenticateToken(token as string | undefined);
  }

  /** @throws SwitchboardError with the reason to refuse the token */
  async authenticateToken(token: string | undefined): Promise<Identity> {
    const { user, info, caps, expiresAt, issuedAt, jti } = await this.verifier.verify(token);
    return this.unlessRevoked({
      user,
      info: info as JsonValue,
      grant: {
        caps: this.login.authorize ? ALL_CAPABILITIES : caps,
        expiresAt,
        endsAt: expiresAt && this.endOf(expiresAt),
        issuedAt,
        jti,
      },
    });
  }

  private unlessRevoked(who: Identity): Identity {
    const { jti, issuedAt } = who.grant;
    this.assertNotRevoked({ user: who.user, jti, issuedAt });
    return who;
  }

  private assertNotRevoked(subject: RevocationSubject): void {
    const why = this.revocations.causeNow(subject);
    if (why !== undefined) throw new SwitchboardError('auth.revoked', { cause: new Error(why) });
  }
}

const anonymous = (grant: Grant): Identity => ({
  user: anonymousName(),
  isAnonymous: true,
  info: null,
  grant,
});

/** Templates and forms leave an empty text where there is nothing. */
export const isAbsent = (value: unknown): boolean => value === undefined || value === null || value === '';

function ownName(user: unknown): string {
  if (typeof user === 'string' && USER_NAME.test(user)) return user;
  throw invalid('auth.user', 'expected 1 to 128 characters without control characters');
}

function ownInfo(info: unknown): JsonValue {
  if (info === undefined || info === null) return null;
  if (measureValue(info).depth > MAX_DEPTH || Buffer.byteLength(JSON.stringify(info)) > MAX_INFO_BYTES) {
    throw invalid('auth.info', `expected at most ${MAX_INFO_BYTES} bytes of JSON`);
  }
  return info as JsonValue;
}

const invalid = (path: string, message: string): SwitchboardError =>
  new SwitchboardError('payload.invalid', { errors: [{ path, message }] });
