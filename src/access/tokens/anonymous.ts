import { createHash, randomUUID } from 'node:crypto';

const PREFIX = 'anonymous:';
/** Of a hash, so that nobody takes it for a random one: RFC 9562, version 8. */
const VERSION = 0x80;
const VARIANT = 0x80;
const UUID_BYTES = 16;

/** A client without a name is a user of its own; the name tells nothing, its socket ID least of all. [R5] */
export const anonymousName = (): string => `${PREFIX}${randomUUID()}`;

/**
 * The name of a client without one that may come back: the same on every node for as long as it has this session. The
 * session ID, which is a secret, does not follow from it. [H4]
 */
export function anonymousNameIn(sessionId: string): string {
  const bytes = createHash('sha256').update(`${PREFIX}${sessionId}`).digest().subarray(0, UUID_BYTES);
  bytes[6] = VERSION | (bytes[6]! & 0x0f);
  bytes[8] = VARIANT | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return PREFIX + parts.join('-');
}
