/** Numbers in JSON that a JavaScript number cannot hold, such as 64-bit IDs. [D11] */
import { SwitchboardError } from './errors.js';

/** No whole number of fewer digits is changed, and no other number becomes infinite. */
const MAY_BE_INEXACT = /\d{16}|\d[eE]\+?\d{3}/;

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],:]/gs;

/**
 * Refuses a number that would be changed without a word: a whole number that is rounded, or one too large for any.
 *
 * @param text valid JSON
 * @throws SwitchboardError `payload.invalid` with the path of the first
 */
export function assertExactNumbers(text: string): void {
  if (!MAY_BE_INEXACT.test(text)) return;
  /** Keys of objects and indices of lists, from the outermost in. */
  const path: (string | number)[] = [];
  let lastText = '';
  for (const [token] of text.matchAll(TOKEN)) {
    const first = token[0]!;
    if (first === '"') lastText = token;
    else if (first === '{') path.push('');
    else if (first === '[') path.push(0);
    else if (first === '}' || first === ']') path.pop();
    else if (first === ':') path[path.length - 1] = JSON.parse(lastText) as string;
    else if (first === ',') {
      const place = path.at(-1);
      if (typeof place === 'number') path[path.length - 1] = place + 1;
    } else if (!isExact(token)) {
      throw new SwitchboardError('payload.invalid', {
        errors: [
          {
            path: path.map((key) => String(key).slice(0, 64)).join('.'),
            message: 'expected a number that JavaScript can hold; send it as text',
          },
        ],
      });
    }
  }
}

/** Of fractions the nearest is what everyone takes; a whole number is another one when it is rounded. */
function isExact(literal: string): boolean {
  const value = Number(literal);
  if (!Number.isFinite(value)) return false;
  if (!/^-?\d{16,}$/.test(literal)) return true;
  return String(value) === literal || BigInt(value) === BigInt(literal);
}
