/** Cursors of lists in Redis: opaque, and of use for the list they came from only. [R3] */
import { SwitchboardError } from '../../../protocol/errors.js';

const MAX_PAGE_SIZE = 1000;
const DEFAULT_PAGE_SIZE = 100;

export const encodeCursor = (kind: string, after: string): string =>
  Buffer.from(JSON.stringify([kind, after])).toString('base64url');

/** @throws SwitchboardError `payload.invalid` when the cursor is not one of this list */
export function decodeCursor(kind: string, cursor: string | undefined, shape = /^/): string | undefined {
  if (cursor === undefined) return undefined;
  const parsed = parse(Buffer.from(cursor, 'base64url').toString());
  if (Array.isArray(parsed) && parsed.length === 2 && parsed[0] === kind) {
    const after: unknown = parsed[1];
    if (typeof after === 'string' && shape.test(after)) return after;
  }
  throw new SwitchboardError('payload.invalid', {
    errors: [{ path: 'cursor', message: 'expected `next` of an earlier page of the same list' }],
  });
}

/** @throws SwitchboardError `payload.invalid` when out of 1 to 1,000 */
export function pageSize(limit = DEFAULT_PAGE_SIZE): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE) return limit;
  throw new SwitchboardError('payload.invalid', {
    errors: [{ path: 'limit', message: `expected a whole number from 1 to ${MAX_PAGE_SIZE}` }],
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
