import { isBinary } from '../../protocol/json.js';
import type { Publication } from '../../protocol/publication.js';

/** What a kept publication takes beside its arguments: the objects around it, its cursor, its place in the queue. */
const PUBLICATION_BYTES = 640;

/** What its place in one log takes, with a share of the log itself. */
const PLACE_BYTES = 256;

/** Headers of objects, arrays, strings and buffers in the heap, roughly. */
const VALUE_BYTES = 16;

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

/** Recursion is safe: what is nested too deeply was refused before it was published. [D3] */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return VALUE_BYTES + 2 * value.length;
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  if (isBinary(value)) return VALUE_BYTES + value.byteLength;
  let bytes = VALUE_BYTES;
  if (Array.isArray(value)) {
    for (const item of value) bytes += valueBytes(item);
    return bytes;
  }
  for (const [key, item] of Object.entries(value)) bytes += 2 * key.length + valueBytes(item);
  return bytes;
}
