import { EntryFailure } from './entry-failure.js';
import type { ReadReply } from '../lua/inbox.js';
import type { RunScript } from '../lua/script.js';
import { READ_INBOX } from '../lua/scripts.js';
import { Subscription } from '../connection/subscription.js';

/** One thing a node is told. */
export interface InboxEntry {
  readonly kind: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** An entry with its number: entries of an inbox are numbered from 1 on, without gaps. */
type Numbered = InboxEntry & { readonly number: number };

/** What an {@link NodeInbox} tells whoever reads it. */
export interface InboxEvents {
  /** Gives entries in order. What it returns is waited for before the next: whoever waits for an entry goes first. */
  entry(entry: InboxEntry): Promise<void> | undefined;
  /** Entries were dropped before they were read. */
  gap(): void;
  /** What an entry was given to has failed; the next goes on. */
  failed(failure: EntryFailure): void;
}

/** How much of the inbox has been read. */
type Reading =
  /** All that is known to be there. */
  | 'complete'
  /** There is something to read that did not come by itself. */
  | 'missing'
  | 'under way'
  /** Since it was asked for, more has come that it may not bring. */
  | 'under way, and missing';

/** Entries that wait while the inbox stands still; more stay in Redis. */
const MAX_WAITING = 1_000;
/** How often is read what should have come by itself: nothing is there, unless messages were lost and nobody noticed. */
const READ_INTERVAL_MS = 1_000;
/** How often is read when something is known to be missing, or messages do not come. */
const RETRY_MS = 100;
const BEHIND_AFTER_MS = 3_500;

/**
 * A node's inbox: entries come as messages of Redis when they are written, and stay in Redis until they were read.
 *
 * Each is numbered. One that is not the next shows that messages were lost, as do a connection that was cut and a look
 * once a second; then what is missing is read. Numbers show too when Redis had to drop entries after all.
 */
export class NodeInbox {
  private readonly subscription: Subscription;
  /** Names the inbox: messages of an earlier one may still be on their way. */
  private beginning = '';
  /** The last entry that was handed on. */
  private last = 0;
  private waiting: Numbered[] = [];
  /** The last entry that was taken in, whether or not it still waits. */
  private tail = 0;
  /** What was handed on has not settled, and the next has to wait. */
  private isHeld = false;
  private reading: Reading = 'complete';
  private lastReadAt = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    url: string,
    key: string,
    private readonly node: string,
    private readonly run: RunScript,
    private readonly events: InboxEvents,
  ) {
    this.subscription = new Subscription(
      url,
      key,
      (message) => this.receive(message),
      () => this.read(),
    );
  }

  /** The last entry that was handed on. */
  get position(): string {
    return idOf(this.last);
  }

  /** Whether nothing could be read for a while, so that nobody knows what there is to read. */
  get isBehind(): boolean {
    return performance.now() - this.lastReadAt > BEHIND_AFTER_MS;
  }

  /** Reads an inbox that was just made. */
  restart(beginning: string): void {
    this.beginning = beginning;
    this.lastReadAt = performance.now();
    this.last = 0;
    this.tail = 0;
    this.waiting = [];
    if (this.timer === undefined) {
      this.subscription.open();
      this.timer = setInterval(() => this.look(), RETRY_MS);
    }
    // Messages may have come before it was known that they are for this inbox.
    this.read();
  }

  stop(): void {
    clearInterval(this.timer);
    this.beginning = '';
    this.waiting = [];
    this.subscription.close();
  }

  private look(): void {
    const isDue = performance.now() - this.lastReadAt > READ_INTERVAL_MS;
    if (isDue) this.subscription.confirm();
    if (isDue || this.isMissing || !this.subscription.isActive) this.read();
  }

  /** What {@link script} makes of the entries. */
  private receive(message: string): void {
    const [beginning, ...entries] = message.split('\r');
    if (beginning !== this.beginning) return;
    for (const each of entries) {
      const end = each.indexOf('\n');
      const entry = numbered(each.slice(0, end), each.slice(end + 1));
      if (entry.number <= this.tail) continue;
      if (entry.number === this.tail + 1 && this.waiting.length < MAX_WAITING) this.take(entry);
      else this.miss();
    }
    this.handOn();
  }

  /** Owns its failures: what could not be read is read at the next look. */
  private read(): void {
    this.miss();
    if (this.reading !== 'missing' || this.waiting.length >= MAX_WAITING) return;
    this.reading = 'under way';
    this.run(READ_INBOX, this.node, idOf(this.tail)).then(
      (reply) => {
        this.reading = this.isMissing ? 'missing' : 'complete';
        this.takeIn(reply as ReadReply);
      },
      () => {
        this.reading = 'missing';
      },
    );
  }

  private takeIn([beginning, entries, more]: ReadReply): void {
    if (beginning !== this.beginning) {
      this.miss();
      return;
    }
    this.lastReadAt = performance.now();
    for (const [id, [, text]] of entries) {
      const entry = numbered(id, text);
      if (entry.number > this.tail) this.take(entry);
    }
    if (more === 1) this.miss();
    this.handOn();
  }

  private get isMissing(): boolean {
    return this.reading === 'missing' || this.reading === 'under way, and missing';
  }

  private miss(): void {
    if (this.reading === 'complete') this.reading = 'missing';
    else if (this.reading === 'under way') this.reading = 'under way, and missing';
  }

  private take(entry: Numbered): void {
    this.tail = entry.number;
    this.waiting.push(entry);
  }

  /** Hands on what waits, and reads on where there is more. */
  private handOn(): void {
    while (!this.isHeld) {
      const entry = this.waiting.shift();
      if (entry === undefined) {
        if (this.isMissing) this.read();
        return;
      }
      const isGap = entry.number !== this.last + 1;
      this.last = entry.number;
      const settled = this.give(entry, isGap);
      if (settled === undefined) continue;
      this.isHeld = true;
      void settled.then(() => {
        this.isHeld = false;
        this.handOn();
      });
    }
  }

  /** Never rejects; `undefined` when the next entry may follow at once. */
  private give(entry: InboxEntry, isGap: boolean): Promise<void> | undefined {
    const failed = (failure: unknown): void => this.events.failed(new EntryFailure(entry.kind, failure));
    try {
      if (isGap) this.events.gap();
      return this.events.entry(entry)?.catch(failed);
    } catch (failure) {
      failed(failure);
      return undefined;
    }
  }
}

const idOf = (number: number): string => `1-${number}`;

/** An entry as {@link script} writes it. */
function numbered(id: string, text: string): Numbered {
  const [kind = '', ...lines] = text.split('\n');
  const fields: Record<string, string> = {};
  for (let index = 0; index < lines.length; index += 2) fields[lines[index]!] = lines[index + 1]!;
  return { number: Number(id.slice(id.indexOf('-') + 1)), kind, fields };
}
