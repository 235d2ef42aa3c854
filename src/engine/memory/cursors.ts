import { randomBytes } from 'node:crypto';

const SEQUENCE = /^(?:0|[1-9a-z][0-9a-z]{0,10})$/;

/**
 * How a place in the order of publications is written for clients. [H4]
 *
 * The random part is new with every process: a cursor of an earlier one must not be taken for a place in this one.
 */
export class Cursors {
  private readonly prefix = `${randomBytes(6).toString('base64url')}.`;

  format(seq: number): string {
    return this.prefix + seq.toString(36);
  }

  /** The sequence number, or nothing for what this engine never wrote. */
  parse(cursor: string): number | undefined {
    if (!cursor.startsWith(this.prefix)) return undefined;
    const digits = cursor.slice(this.prefix.length);
    if (!SEQUENCE.test(digits)) return undefined;
    const seq = Number.parseInt(digits, 36);
    return Number.isSafeInteger(seq) ? seq : undefined;
  }
}
