import { KEEP_EVENTS_MS, type Outbox, type OutboxEvent } from '../engine/outbox.js';
import type { Endpoint } from './endpoint.js';
import { firstSeqOf, newParcel, type Parcel, type SentParcel } from './parcel.js';
import { retryDelayMs } from './retry-schedule.js';
import type { WebhookClock } from './webhook-clock.js';
import { batchOf, lostMessage, messageOf, type LostEvents, type WebhookMessage } from './webhook-message.js';
import type { PostResult } from './webhook-post.js';

/** How many events of a partition a node holds for an endpoint. */
const READ_AT_ONCE = 200;
/** Requests with events of different keys, side by side. 16 partitions of them fill the connections to one origin. */
const SIDE_BY_SIDE = 4;
const BATCH_SIZE = 100;
/** What the events of a batch take at the most, unless one alone takes more: receivers limit what they read. */
const MAX_BATCH_BYTES = 90_000;

/** What a lane needs of its sender. */
export interface LaneContext {
  readonly read: Outbox['read'];
  readonly clock: WebhookClock;
  /** Sends a message. Never rejects. */
  readonly post: (endpoint: Endpoint, message: WebhookMessage) => Promise<PostResult>;
  /** Whether this node may still take the partition for its own. */
  readonly isOwner: () => boolean;
  /** Everything up to `seq` is delivered. */
  readonly delivered: (lane: Lane, seq: number) => void;
  /** One attempt is over. `retryInMs` when there is another one. */
  readonly attempted: (lane: Lane, parcel: SentParcel, result: PostResult, retryInMs?: number) => void;
  readonly lost: (lane: Lane, lost: LostEvents) => void;
  /** The endpoint answered that it is gone. */
  readonly gone: (endpoint: Endpoint) => void;
}

/**
 * Events of one partition on their way to one endpoint. [W6]
 *
 * Those of one key go one after another, others side by side; none is begun while one has failed and is to be tried again.
 * Where the endpoint takes batches, one goes after another.
 */
export class Lane {
  /** Read, and not begun. */
  private waiting: Parcel[] = [];
  /** Begun in this order, and not yet part of what is delivered. */
  private readonly begun: Parcel[] = [];
  private readonly busyKeys = new Set<string>();
  private readonly retries = new Map<Parcel, () => void>();
  private inFlight = 0;
  private readUpTo: number;
  private isReading = false;
  private isEnded = false;
  /** Whether it begins nothing more, because its partition is to be given back. */
  isRetiring = false;

  constructor(
    readonly endpoint: Endpoint,
    readonly epoch: string,
    readonly partition: number,
    readonly replays: number,
    private deliveredUpTo: number,
    private readonly context: LaneContext,
  ) {
    this.readUpTo = deliveredUpTo;
  }

  /** Nothing is under way: it can be given to another node. */
  get isIdle(): boolean {
    return this.inFlight === 0 && !this.isReading;
  }

  /** When the oldest event that waits here was written. */
  get oldest(): number | undefined {
    return (this.begun.find(({ isDone }) => !isDone) ?? this.waiting[0])?.at;
  }

  /** What comes of requests under way counts no longer. */
  end(): void {
    this.isEnded = true;
    for (const cancel of this.retries.values()) cancel();
    this.endpoint.failing -= this.retries.size;
    this.retries.clear();
    this.waiting = [];
  }

  /** Sends what can be sent. @param last the partition's last event, as far as is known */
  pump(last = 0): void {
    if (!this.mayBegin) return;
    if (this.endpoint.isBatched) this.pumpBatch();
    else this.pumpSingles();
    if (this.waiting.length === 0 && !this.isReading && this.readUpTo < last) void this.read(last);
  }

  private get mayBegin(): boolean {
    return (
      !this.isEnded &&
      !this.isRetiring &&
      !this.endpoint.isStopped &&
      this.retries.size === 0 &&
      this.context.isOwner()
    );
  }

  private pumpSingles(): void {
    const passed = new Set<string>();
    for (let index = 0; index < this.waiting.length && this.inFlight < SIDE_BY_SIDE;) {
      const parcel = this.waiting[index]!;
      const { key } = parcel;
      // News of a loss stands between what was before and what comes after.
      if (parcel.lost !== undefined && (index > 0 || this.inFlight > 0)) return;
      if (this.busyKeys.has(key) || passed.has(key)) {
        passed.add(key);
        index++;
        continue;
      }
      this.waiting.splice(index, 1);
      this.begin(parcel);
      if (parcel.lost !== undefined) return;
    }
  }

  private pumpBatch(): void {
    if (this.inFlight > 0 || this.waiting.length === 0) return;
    const first = this.waiting[0]!;
    if (first.lost !== undefined) {
      this.begin(this.waiting.shift()!);
      return;
    }
    const parcels = this.waiting.splice(0, this.batchSize());
    const events = parcels.flatMap((parcel) => parcel.events);
    const messages = parcels.map(({ message }) => message);
    this.begin(newParcel(events, batchOf(messages, events.at(-1)!.seq, this.context.clock.now())));
  }

  /** How many of those that wait go into one request, at least one. */
  private batchSize(): number {
    let bytes = 0;
    const most = this.waiting.slice(0, BATCH_SIZE);
    const end = most.findIndex(({ lost, message }) => {
      bytes += Buffer.byteLength(message.body);
      return lost !== undefined || bytes > MAX_BATCH_BYTES;
    });
    return end < 0 ? most.length : Math.max(end, 1);
  }

