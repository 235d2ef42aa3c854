import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { createClient } from './connection.js';
import { EntryFailure } from './entry-failure.js';

/** One thing a node is told. */
export interface InboxEntry {
  readonly kind: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What an {@link Inbox} tells whoever reads it. */
export interface InboxEvents {
  /** Gives entries in order. What it returns is waited for before the next: whoever waits for an entry goes first. */
  entry(entry: InboxEntry): Promise<void> | undefined;
  /** Entries were dropped before they were read. */
  gap(): void;
  /** What an entry was given to has failed; the next goes on. */
  failed(failure: EntryFailure): void;
}

const READ_AT_MOST = 1_000;
const BLOCK_MS = 1_000;
/** No answer to a read for this long means that the connection is dead, though nobody said so. */
const GIVE_UP_AFTER_MS = 6_000;
const RETRY_MS = 100;
/** Redis answers a read at least once per {@link BLOCK_MS}. */
const BEHIND_AFTER_MS = 3_500;

/**
 * Reads a node's inbox on a connection of its own, because the read blocks it.
 *
 * Entries stay until they were read, so a connection that is cut loses none: reading goes on after the last one. Each is
 * numbered, which shows when Redis had to drop some after all.
 */
export class Inbox {
  private readonly client: Redis;
  private readonly stopped = new AbortController();
  private lastId = '0-0';
  private lastCount = 0;
  /** Rises when reading starts from the beginning, so that an answer to an older read is not taken for new. */
  private beginning = 0;
  private isReading = false;
  private lastAnswerAt = 0;
  private loop: Promise<void> = Promise.resolve();

  constructor(
    url: string,
    private readonly key: string,
    private readonly events: InboxEvents,
  ) {
    this.client = createClient(url, key);
    // Its state shows in whether reads succeed, and the link tells why not.
    this.client.on('error', () => undefined);
  }

  /** The last entry that was handed on. */
  get position(): string {
    return this.lastId;
  }

  /** Whether nothing could be read for a while, so that nobody knows what there is to read. */
  get isBehind(): boolean {
    return performance.now() - this.lastAnswerAt > BEHIND_AFTER_MS;
  }

  /** Reads an inbox that was just made. */
  restart(): void {
    this.lastAnswerAt = performance.now();
    this.lastId = '0-0';
    this.lastCount = 0;
    this.beginning++;
    if (!this.isReading) {
      this.isReading = true;
      this.loop = this.read();
    }
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    this.client.disconnect();
    await this.loop;
  }

  private async read(): Promise<void> {
    await this.client.connect().catch(() => undefined);
    while (!this.stopped.signal.aborted) {
      const beginning = this.beginning;
      try {
        const streams = await this.readOnce();
        this.lastAnswerAt = performance.now();
        for (const [id, written] of streams) {
          if (beginning !== this.beginning || this.stopped.signal.aborted) break;
          await this.handOn(id, fieldsOf(written));
        }
      } catch {
        await delay(RETRY_MS, undefined, { signal: this.stopped.signal }).catch(() => undefined);
      }
    }
  }

  private async readOnce(): Promise<[id: string, fields: string[]][]> {
    const giveUp = setTimeout(() => this.client.disconnect(true), GIVE_UP_AFTER_MS);
    try {
      const streams = await this.client.xread(
        'COUNT',
        READ_AT_MOST,
        'BLOCK',
        BLOCK_MS,
        'STREAMS',
        this.key,
        this.lastId,
      );
      return streams?.[0]?.[1] ?? [];
    } finally {
      clearTimeout(giveUp);
    }
  }

  /** Never rejects; `undefined` when the next entry may follow at once. */
  private handOn(id: string, fields: Readonly<Record<string, string>>): Promise<void> | undefined {
    this.lastId = id;
    const count = Number(fields['c']);
    const isGap = count !== this.lastCount + 1;
    this.lastCount = count;
    const kind = fields['k']!;
    const failed = (failure: unknown): void => this.events.failed(new EntryFailure(kind, failure));
    try {
      if (isGap) this.events.gap();
      return this.events.entry({ kind, fields })?.catch(failed);
    } catch (failure) {
      failed(failure);
      return undefined;
    }
  }
}

function fieldsOf(written: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let index = 0; index < written.length; index += 2) fields[written[index]!] = written[index + 1]!;
  return fields;
}
