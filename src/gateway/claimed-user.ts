import type { Credentials } from '../access/authenticator.js';
import { MAX_TOKEN_LENGTH } from '../access/tokens/token-verifier.js';
import { USER_NAME } from '../protocol/names.js';

/** The user that a client says it is; not verified, for logs only. [L10] */
export function claimedUserOf({ token, user }: Credentials): string | undefined {
  const claimed = typeof token === 'string' ? subjectOf(token) : user;
  return typeof claimed === 'string' && USER_NAME.test(claimed) ? claimed : undefined;
}

function subjectOf(token: string): unknown {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  try {
    const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as unknown;
    return (payload as { sub?: unknown } | null)?.sub;
  } catch {
    return undefined;
  }
}