  private async read(last: number): Promise<void> {
    this.isReading = true;
    try {
      const events = await this.context.read(this.partition, this.readUpTo, READ_AT_ONCE);
      if (!this.isEnded) for (const event of events) this.take(event);
    } catch {
      // Shared state is gone; the next look at it begins again.
      return;
    } finally {
      this.isReading = false;
    }
    this.advance();
    this.pump(last);
  }

  /** An event that was read; those before it that were not, and those that are too old, are lost. */
  private take(event: OutboxEvent): void {
    if (event.seq > this.readUpTo + 1) this.lose(event.epoch, this.readUpTo + 1, event.seq - 1);
    this.readUpTo = event.seq;
    if (!this.endpoint.wants(event)) return;
    if (this.isTooOld(event.at)) this.lose(event.epoch, event.seq, event.seq);
    else this.waiting.push(newParcel([event], messageOf(event)));
  }

  /** What follows on a loss is part of it: the endpoint is told once. */
  private lose(epoch: string, from: number, to: number): void {
    const before = this.waiting.at(-1)?.lost;
    const count = to - from + 1;
    const { partition } = this;
    this.context.lost(this, { epoch, partition, from, to, count });
    if (before === undefined) {
      this.waiting.push(this.parcelOfLoss({ epoch, partition, from, to, count }));
    } else {
      this.waiting[this.waiting.length - 1] = this.parcelOfLoss({
        ...before,
        to,
        count: before.count + count,
      });
    }
  }

  private parcelOfLoss(lost: LostEvents): Parcel {
    const at = this.context.clock.now();
    return { key: '', events: [], lost, message: lostMessage(lost, at), at, attempts: 0, isDone: false };
  }

  private begin(parcel: Parcel): void {
    this.begun.push(parcel);
    this.busyKeys.add(parcel.key);
    void this.send(parcel);
  }

  private async send(parcel: Parcel): Promise<void> {
    this.inFlight++;
    parcel.attempts++;
    const result = await this.context.post(this.endpoint, parcel.message);
    this.inFlight--;
    if (this.isEnded) return;
    switch (result.outcome) {
      case 'delivered':
        this.context.attempted(this, parcel, result);
        parcel.isDone = true;
        this.busyKeys.delete(parcel.key);
        this.advance();
        this.pump(this.readUpTo);
        return;
      case 'gone':
        this.context.attempted(this, parcel, result);
        this.standStill(parcel);
        this.context.gone(this.endpoint);
        return;
      case 'failed': {
        const delayMs = retryDelayMs(parcel.attempts, result.retryAfterMs, Math.random());
        this.context.attempted(this, parcel, result, delayMs);
        this.retry(parcel, delayMs);
        return;
      }
      default:
        result.outcome satisfies never;
    }
  }

  /** The lane stands still until it has succeeded, or is too old. */
  private retry(parcel: Parcel, delayMs: number): void {
    this.endpoint.failing++;
    const again = (): void => {
      this.retries.delete(parcel);
      this.endpoint.failing--;
      if (this.endpoint.isStopped) this.standStill(parcel);
      // Shared state could not be asked for a while; the sender says soon whose partition it is.
      else if (!this.context.isOwner()) this.retry(parcel, 1_000);
      else this.sendAgain(parcel);
    };
    this.retries.set(parcel, this.context.clock.after(delayMs, again));
  }

  /** Until the endpoint is told to go on, which begins with a new lane. */
  private standStill(parcel: Parcel): void {
    this.endpoint.failing++;
    this.retries.set(parcel, () => undefined);
  }

  private sendAgain(parcel: Parcel): void {
    if (parcel.lost === undefined && this.isTooOld(parcel.at)) this.giveUp(parcel);
    void this.send(parcel);
  }

  /** What could not be delivered in a day is lost, with what waits behind it for as long; the endpoint is told in its place. */
  private giveUp(parcel: Parcel): void {
    const events = [...parcel.events];
    while (this.waiting[0]?.lost === undefined && this.isTooOld(this.waiting[0]?.at)) {
      events.push(...this.waiting.shift()!.events);
    }
    const [{ epoch, seq: from }, { seq: to }] = [events[0]!, events.at(-1)!];
    const lost = { epoch, partition: this.partition, from, to, count: events.length };
    parcel.lost = lost;
    parcel.at = this.context.clock.now();
    parcel.attempts = 0;
    parcel.message = lostMessage(lost, parcel.at);
    this.context.lost(this, lost);
  }

  private isTooOld(at = Infinity): boolean {
    return at < this.context.clock.now() - KEEP_EVENTS_MS;
  }

  /** Up to the first that is not done. What the endpoint does not want is done when everything before it is. */
  private advance(): void {
    while (this.begun[0]?.isDone) this.begun.shift();
    let first = this.waiting.length > 0 ? firstSeqOf(this.waiting[0]!) : this.readUpTo + 1;
    for (const parcel of this.begun) if (!parcel.isDone) first = Math.min(first, firstSeqOf(parcel));
    if (first - 1 <= this.deliveredUpTo) return;
    this.deliveredUpTo = first - 1;
    this.context.delivered(this, this.deliveredUpTo);
  }
}
