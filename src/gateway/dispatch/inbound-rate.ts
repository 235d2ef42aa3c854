import { leaveRate, takeOverRate } from '../../limits/rate-carryover.js';
import type { ReturningUsers } from '../../limits/returning-users.js';
import { charge, createBucket, isAbusive, take, type TokenBucket } from '../../limits/token-bucket.js';
import { valueBytes } from '../../protocol/value-bytes.js';
import { socketState, type GatewaySocket } from '../../sockets/socket-state.js';
import { Backlog, type Postponed } from './backlog.js';

/** What the rates of all sockets of a namespace share. */
export interface RateContext {
  readonly eventsPerSecond: number;
  readonly eventsBurst: number;
  readonly returning: Pick<ReturningUsers, 'isReturning'>;
}

/** Takes the events that waited for the rate. */
export interface TakesLate<Event> {
  /** Whether there is no room for another one now. */
  readonly isFull: boolean;
  enqueue(event: Event): void;
}

/** What becomes of an event: handled now, handed over later, or refused. */
export type RateVerdict = 'now' | 'later' | { readonly retryAfterMs: number; readonly isFlooding: boolean };

/** A client that came back sends what it has saved up at once. */
const CATCH_UP_WITHIN_MS = 5_000;

/** How fast one socket may send events, and acknowledgements that nobody waits for. [Q1] [Q4] [Q8] */
export class InboundRate<Event extends Postponed> {
  /** Made with the first event. */
  private bucket: TokenBucket | undefined = undefined;
  private backlog: Backlog<Event> | undefined = undefined;
  private mayCatchUpUntil = 0;
  private strays: TokenBucket | undefined = undefined;

  constructor(
    private readonly socket: GatewaySocket,
    private readonly context: RateContext,
    private readonly inbox: TakesLate<Event>,
  ) {}

  take(event: Event): RateVerdict {
    const { eventsPerSecond, eventsBurst } = this.context;
    const bucket = (this.bucket ??= this.firstBucket());
    // What comes after a backlog is handled after it.
    if (this.backlog?.add(event)) return 'later';
    const retryAfterMs = take(bucket, performance.now(), eventsPerSecond, eventsBurst);
    if (retryAfterMs === 0) return 'now';
    if (!this.backlog && performance.now() < this.mayCatchUpUntil) {
      this.backlog = this.createBacklog(bucket);
      if (this.backlog.add(event)) return 'later';
    }
    return { retryAfterMs, isFlooding: isAbusive(bucket, eventsBurst) };
  }

  /**
   * Counts an acknowledgement that nobody waits for. They have a rate of their own: an honest client may have answered many
   * requests too late at once.
   *
   * @returns whether the client floods the gateway with them
   */
  takeStray(): boolean {
    const { eventsPerSecond, eventsBurst } = this.context;
    this.strays ??= createBucket();
    take(this.strays, performance.now(), eventsPerSecond, eventsBurst);
    return isAbusive(this.strays, eventsBurst);
  }

  /** Takes what an answer costs beyond its request. [Q8] */
  charge(answer: unknown): void {
    const { eventsPerSecond, eventsBurst } = this.context;
    if (this.bucket) charge(this.bucket, performance.now(), valueBytes(answer), eventsPerSecond, eventsBurst);
  }

  /** The socket has ended; the next one of its connection goes on at the same rate. */
  stop(): void {
    this.backlog?.stop();
    const { conn } = this.socket;
    if (this.bucket && conn.readyState === 'open') leaveRate(conn, this.bucket);
  }

  /** What a client that came back has saved up may take its time. */
  private firstBucket(): TokenBucket {
    const before = takeOverRate(this.socket.conn);
    if (!before && this.context.returning.isReturning(socketState(this.socket))) {
      this.mayCatchUpUntil = performance.now() + CATCH_UP_WITHIN_MS;
    }
    return before ?? createBucket();
  }

  private createBacklog(bucket: TokenBucket): Backlog<Event> {
    const { context, inbox } = this;
    return new Backlog<Event>({
      take: () => {
        const waitMs = take(bucket, performance.now(), context.eventsPerSecond, context.eventsBurst);
        if (waitMs > 0) bucket.excess--;
        return waitMs;
      },
      isFull: () => inbox.isFull,
      handle: (event) => inbox.enqueue(event),
      emptied: () => (this.backlog = undefined),
    });
  }
}
