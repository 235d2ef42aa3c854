/** What clients and shared state hold of a session. */
import type { Grant } from '../../sockets/grant.js';
import { clockOf, type KeptClock } from './kept-time.js';

/** Longer ones are not ours. */
const MAX_TEXT_LENGTH = 256;

/** What of a token decides whether the session may come back. */
export type SessionToken = Pick<Grant, 'jti' | 'issuedAt' | 'expiresAt' | 'endsAt'> & KeptClock;

export const tokenOf = ({ jti, issuedAt, expiresAt, endsAt }: Grant, node: string): SessionToken => ({
  jti,
  issuedAt,
  expiresAt,
  endsAt,
  ...(endsAt !== undefined && clockOf(node)),
});

/** Whether it could be a session ID or a cursor of this gateway. */
export const isOurText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_LENGTH;

export const textOf = (value: unknown): string | undefined => (isOurText(value) ? value : undefined);
