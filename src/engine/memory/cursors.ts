import { randomBytes } from 'node:crypto';

const SEQUENCE = /^(?:0|[1-9a-z][0-9a-z]{0,10})$/;
const PREFIX = /^[A-Za-z0-9_-]{8}\.$/;
const PREFIX_LENGTH = 9;

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

  /**
   * The sequence number, or nothing for what no engine ever wrote. What an earlier process wrote is before everything
   * of this one.
   */
  parse(cursor: string): number | undefined {
    const prefix = cursor.slice(0, PREFIX_LENGTH);
    const digits = cursor.slice(PREFIX_LENGTH);
    if (!PREFIX.test(prefix) || !SEQUENCE.test(digits)) return undefined;
    if (prefix !== this.prefix) return 0;
    const seq = Number.parseInt(digits, 36);
    return Number.isSafeInteger(seq) ? seq : undefined;
  }
}
