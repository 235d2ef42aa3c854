import { z } from 'zod';
import { SwitchboardError } from './errors.js';

/** Largest page. [R3] */
export const MAX_PAGE_SIZE = 1000;
/** Page size when none is asked for. */
export const DEFAULT_PAGE_SIZE = 100;

/** A page to fetch: at most `limit` items after `cursor`. */
export interface PageRequest {
  /** 1 to 1,000; default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** A place in a walk over the namespaces: the namespace's number and an order within it. */
export interface PagePosition {
  readonly namespace: number;
  readonly order: number;
}

export const START: PagePosition = { namespace: 0, order: 0 };

/**
 * Lists that can be walked; a cursor of one is refused by another.
 *
 * Each room has an order of its own, so a place in one room means nothing in another.
 */
export type ListKind =
  'sockets' | 'blocks' | `sockets in ${string}` | 'users' | 'rooms' | `members of ${string}`;

const placeCursor = z.tuple([z.string(), z.int().min(0), z.int().min(0)]);
const nameCursor = z.tuple([z.string(), z.string()]);

const encode = (value: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(value)).toString('base64url');

export const encodePagePosition = (kind: ListKind, place: PagePosition): string =>
  encode([kind, place.namespace, place.order]);

export const encodeName = (kind: ListKind, name: string): string => encode([kind, name]);

/** @throws SwitchboardError `payload.invalid` when the cursor is not one of this list */
export function decodePagePosition(kind: ListKind, cursor: string | undefined): PagePosition {
  if (cursor === undefined) return START;
  const [, namespace, order] = decode(placeCursor, kind, cursor);
  return { namespace, order };
}

/**
 * @param shape of the names that the list gives out
 * @throws SwitchboardError `payload.invalid` when the cursor is not one of this list
 */
export function decodeName(kind: ListKind, cursor: string | undefined, shape?: RegExp): string | undefined {
  if (cursor === undefined) return undefined;
  const [, name] = decode(nameCursor, kind, cursor);
  if (shape && !shape.test(name)) throw notOfTheList();
  return name;
}

function decode<T extends readonly [string, ...unknown[]]>(
  schema: z.ZodType<T>,
  kind: ListKind,
  cursor: string,
): T {
  const parsed = schema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (!parsed.success || parsed.data[0] !== kind) {
    throw notOfTheList();
  }
  return parsed.data;
}

const notOfTheList = (): SwitchboardError =>
  new SwitchboardError('payload.invalid', {
    errors: [{ path: 'cursor', message: 'expected `next` of an earlier page of the same list' }],
  });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @throws SwitchboardError `payload.invalid` when out of 1 to 1,000 */
export function pageSize(limit: number | undefined): number {
  if (limit === undefined) return DEFAULT_PAGE_SIZE;
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_PAGE_SIZE) return limit;
  throw new SwitchboardError('payload.invalid', {
    errors: [{ path: 'limit', message: `expected a whole number from 1 to ${MAX_PAGE_SIZE}` }],
  });
}
