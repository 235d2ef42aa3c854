import { isBinary } from './json.js';

/** Headers of objects, arrays, strings and buffers in the heap, roughly. */
const VALUE_BYTES = 16;

/**
 * How much memory a value takes, with two bytes a character: an estimate on the high side, and cheap.
 *
 * Recursion is safe: what is nested too deeply was refused before it was published. [D3]
 */
export function valueBytes(value: unknown): number {
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
