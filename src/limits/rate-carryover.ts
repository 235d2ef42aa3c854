import type { TokenBucket } from './token-bucket.js';

/**
 * The rates of sockets that have gone while their connection goes on.
 *
 * A client may leave a namespace and enter it again in the same connection, as often as it likes: if each of its sockets
 * began with a full bucket, there would be no limit, and who was ended for its rate could go on at once. [Q1] [Q4]
 */
const left = new WeakMap<object, TokenBucket>();

/** Notes what a socket leaves; of several on one connection, the one that is owed most. */
export function leaveRate(connection: object, bucket: TokenBucket): void {
  const other = left.get(connection);
  if (!other || other.fullAt < bucket.fullAt) left.set(connection, bucket);
}

/** What the next socket of the connection begins with; `undefined` for a full bucket. */
export function takeOverRate(connection: object): TokenBucket | undefined {
  const bucket = left.get(connection);
  return bucket && { ...bucket };
}
