/** What `switchboard keys create` and `switchboard token` do, without the command line around it. */
import { SignJWT } from 'jose';
import { compileCapabilities, type Capability } from '../protocol/capabilities.js';
import { parseConnectClaims } from './tokens/claims.js';

export { createApiKey, type CreatedApiKey } from './api-keys.js';

/** What a development token says. */
export interface DevelopmentTokenOptions {
  /** The gateway's JWT secret; the token is signed with HS256. */
  readonly secret: string;
  readonly user: string;
  /** Default: nothing is allowed. */
  readonly caps?: readonly Capability[];
  readonly info?: unknown;
  /** Default one hour. */
  readonly ttlMs?: number;
  readonly issuer?: string;
  readonly audience?: string;
  /** Milliseconds since 1970; default `Date.now`. */
  readonly clock?: () => number;
}

/**
 * Signs a connect token to try the gateway with.
 *
 * In production your backend signs tokens: whoever holds the secret can be any user.
 * @throws SwitchboardError `auth.token_invalid`, naming the claims, when the gateway would refuse such a token
 */
export async function signDevelopmentToken(options: DevelopmentTokenOptions): Promise<string> {
  const { secret, user, caps = [], info, ttlMs = 3_600_000, issuer, audience, clock = Date.now } = options;
  const claims = { caps, ...(info === undefined ? {} : { info }) };
  const issuedAt = Math.floor(clock() / 1000);
  const expiresAt = issuedAt + Math.ceil(ttlMs / 1000);

  const { sub } = parseConnectClaims({ ...claims, sub: user, iat: issuedAt, exp: expiresAt });
  compileCapabilities(caps, sub);

  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(user)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt);
  if (issuer !== undefined) token.setIssuer(issuer);
  if (audience !== undefined) token.setAudience(audience);
  return token.sign(new TextEncoder().encode(secret));
}
