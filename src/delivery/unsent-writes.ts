/**
 * Publications that were written to a connection and not taken by the operating system. [D10]
 *
 * Only connections whose peers take too little have any of this, and nothing is counted before such a connection ends.
 */
import type { Socket as TcpSocket } from 'node:net';
import { unsentByTcp } from '../platform/engine-connection.js';

/** The frames of one write, or, where Engine.IO has made them, how many bytes and publications it was. */
export type Written = readonly Buffer[] | { readonly bytes: number; readonly publications: number };

const bytesOf = (written: Written): number =>
  'bytes' in written ? written.bytes : written.reduce((sum, { length }) => sum + length, 0);

/** What was written to one connection while it was behind, the oldest first. */
export class UnsentWrites {
  private writes: { readonly written: Written; readonly bytes: number }[] = [];
  private bytes = 0;
  /** Where the first of `writes` is that may not have been taken. */
  private first = 0;

  /** @param pending what the TCP socket has not given away, this write included */
  add(written: Written, pending: number): void {
    const bytes = bytesOf(written);
    this.writes.push({ written, bytes });
    this.bytes += bytes;
    this.forget(pending);
  }

  /** How many publications are still there, those that have left in part included. */
  count(tcpSocket: TcpSocket): number {
    let unsent = unsentByTcp(tcpSocket);
    let publications = 0;
    for (let at = this.writes.length - 1; at >= this.first && unsent > 0; at--) {
      const { written, bytes } = this.writes[at]!;
      publications += 'bytes' in written ? written.publications : lastWithin(written, unsent);
      unsent -= bytes;
    }
    return publications;
  }

  private forget(pending: number): void {
    while (this.first < this.writes.length && this.bytes - this.writes[this.first]!.bytes >= pending) {
      this.bytes -= this.writes[this.first++]!.bytes;
    }
    if (this.first * 2 < this.writes.length) return;
    this.writes = this.writes.slice(this.first);
    this.first = 0;
  }
}

/** Publications among the last frames, as far as these have bytes among the last `unsent`. */
function lastWithin(frames: readonly Buffer[], unsent: number): number {
  let from = frames.length;
  for (let left = unsent; from > 0 && left > 0; from--) left -= frames[from - 1]!.length;
  return publicationsAmong(frames.slice(from));
}

const EVENT = '2'.charCodeAt(0);
/** By the second byte of a frame: how its length is written. */
const LENGTH_IN_2_BYTES = 126;
const LENGTH_IN_8_BYTES = 127;

function isPublication(frame: Buffer): boolean {
  const length = frame[1];
  const start = length === LENGTH_IN_8_BYTES ? 10 : length === LENGTH_IN_2_BYTES ? 4 : 2;
  // Behind Engine.IO's own type; answers are packets of another type than events.
  return frame[start + 1] === EVENT;
}

/** How many of a server's text frames are publications. */
export const publicationsAmong = (frames: readonly Buffer[]): number => frames.filter(isPublication).length;

/** Of what waits in Engine.IO's buffer, as the fan-out puts it there. */
interface Waiting {
  readonly data?: unknown;
  readonly options?: { readonly preEncoded?: boolean };
}

/** How many of the packets in Engine.IO's buffer are publications; a binary one has its attachments behind it. */
export const publicationsIn = (packets: readonly object[]): number =>
  (packets as readonly Waiting[]).filter(
    ({ data, options }) => options?.preEncoded === true && typeof data === 'string' && /^[25]/.test(data),
  ).length;
