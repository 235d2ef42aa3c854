/** What is remembered of a publication: enough to say who got it. [X3] Never its arguments. */
import type { DeliveryException } from '../delivery/delivery-watch.js';
import type { Selection, Target } from '../protocol/publication.js';

/** Who published: a key and a user by their names. */
export type Author = { readonly kind: 'key' | 'user'; readonly name: string } | { readonly kind: 'app' };

/** What became of a publication at one socket, where that is more than that it was written. */
export interface Delivered {
  readonly socketId: string;
  readonly what: DeliveryException;
  readonly at: number;
}

/** What one node did with a publication. */
export interface NodeDelivery {
  readonly node: string;
  /** Sockets that it was written to. */
  readonly written: number;
  readonly dropped: number;
  readonly waiting: number;
}

/** A publication, from its acceptance on. Times are milliseconds since 1970. */
export interface PublicationStory {
  readonly id: string;
  readonly at: number;
  readonly event: string;
  readonly by: Author;
  /** `null`: all namespaces. */
  readonly namespace: string | null;
  readonly to: Target;
  readonly except: Selection;
  readonly volatile: boolean;
  readonly matched: number;
  readonly nodes: readonly NodeDelivery[];
  /** Sockets to which more happened than a write; only so many are kept. */
  readonly exceptions: readonly Delivered[];
  /** Whether more happened than is kept. */
  readonly isCut: boolean;
}
