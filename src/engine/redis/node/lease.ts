import { randomBytes } from 'node:crypto';
import { unavailable } from '../connection/client.js';
import type { RunScript } from '../lua/script.js';
import { ATTACH, REAP, RENEW } from '../lua/scripts.js';

/** How a node finds itself in shared state. See the script. */
export type Outcome = 'new' | 'kept' | 'lost' | 'fenced';

/** Where a node stands after it has made itself known. */
export interface Attached {
  readonly outcome: Outcome;
  readonly epoch: string;
  readonly seq: number;
  /** How often this node has changed the registry, as far as these contents know. */
  readonly writes: number;
}

/** What is to be done, as the renewal of a lease that is held tells it. */
export interface Held {
  readonly state: 'held';
  readonly lapsed: readonly string[];
  readonly endedSessions: number;
  readonly overdue: number;
  /** Logs that may have lapsed and are counted still. */
  readonly lapsingLogs: number;
  /** Users and members that did not come back, whose events wait for that. */
  readonly away: number;
  /** Publications that sessions have ended without, and no node was told so yet. [D10] */
  readonly undelivered: number;
  /** Which inbox this node has, and whether there is more in it than had been taken in. */
  readonly inbox: { readonly beginning: string; readonly hasMore: boolean };
}

/** How much of its inbox a node has. */
export interface InboxProgress {
  /** The last entry that was handed on. */
  readonly position: string;
  /** The last entry that was taken in. */
  readonly taken: string;
}

type RenewReply =
  | readonly ['lost' | 'fenced']
  | readonly [
      'ok',
      lapsed: string[],
      endedSessions: number,
      overdue: number,
      lapsingLogs: number,
      redisTime: string,
      away: number,
      undelivered: number,
      wallTime: string,
      beginning: string,
      hasMore: 0 | 1,
    ];

/** What a renewal tells. */
export type Renewal = Held | { readonly state: 'lost' | 'fenced' };

type AttachReply =
  | readonly [outcome: 'dying']
  | readonly [outcome: 'stale']
  | readonly [
      outcome: Outcome,
      epoch: string,
      place: number | string,
      writes: number,
      redisTime: string,
      wallTime: string,
    ];

/** Sockets and sessions that are taken out at once, so that Redis answers others in between. */
const BATCH_SIZE = 200;

export interface LeaseSettings {
  readonly node: string;
  readonly startedAt: Date;
  readonly leaseMs: number;
  readonly recoveryWindowMs: number;
  /** How long logs of sessions are kept. */
  readonly sessionsKeepMs: number;
  /** What the logs of all parts may take. [Q7] */
  readonly maxHistoryBytes: number;
  /** How many sessions of one user may wait; 0 for no limit. [Q8] */
  readonly maxWaitingPerUser?: number;
  /** Host, PID and version, as JSON. */
  readonly runsAt?: string;
}

/**
 * This node's lease on what it has written. Time is that of Redis alone.
 *
 * The generation fences it: when others have taken the node for dead, what it still writes is refused. It changes each
 * time the node makes itself known, so that what it sent before and Redis runs late is refused as well.
 */
export class Lease {
  private readonly base = randomBytes(6).toString('base64url');
  /** Rises with each attempt, whether or not an answer came: each generation is newer than all that were sent. */
  private attempts = 0;
  private generation = '';
  /** The generation that what this node has in Redis began with. */
  private from = '';
  private epoch = '';
  /** The time that the last renewal gave, and when it was sent by the clock of this process. */
  private renewed: { readonly redisTime: string; readonly at: number } | undefined;
  /** What the wall clock of Redis shows when the clock of this process is at 0. */
  private wallOffsetMs = performance.timeOrigin;

  constructor(
    private readonly run: RunScript,
    private readonly settings: LeaseSettings,
  ) {}

  /** What a script is given to prove who writes. */
  get identity(): readonly [node: string, generation: string] {
    return [this.settings.node, this.generation];
  }

  /** What names this node's inbox, as long as it has the same one. */
  get beginning(): string {
    return this.from;
  }

  /** What the wall clock of Redis shows now, as the last renewal tells: in ms since 1970, ahead by what that took. */
  wallTime(): number {
    return Math.round(this.wallOffsetMs + performance.now());
  }

  /** Makes the node known, or finds out what became of it. */
  async attach(seq: number): Promise<Attached> {
    const { node, startedAt, leaseMs, maxHistoryBytes, maxWaitingPerUser = 0, runsAt = '' } = this.settings;
    const isNew = this.generation === '';
    let isFenced = false;
    for (;;) {
      const generation = `${this.base}.${++this.attempts}`;
      const at = performance.now();
      const reply = (await this.run(
        ATTACH,
        node,
        this.from,
        generation,
        startedAt.toISOString(),
        leaseMs,
        newEpoch(),
        this.epoch,
        seq,
        maxHistoryBytes,
        maxWaitingPerUser,
        runsAt,
      )) as AttachReply;
      // An answer to an attempt that was given up; what became of the node, a later one tells.
      if (reply[0] === 'stale') throw unavailable();
      if (reply[0] !== 'dying') {
        const [outcome, epoch, place, writes, redisTime, wallTime] = reply;
        this.generation = generation;
        if (outcome !== 'kept') this.from = generation;
        this.epoch = epoch;
        this.renewed = { redisTime, at };
        this.wallOffsetMs = Number(wallTime) - at;
        return { outcome: isFenced && !isNew ? 'fenced' : outcome, epoch, seq: Number(place), writes };
      }
      isFenced = true;
      await this.takeOut(node, 'dead');
    }
  }

  async renew({ position, taken }: InboxProgress, seq: number): Promise<Renewal> {
    const at = performance.now();
    const { renewed } = this;
    const reply = (await this.run(
      RENEW,
      ...this.identity,
      this.settings.leaseMs,
      position,
      this.epoch,
      seq,
      renewed?.redisTime ?? '',
      renewed === undefined ? 0 : Math.round(at - renewed.at),
      taken,
    )) as RenewReply;
    if (reply[0] !== 'ok') {
      this.renewed = undefined;
      return { state: reply[0] };
    }
    const [, lapsed, endedSessions, overdue, lapsingLogs, redisTime, away, undelivered, wallTime] = reply;
    this.renewed = { redisTime, at };
    this.wallOffsetMs = Number(wallTime) - at;
    const inbox = { beginning: reply[9], hasMore: reply[10] === 1 };
    return { state: 'held', lapsed, endedSessions, overdue, lapsingLogs, away, undelivered, inbox };
  }

  /**
   * Takes everything of a dead node out. Gives how many sockets it held, or nothing when others have done it.
   *
   * @param renewWhenDue run before each batch, so that this node does not lose its own lease over it
   */
  reap(node: string, renewWhenDue: () => Promise<void>): Promise<number | undefined> {
    return this.takeOut(node, '', renewWhenDue);
  }

  /** Takes out what this node still holds. */
  async giveUp(): Promise<void> {
    await this.takeOut(...this.identity);
  }

  private async takeOut(
    node: string,
    generation: string,
    beforeBatch?: () => Promise<void>,
  ): Promise<number | undefined> {
    for (;;) {
      await beforeBatch?.();
      const held = (await this.run(
        REAP,
        node,
        generation,
        BATCH_SIZE,
        this.settings.recoveryWindowMs,
        this.settings.sessionsKeepMs,
      )) as number;
      if (held !== -1) return held < 0 ? undefined : held;
    }
  }
}

/** Short, because every position of every client carries it; letters and digits only, because it stands in URLs. */
const newEpoch = (): string => BigInt(`0x${randomBytes(5).toString('hex')}`).toString(36);
