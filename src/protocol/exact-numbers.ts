/** Numbers in JSON that a JavaScript number cannot hold, such as 64-bit IDs. [D11] */
import { SwitchboardError } from './errors.js';

/** No number of fewer digits is changed by more than the nearest, and no other one becomes infinite or nothing. */
const LONG_NUMBER = /[\d.]{16}/;
const LARGE_EXPONENT = /[eE][+-]?\d{3}/;
/** Either has as many digits in a row: looked for first, because that skips over text quickly. */
const THREE_DIGITS = /\d{3}/;
const EIGHT_DIGITS = /\d{8}/;

const mayBeInexact = (text: string): boolean =>
  THREE_DIGITS.test(text) &&
  ((EIGHT_DIGITS.test(text) && LONG_NUMBER.test(text)) || LARGE_EXPONENT.test(text));

/** From here on not every whole number is one of JavaScript's. */
const FIRST_INEXACT = 2 ** 53;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*|[{}[\],:]/gs;

/**
 * Refuses a number that would be changed without a word: a whole number that is rounded, however it is written, and one
 * too large or too small for any.
 *
 * @param text valid JSON
 * @throws SwitchboardError `payload.invalid` with the path of the first
 */
export function assertExactNumbers(text: string): void {
  if (!mayBeInexact(text)) return;
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
  const { digits, exponent } = decimalOf(literal);
  if (value === 0) return digits === '';
  if (Math.abs(value) < FIRST_INEXACT) return true;
  const nearest = decimalOf(String(value));
  if (nearest.digits === digits && nearest.exponent === exponent) return true;
  // A whole number of at most 309 digits, as it is finite.
  return exponent >= 0 && BigInt(Math.abs(value)) === BigInt(digits + '0'.repeat(exponent));
}

/** The digits of a number without zeros at either end, and by which power of ten they are multiplied. */
function decimalOf(literal: string): { readonly digits: string; readonly exponent: number } {
  const [, whole = '', fraction = '', power = '0'] = NUMBER.exec(literal) ?? [];
  const all = (whole + fraction).replace(/^0+/, '');
  let end = all.length;
  while (all[end - 1] === '0') end--;
  return { digits: all.slice(0, end), exponent: Number(power) - fraction.length + all.length - end };
}
