import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { SwitchboardError } from '../../../protocol/errors.js';
import { connectAnew, createClient, isFenced, isReply, reasonOf, runScript, unavailable } from './client.js';
import { TimeLimit } from '../node/time-limit.js';
import type { Script } from '../lua/script.js';

/** What a {@link RequestConnection} tells whoever uses it. */
export interface RequestConnectionEvents {
  /** Redis answers, or answers again: what became of everything before is not known. */
  answers(): void;
  /** The connection cannot be used. Called once until it answers again. */
  gone(reason: string): void;
  /** A script was refused because Redis does not know the generation among its arguments, or not any longer. */
  fenced(args: readonly (string | number)[]): void;
}

/** How long the start waits for Redis. */
const FIRST_ANSWER_WITHIN_MS = 2_000;
/** How long a hung connection is kept, in case only Redis was busy. */
const GIVE_UP_AFTER_MS = 5_000;

/** Where a connection is in its life. */
type ConnectionState =
  /** The connection is not made, has broken, or does not have the scripts yet. */
  | { readonly is: 'down' }
  | { readonly is: 'usable' }
  /** Redis has not answered in time. It is given up later, unless an answer comes: then it is what it was `before`. */
  | { readonly is: 'hung'; readonly before: ConnectionState; readonly giveUp: NodeJS.Timeout }
  | { readonly is: 'closed' };

const DOWN: ConnectionState = { is: 'down' };
const USABLE: ConnectionState = { is: 'usable' };
const CLOSED: ConnectionState = { is: 'closed' };

/**
 * The connection that requests go over, in order.
 *
 * No request waits longer than an answer may take. The first that would makes the link unusable, so that the next
 * fail at once, until Redis answers that one or a new connection is made.
 */
export class RequestConnection {
  readonly client: Redis;
  private state: ConnectionState = DOWN;
  private lastReason = 'Redis has not answered yet';
  private refusedBecause: string | undefined;
  private preparing: Promise<void> = Promise.resolve();
  private readonly deadlines: TimeLimit;

  /** @param answerWithinMs how long an answer may take before Redis counts as hung */
  constructor(
    url: string,
    private readonly key: string,
    private readonly scripts: readonly Script[],
    private readonly events: RequestConnectionEvents,
    answerWithinMs: number,
  ) {
    this.deadlines = new TimeLimit(answerWithinMs);
    this.client = createClient(url, key);
    this.client.on('error', (failure: unknown) => this.lose(reasonOf(failure)));
    this.client.on('close', () => this.lose());
    this.client.on('ready', () => (this.preparing = this.prepare()));
  }

  get isUsable(): boolean {
    return this.state.is === 'usable';
  }

  /** Why it is not usable; never holds a secret. */
  get reason(): string {
    return this.lastReason;
  }

  /** Why Redis last refused to do something, until it does such things again. */
  get refusal(): string | undefined {
    return this.refusedBecause;
  }

  /** Tries once and then keeps trying by itself; resolves after the first try. */
  async open(): Promise<void> {
    // Where the address is asked of others, it is asked again and again before connecting fails.
    const failed = new Promise<void>((resolve) => this.client.once('error', () => resolve()));
    // What it rejects with says less than the error event before it.
    const connected = this.client.connect().catch(() => this.lose());
    // Something may accept the connection and never answer.
    await Promise.race([connected, failed, delay(FIRST_ANSWER_WITHIN_MS, undefined, { ref: false })]);
    await this.preparing;
  }

  /** @throws SwitchboardError `engine.unavailable` whatever the failure, which is its cause */
  run(script: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    if (!this.isUsable) return Promise.reject(unavailable());
    return new Promise((resolve, reject) => {
      const [answered, failed] = this.inTime(
        (reply) => {
          if (!script.needsNoMemory) this.refusedBecause = undefined;
          resolve(reply);
        },
        (failure) => {
          if (isFenced(failure)) this.events.fenced(args);
          else if (isReply(failure)) this.lastReason = this.refusedBecause = reasonOf(failure);
          reject(failure instanceof SwitchboardError ? failure : unavailable(failure));
        },
      );
      runScript(this.client, script, this.key, args, answered, failed);
    });
  }

  close(): void {
    this.become(CLOSED);
    this.client.disconnect();
  }

  /** Scripts are there before anything is sent, so that none is sent twice and out of order. */
  private async prepare(): Promise<void> {
    try {
      await new Promise((resolve, reject) => {
        const loaded = Promise.all(this.scripts.map(({ lua }) => this.client.script('LOAD', lua)));
        loaded.then(...this.inTime(resolve, reject));
      });
    } catch (failure) {
      this.lose(reasonOf(failure));
      connectAnew(this.client);
      return;
    }
    if (this.state.is === 'closed') return;
    this.become(USABLE);
    this.events.answers();
  }

  private become(state: ConnectionState): void {
    if (this.state.is === 'hung') clearTimeout(this.state.giveUp);
    this.state = state;
  }

  /** Both, until Redis has taken too long: the second is told so, and neither is told anything more. */
  private inTime(answered: (reply: unknown) => void, failed: (failure: unknown) => void) {
    let isOver = false;
    const end = this.deadlines.add(() => {
      isOver = true;
      this.hang();
      failed(unavailable());
    });
    return [
      (reply: unknown): void => {
        end();
        this.wake();
        if (!isOver) answered(reply);
      },
      (failure: unknown): void => {
        end();
        if (isReply(failure)) this.wake();
        if (!isOver) failed(failure);
      },
    ] as const;
  }

  private hang(): void {
    const before = this.state;
    if (before.is === 'hung' || before.is === 'closed') return;
    const giveUp = setTimeout(() => connectAnew(this.client), GIVE_UP_AFTER_MS);
    this.become({ is: 'hung', before, giveUp });
    this.lastReason = 'Redis does not answer';
    if (before.is === 'usable') this.events.gone(this.lastReason);
  }

  /** Redis has answered. */
  private wake(): void {
    if (this.state.is !== 'hung') return;
    this.become(this.state.before);
    if (this.isUsable) this.events.answers();
  }

  private lose(reason?: string): void {
    if (this.state.is === 'closed') return;
    const wasUsable = this.isUsable;
    if (reason !== undefined) this.lastReason = reason;
    else if (wasUsable) this.lastReason = 'the connection to Redis broke';
    this.become(DOWN);
    if (wasUsable) this.events.gone(this.lastReason);
  }
}
