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
/** The inbox is read after that long, unless a renewal of the lease has said since that nothing else is there. */
const UNSURE_AFTER_MS = 2_000;
/** How often is read when something is known to be missing, or messages do not come. */
const RETRY_MS = 100;
/** How often is asked for messages again where all have come. */
const CONFIRM_INTERVAL_MS = 5_000;
const BEHIND_AFTER_MS = 3_500;

/**
 * A node's inbox: entries come as messages of Redis when they are written, and stay in Redis until they were read.
 *
 * Each is numbered. One that is not the next shows that messages were lost, as do a connection that was cut and each
 * renewal of the lease; then what is missing is read. Numbers show too when Redis had to drop entries after all. Where all
 * has come and the lease is renewed, the inbox wakes its node for nothing.
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
  /** When all was known to be read, or what there was has been read. */
  private lastReadAt = 0;
  private confirmedAt = 0;
  /** Goes off when nobody has said for a while that nothing is missing. */
  private unsure: NodeJS.Timeout | undefined;
  /** Goes off soon, while something is missing. */
  private retry: NodeJS.Timeout | undefined;

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
      () => this.watch(),
    );
  }

  /** The last entry that was handed on. */
  get position(): string {
    return idOf(this.last);
  }

  /** The last entry that was taken in. */
  get taken(): string {
    return idOf(this.tail);
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
    if (this.unsure === undefined) {
      this.subscription.open();
      this.unsure = setTimeout(() => this.look(), UNSURE_AFTER_MS);
    }
    // Messages may have come before it was known that they are for this inbox.
    this.read();
    this.watch();
  }

  stop(): void {
    clearTimeout(this.unsure);
    clearTimeout(this.retry);
    this.unsure = undefined;
    this.beginning = '';
    this.waiting = [];
    this.subscription.close();
  }

  /**
   * The lease has been renewed, and its renewal has looked into the inbox.
   * @param hasMore whether there was more than had been taken in when it was asked
   */
  lookedAt(beginning: string, hasMore: boolean): void {
    if (beginning !== this.beginning || this.unsure === undefined) return;
    if (hasMore) this.look();
    else this.isComplete();
  }

  private isComplete(): void {
    this.lastReadAt = performance.now();
    this.unsure?.refresh();
    if (this.lastReadAt - this.confirmedAt > CONFIRM_INTERVAL_MS) this.confirm();
  }

  private look(): void {
    this.confirm();
    this.read();
  }

  private confirm(): void {
    this.confirmedAt = performance.now();
    this.subscription.confirm();
  }

  /** Reads again soon, for as long as something is missing or messages do not come. */
  private watch(): void {
    if (this.unsure === undefined || this.retry !== undefined) return;
    if (!this.isMissing && this.subscription.isActive) return;
    this.retry = setTimeout(() => {
      this.retry = undefined;
      if (performance.now() - this.lastReadAt > UNSURE_AFTER_MS) this.confirm();
      if (this.isMissing || !this.subscription.isActive) this.read();
      this.watch();
    }, RETRY_MS);
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
        this.watch();
      },
    );
  }

  private takeIn([beginning, entries, more]: ReadReply): void {
    if (beginning !== this.beginning) {
      this.miss();
      this.watch();
      return;
    }
    this.isComplete();
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
