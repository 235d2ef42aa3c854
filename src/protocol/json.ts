/**
 * Limits on the values that travel as arguments. [D3]
 *
 * Everything here walks iteratively: a value that is nested a hundred thousand levels deep must be refused, not
 * overflow the stack of whoever looks at it.
 */
import { SwitchboardError } from './errors.js';

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };

/** Values nested deeper than this are refused: encoders recurse. */
export const MAX_DEPTH = 64;

/** What holds arguments may add levels of its own, and one command that is too deep spoils no batch. */
export const MAX_BODY_DEPTH = 500;

/** Binary parts per message; the JavaScript clients die with `parse error` on more. */
export const MAX_BINARY_PARTS = 10;

export const isBinary = (value: unknown): value is ArrayBuffer | ArrayBufferView =>
  value instanceof ArrayBuffer || ArrayBuffer.isView(value);

/**
 * What stands for a value on the wire: of an object with `toJSON` (a date, an entity of an app) what that gives.
 *
 * Socket.IO's encoder asks for it beside binary parts too, and once, as JSON does. Whoever walks through arguments asks as
 * well: what the object holds inside is nobody's business, and would be another value than the one that local sockets get.
 */
export function onTheWire(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isBinary(value)) return value;
  return 'toJSON' in value && typeof value.toJSON === 'function' ? (value.toJSON() as unknown) : value;
}

/** What a walk over a value found. */
export interface ValueShape {
  readonly depth: number;
  readonly binaryParts: number;
  /** Whether an object in it reads like Socket.IO's own mark for "a binary part goes here". */
  readonly holdsPlaceholder: boolean;
  readonly holdsBigInt: boolean;
}

/** Measures nesting and binary parts; stops as soon as either limit is passed. */
export function measureValue(root: unknown, maxDepth = MAX_DEPTH): ValueShape {
  let depth = 0;
  let binaryParts = 0;
  let holdsPlaceholder = false;
  let holdsBigInt = false;
  const pending: unknown[] = [root];
  const depths: number[] = [0];
  while (pending.length > 0) {
    const value = onTheWire(pending.pop());
    const level = depths.pop()!;
    if (typeof value !== 'object' || value === null) continue;
    if (isBinary(value)) {
      if (++binaryParts > MAX_BINARY_PARTS) break;
      continue;
    }
    if (level + 1 > depth) depth = level + 1;
    if (depth > maxDepth) break;
    if ('_placeholder' in value && value._placeholder === true) holdsPlaceholder = true;
    const children = Array.isArray(value) ? value : Object.values(value);
    for (const child of children) {
      if (typeof child === 'object' && child !== null) {
        pending.push(child);
        depths.push(level + 1);
      } else if (typeof child === 'bigint') {
        holdsBigInt = true;
      }
    }
  }
  return { depth, binaryParts, holdsPlaceholder, holdsBigInt };
}

/**
 * Refuses arguments that cannot be delivered to every client.
 * @throws SwitchboardError `payload.invalid`
 */
export function assertDeliverable(args: readonly unknown[], path = 'args'): void {
  const { depth, binaryParts, holdsPlaceholder, holdsBigInt } = measureValue(args);
  if (depth > MAX_DEPTH) {
    throw new SwitchboardError('payload.invalid', {
      errors: [{ path, message: `expected at most ${MAX_DEPTH} levels of nesting` }],
    });
  }
  if (binaryParts > MAX_BINARY_PARTS) {
    throw new SwitchboardError('payload.invalid', {
      errors: [{ path, message: `expected at most ${MAX_BINARY_PARTS} binary parts` }],
    });
  }
  assertNoPlaceholder({ holdsPlaceholder }, path);
  if (holdsBigInt && !isEncodable(args)) {
    throw new SwitchboardError('payload.invalid', {
      errors: [{ path, message: 'expected JSON values, which a BigInt is not' }],
    });
  }
}

/** Whether it can be written as JSON. An app may have taught its BigInts, or what holds them, to be that. */
export function isEncodable(args: unknown): boolean {
  try {
    JSON.stringify(args);
    return true;
  } catch {
    return false;
  }
}

/**
 * A client's decoder puts a binary part in its place, or dies with `parse error` when the number is none it has. It
 * need not be one of the same publication: the answer that gives a history holds several. [H2]
 * @throws SwitchboardError `payload.invalid`
 */
export function assertNoPlaceholder(
  { holdsPlaceholder }: Pick<ValueShape, 'holdsPlaceholder'>,
  path = 'args',
): void {
  if (!holdsPlaceholder) return;
  throw new SwitchboardError('payload.invalid', {
    errors: [{ path, message: 'expected no object with `_placeholder: true`' }],
  });
}

/**
 * Arguments as they go over the wire, for whoever keeps them: the caller may change its objects later, or fill its
 * buffer anew. A copy of the bytes also lets go of the whole message that they may be a slice of.
 */
export function wireCopy(args: readonly unknown[]): readonly unknown[] {
  const copy = measureValue(args).binaryParts > 0 ? copyWithBinary : copyOfJson;
  return args.map((arg) => (typeof arg === 'object' && arg !== null ? copy(arg) : arg));
}

/** In a list, as arguments are: what JSON has nothing for is null there. */
const copyOfJson = (value: unknown): unknown => (JSON.parse(JSON.stringify([value])) as unknown[])[0];

/** Socket.IO takes such values apart by their own keys, and encodes what is left as JSON. */
function copyWithBinary(given: unknown): unknown {
  const value = onTheWire(given);
  if (typeof value !== 'object' || value === null) return value;
  if (isBinary(value)) {
    return value instanceof ArrayBuffer
      ? Buffer.from(value.slice(0))
      : Buffer.from(value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength));
  }
  if (Array.isArray(value)) return value.map(copyWithBinary);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copyWithBinary(item)]));
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Turns every `{"$base64": "…"}` into a Buffer; everything else stays as it is. [D3]
 *
 * The value must have passed the depth check of {@link measureValue}.
 * @throws SwitchboardError `payload.invalid` when the text is not base64
 */
export function decodeBinary(value: unknown, path = 'args'): unknown {
  if (Array.isArray(value)) return value.map((item, index) => decodeBinary(item, `${path}.${index}`));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === '$base64') {
    const text = entries[0]![1];
    if (typeof text !== 'string' || !BASE64.test(text)) {
      throw new SwitchboardError('payload.invalid', { errors: [{ path, message: 'expected base64 text' }] });
    }
    return Buffer.from(text, 'base64');
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, decodeBinary(item, `${path}.${key}`)]));
}

/** A binary part as JSON. [D3] */
export function asBase64(value: ArrayBuffer | ArrayBufferView): { readonly $base64: string } {
  const bytes =
    value instanceof ArrayBuffer
      ? Buffer.from(value)
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { $base64: bytes.toString('base64') };
}

/** The opposite of {@link decodeBinary}, for answers over HTTP. */
export function encodeBinary(value: unknown): unknown {
  if (isBinary(value)) return asBase64(value);
  if (Array.isArray(value)) return value.map(encodeBinary);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, encodeBinary(item)]));
}

/** The same for a value that nobody has checked: `null` when it is nested too deep to be encoded. */
export function encodeUnchecked(value: unknown): unknown {
  const { depth, binaryParts, holdsBigInt } = measureValue([value]);
  if (depth > MAX_DEPTH || binaryParts > MAX_BINARY_PARTS) return null;
  return holdsBigInt && !isEncodable([value]) ? null : encodeBinary(value);
}
