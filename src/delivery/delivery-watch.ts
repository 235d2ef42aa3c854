import type { RemoteOutcome } from '../engine/engine.js';
import type { Publication } from '../protocol/publication.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

/** Injection token of the {@link DeliveryWatch}; `undefined` where nobody watches. */
export const DELIVERY_WATCH = Symbol('DELIVERY_WATCH');

/** Who published: the name of an API key or of a user; neither for the app itself. */
export interface PublishedBy {
  readonly kind: 'key' | 'user' | 'app';
  readonly name: string;
}

/** What became of a publication at one socket, where that is more than that it was written. */
export type DeliveryException =
  'acknowledged' | 'replayed' | 'waiting' | 'volatile_dropped' | 'slow_consumer';

/**
 * Told of every publication that is delivered here. [X3]
 *
 * It is on the way of every delivery: nothing here may throw, wait, or cost more than a few stores per publication.
 */
export interface DeliveryWatch {
  /**
   * A publication is about to be written to the sockets of this node; until {@link delivered} all is about it.
   *
   * @param isAgain it has been here before: only sockets that track positions get it now
   */
  delivering(publication: Publication, by: PublishedBy | undefined, isAgain: boolean): void;
  /** The publication has been written to all that take it now. */
  delivered(publication: Publication, matched: number): void;
  /** How many sockets of other nodes it was for. */
  matchedElsewhere(publication: Publication, matched: number): void;
  /** The publication that is being delivered went another way at this socket. */
  exceptNow(socket: GatewaySocket, what: DeliveryException): void;
  /** The same of one that is named: what waited for a socket reaches it later. */
  except(publicationId: string, socketId: string, what: DeliveryException): void;
  /** A client was asked for an acknowledgement that did not come within this time. */
  notAcknowledged(socket: GatewaySocket, event: string, ms: number): void;
}

/**
 * Tells a watch how many sockets of other nodes a publication was for. The caller waits for the same promise, and owns its
 * failure.
 */
export function hearOfMatches(
  watch: DeliveryWatch,
  publication: Publication,
  remote: Promise<RemoteOutcome>,
): void {
  remote.then(
    ({ matched }) => watch.matchedElsewhere(publication, matched),
    () => undefined,
  );
}
