import { valueBytes } from '../../protocol/value-bytes.js';
import type { Publication } from '../../protocol/publication.js';

/** What a kept publication takes beside its arguments: the objects around it, its cursor, its place in the queue. */
const PUBLICATION_BYTES = 640;

/** What its place in one log takes, with a share of the log itself. */
const PLACE_BYTES = 256;

/**
 * How much memory a publication takes that stands in `places` logs.
 *
 * An estimate on the high side: it is there to keep a bound, and it must be cheap, as it is made for every
 * publication that is kept.
 */
export function publicationBytes(publication: Publication, places: number): number {
  let bytes = PUBLICATION_BYTES + places * PLACE_BYTES + 2 * publication.event.length;
  for (const arg of publication.args) bytes += valueBytes(arg);
  return bytes;
}
