import type { HeldPublication } from './held-publication.js';
import { bytesOf, type Encoding } from './encoding.js';

/** What is known of what a socket has not taken yet. [Q3] */
export interface Backlog {
  /** How much a socket may have unsent. */
  readonly maxBytes: number;
  unsentBytes(): number;
  /** Whether nothing of what is unsent has left for longer than a client may be silent. */
  hasStalled(): boolean;
  /** Ends the socket as one that does not read. */
  end(): void;
  /** So many publications that had arrived live were not sent; a session may give them back. [D10] */
  lost(count: number): void;
  /** A volatile publication was dropped. [D5] */
  dropped(): void;
}

/** How one socket is given what waits for it. */
export interface Recipient extends Backlog {
  encode(held: HeldPublication): Encoding;
  put(held: HeldPublication, encoding: Encoding): void;
  /** Something could not be sent, and so nothing that comes after it. */
  failed(failure: unknown): void;
}

/** Transports, and the two ways of writing to them, have no event in common that says that there is room again. */
const LOOK_INTERVAL_MS = 20;

/**
 * How much of what may be unsent a replay takes for itself. The rest is for answers and frame headers, and because text
 * that waits in Engine.IO is counted by its characters, of up to three bytes each.
 */
const SHARE = 1 / 4;

/**
 * Gives a socket what it has missed as fast as its client takes it. [H4] [Q3]
 *
 * All at once it would be unsent data, and whoever missed more than a socket may have unsent could never be caught up. What
 * waits is not encoded, and with the memory engine stands in the log in any case. What arrives live meanwhile waits behind
 * it, up to as much as may be unsent; a break loses nothing, because the session knows by its cursor where its client was.
 */
export class Replay {
  private waiting: HeldPublication[] = [];
  /** Of what arrived live. */
  private waitingBytes = 0;
  /** The first of what waits, where it was encoded before there was room for it. */
  private encoded: Encoding | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    private readonly recipient: Recipient,
    /** Called when nothing waits any longer, before anything else can arrive. */
    private readonly isThrough: () => void,
  ) {}

  /** Adds what was missed, or held back, and sends what there is room for now. */
  add(missed: readonly HeldPublication[]): void {
    this.waiting = this.waiting.concat(missed);
    if (!this.timer) this.giveOn();
  }

  /** Adds what has arrived live; what may be dropped is. [D5] */
  addLive(held: HeldPublication, encoding: Encoding): void {
    if (held.publication.volatile) {
      this.recipient.dropped();
      return;
    }
    this.waitingBytes += bytesOf(encoding);
    if (this.waitingBytes > this.recipient.maxBytes) this.endSlow();
    else this.waiting.push({ ...held, encoding });
  }

  /** The socket has ended; that it was not given all stays true of it. */
  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.waiting = [];
  }

  private giveOn(): void {
    try {
      this.send();
    } catch (failure) {
      this.stop();
      this.recipient.failed(failure);
      return;
    }
    if (this.isStopped) return;
    if (this.waiting.length === 0) this.isThrough();
    else this.timer = setTimeout(() => this.look(), LOOK_INTERVAL_MS);
  }

  private send(): void {
    const most = this.recipient.maxBytes * SHARE;
    let unsent = this.recipient.unsentBytes();
    let sent = 0;
    for (; sent < this.waiting.length; sent++) {
      const held = this.waiting[sent]!;
      const encoding = (this.encoded ??= held.encoding ?? this.recipient.encode(held));
      const bytes = bytesOf(encoding);
      // What is larger than its share goes alone.
      if (unsent > 0 && unsent + bytes > most) break;
      unsent += bytes;
      this.encoded = undefined;
      if (held.encoding) this.waitingBytes -= bytes;
      this.recipient.put(held, encoding);
    }
    this.waiting.splice(0, sent);
  }

  private endSlow(): void {
    this.recipient.lost(this.waiting.filter(({ encoding }) => encoding !== undefined).length);
    this.recipient.end();
  }

  private look(): void {
    if (this.recipient.hasStalled()) this.endSlow();
    else this.giveOn();
  }
}
