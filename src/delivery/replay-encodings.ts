import type { Adapter } from 'socket.io-adapter';
import { bytesOf, Encodings, type Encoding, type PositionSuffixes } from './encoding.js';
import type { HeldPublication } from './held-publication.js';

/** Encodings are kept for as long as clients that lost their connections at the same time take to come back. */
const KEPT_MS = 1_000;

/** Past that much all of them are forgotten, and are made anew where they are needed again. */
const MAX_BYTES = 1_048_576;

interface Kept {
  readonly cursor: string;
  readonly encodings: Encodings;
}

/**
 * Encodings of publications that are sent again. When a network breaks, many sockets come back in one moment and have missed
 * the same: it is encoded once for all of them, and those that miss the same in the same turn share its bytes. [H4]
 */
export class ReplayEncodings {
  private readonly kept = new Map<string, Kept>();
  private bytes = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly adapter: Adapter) {}

  with(tracking: PositionSuffixes, { publication, stamp }: HeldPublication): Encoding {
    const known = this.kept.get(publication.id);
    if (known?.cursor === stamp.cursor) return known.encodings.with(tracking, stamp);
    const encodings = new Encodings(this.adapter, publication);
    const encoding = encodings.with(tracking, stamp);
    this.keep(publication.id, { cursor: stamp.cursor, encodings }, bytesOf(encoding));
    return encoding;
  }

  private keep(id: string, each: Kept, bytes: number): void {
    if (this.bytes + bytes > MAX_BYTES) this.forget();
    this.timer ??= setTimeout(() => this.forget(), KEPT_MS).unref();
    this.kept.set(id, each);
    this.bytes += bytes;
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.kept.clear();
    this.bytes = 0;
  }
}
