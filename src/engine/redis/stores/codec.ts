/** Publications as text. JSON values come back as they were, binary as a Buffer. [D3] */
import { asBase64, isBinary, measureValue, onTheWire } from '../../../protocol/json.js';
import type { Publication } from '../../../protocol/publication.js';
import type { NodeCommand, NodeQuestion } from '../../engine.js';

const BINARY = /^\$+base64$/;

/** An object of a client that happens to look like our mark for binary gets one more `$`. */
function mark(given: unknown): unknown {
  const value = onTheWire(given);
  if (isBinary(value)) return asBase64(value);
  if (Array.isArray(value)) return value.map(mark);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [BINARY.test(key) ? `$${key}` : key, mark(item)]),
  );
}

function unmark(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unmark);
  if (typeof value !== 'object' || value === null) return value;
  if ('$base64' in value && typeof value.$base64 === 'string') return Buffer.from(value.$base64, 'base64');
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [BINARY.test(key) ? key.slice(1) : key, unmark(item)]),
  );
}

/** Most values hold no binary, and are then plain JSON that nobody walks through again. */
export function encodeArgs(args: readonly unknown[]): [readonly unknown[], 0 | 1] {
  return measureValue(args).binaryParts === 0 ? [args, 0] : [args.map(mark), 1];
}

export const decodeArgs = (args: readonly unknown[], holdsBinary: 0 | 1): unknown[] =>
  holdsBinary === 0 ? [...args] : args.map(unmark);

/** What a node orders or asks of others; binary in its arguments arrives as a Buffer. */
export function writeOrder(order: NodeCommand | NodeQuestion): string {
  if (!('args' in order)) return JSON.stringify(order);
  const [args, holdsBinary] = encodeArgs(order.args);
  return JSON.stringify({ ...order, args, b: holdsBinary });
}

export function readOrder(text: string): NodeCommand | NodeQuestion {
  const order = JSON.parse(text) as (NodeCommand | NodeQuestion) & { readonly b?: 0 | 1 };
  if (!('args' in order)) return order;
  const { b: holdsBinary = 0, ...rest } = order;
  return { ...rest, args: decodeArgs(order.args, holdsBinary) };
}

/** What a node answers another; binary arrives as a Buffer. */
export const writeAnswer = (answer: unknown): string => JSON.stringify(encodeArgs([answer]));

export function readAnswer(text: string): unknown {
  const [args, holdsBinary] = JSON.parse(text) as [unknown[], 0 | 1];
  return decodeArgs(args, holdsBinary)[0];
}

/** How a publication is written; short, because it is written once per node and room. */
interface WrittenPublication {
  i: string;
  e: string;
  a: readonly unknown[];
  b: 0 | 1;
  t: Publication['to'];
  x?: Publication['except'];
  v?: 1;
  u?: string;
  m?: number;
  n?: string;
}

export function encodePublication(publication: Publication): string {
  const [a, b] = encodeArgs(publication.args);
  const { id, event, to, except, volatile, user, at, namespace } = publication;
  const written: WrittenPublication = { i: id, e: event, a, b, t: to };
  if (Object.keys(except).length > 0) written.x = except;
  if (volatile) written.v = 1;
  if (user !== undefined) written.u = user;
  if (at !== undefined) written.m = at;
  if (namespace !== undefined) written.n = namespace;
  return JSON.stringify(written);
}

export function decodePublication(text: string): Publication {
  const { i, e, a, b, t, x, v, u, m, n } = JSON.parse(text) as WrittenPublication;
  return {
    id: i,
    event: e,
    args: decodeArgs(a, b),
    to: t,
    except: x ?? {},
    volatile: v === 1,
    ...(u === undefined ? {} : { user: u }),
    ...(m === undefined ? {} : { at: m }),
    ...(n === undefined ? {} : { namespace: n }),
  };
}
