/**
 * What the script is told of most publications, as text: to one room or user that keeps no history, to one socket or to
 * everybody, and no socket of another node taken off. The part; where there is one of them, the user that it counts for, and its ID where the
 * publisher is to find its place in its own inbox. Whether a session wants it kept, only the script knows.
 */
export type PlainOrder = string;

export const plainOrder = (part: string, publisher: string, mark: string): PlainOrder =>
  publisher === '' && mark === '' ? part : `${part}\n${publisher}\n${mark}`;

/** What the script is told of any publication; the publication itself goes beside it and is not looked into. */
export type PublishOrder = readonly [
  id: string,
  isVolatile: 0 | 1,
  namespace: string,
  ackTimeoutMs: number,
  /** Part, and the size and time in ms of its history; zeros for none. */
  parts: readonly (readonly [part: string, size: number, ttlMs: number])[],
  except: readonly string[],
  /** Whether the publisher is to find its place in its own inbox. */
  isMarked: 0 | 1,
  /** The user whose quota it counts for; '' when a backend sends it. */
  publisher: string,
  /** Whether every node is told: what has just been done there is not in shared state yet. */
  isForAll: 0 | 1,
  /** The rooms of which it is told as an event, and its data as JSON without the brackets. [W2] */
  tells?: readonly [rooms: readonly string[], data: string],
];

/**
 * What the script says of a publication: cursor, matched on other nodes, and, when acknowledgements are asked for, the
 * targeted sockets of other nodes as JSON, else nothing; for how many ms its user is over its quota.
 */
export type PublishReply = readonly [cursor: string, matched: number, targeted: string, overMs: number];

/** What the script says of a plain publication that no session wants: cursor and matched, with a space between. */
export type PlainReply = `${string} ${number}`;

/** A reply of either kind. */
export function readPublishReply(reply: PublishReply | PlainReply): PublishReply {
  if (typeof reply !== 'string') return reply;
  const space = reply.indexOf(' ');
  return [reply.slice(0, space), Number(reply.slice(space + 1)), '', 0];
}
