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

/** Whether a value is nested more deeply than anything that is delivered. */
export const isTooDeep = (value: unknown): boolean => measureValue(value).depth > MAX_DEPTH;

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
 * Takes in arguments that came as JSON: every `{"$base64": "…"}` becomes a Buffer, everything else stays as it is. [D3]
 *
 * One walk decodes and measures, so that what it gives is deliverable and nobody has to walk through it again. It goes no
 * deeper than {@link MAX_DEPTH}.
 * @param path where the list of arguments stands in the request
 * @throws SwitchboardError `payload.invalid` when the arguments cannot be delivered, or a text is not base64
 */
export function decodeArguments(args: readonly unknown[], path = 'args'): readonly unknown[] {
  return new ArgumentDecoder(path).decodeAll(args);
}

/** The same for one argument that stands alone: paths do not number it. */
export function decodeArgument(arg: unknown, path: string): unknown {
  return new ArgumentDecoder(path).decode(arg, 2);
}

class ArgumentDecoder {
  private binaryParts = 0;
  /** Keys and indices from the arguments down to the value that is looked at. */
  private readonly trail: (string | number)[] = [];

  constructor(private readonly path: string) {}

  decodeAll(args: readonly unknown[]): readonly unknown[] {
    return this.list(args, 1);
  }

  /** @param depth of the value, if it holds others; the list of arguments is at 1 */
  decode(value: unknown, depth: number): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (depth > MAX_DEPTH) throw this.refusal(this.path, `expected at most ${MAX_DEPTH} levels of nesting`);
    return Array.isArray(value) ? this.list(value, depth) : this.object(value, depth);
  }

  /** Copies from the first item that changes: most arguments hold no binary. */
  private list(list: readonly unknown[], depth: number): readonly unknown[] {
    let copy: unknown[] | undefined;
    for (let index = 0; index < list.length; index++) {
      const item = list[index];
      if (typeof item !== 'object' || item === null) continue;
      this.trail.push(index);
      const decoded = this.decode(item, depth + 1);
      this.trail.pop();
      if (decoded !== item) (copy ??= [...list])[index] = decoded;
    }
    return copy ?? list;
  }

  private object(value: object, depth: number): unknown {
    const keys = Object.keys(value);
    if (keys.length === 1 && keys[0] === '$base64')
      return this.binary((value as { $base64: unknown }).$base64);
    let changed: Map<string, unknown> | undefined;
    for (const key of keys) {
      const item = (value as Record<string, unknown>)[key];
      if (key === '_placeholder' && item === true) assertNoPlaceholder({ holdsPlaceholder: true }, this.path);
      if (typeof item !== 'object' || item === null) continue;
      this.trail.push(key);
      const decoded = this.decode(item, depth + 1);
      this.trail.pop();
      if (decoded !== item) (changed ??= new Map<string, unknown>()).set(key, decoded);
    }
    if (!changed) return value;
    // `fromEntries` makes a `__proto__` key an entry like any other.
    return Object.fromEntries(
      Object.entries(value).map(([key, item]: [string, unknown]) => [key, changed.get(key) ?? item]),
    );
  }

  private binary(text: unknown): Buffer {
    if (typeof text !== 'string' || !BASE64.test(text)) {
      throw this.refusal([this.path, ...this.trail].join('.'), 'expected base64 text');
    }
    if (++this.binaryParts > MAX_BINARY_PARTS) {
      throw this.refusal(this.path, `expected at most ${MAX_BINARY_PARTS} binary parts`);
    }
    return Buffer.from(text, 'base64');
  }

  private refusal(path: string, message: string): SwitchboardError {
    return new SwitchboardError('payload.invalid', { errors: [{ path, message }] });
  }
}

/** A binary part as JSON. [D3] */
export function asBase64(value: ArrayBuffer | ArrayBufferView): { readonly $base64: string } {
  const bytes =
    value instanceof ArrayBuffer
      ? Buffer.from(value)
      : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return { $base64: bytes.toString('base64') };
}

/** The opposite of {@link decodeArguments}, for answers over HTTP. */
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
