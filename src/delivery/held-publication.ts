import type { Stamp } from '../engine/log.js';
import type { Publication } from '../protocol/publication.js';
import type { Encoding } from './encoding.js';

/** A publication that waits until its socket has caught up. */
export interface HeldPublication {
  readonly publication: Publication;
  readonly stamp: Stamp;
  /** How it goes out, where that was settled when it arrived. */
  readonly encoding?: Encoding;
  /** Whether it asks for an acknowledgement, so that its client takes no cursor from it. */
  readonly asks?: boolean;
}
