import { steadyNow } from '../../../timers/steady-clock.js';
import type { RevocationChanges, SharedRevocations } from '../../revocations.js';
import type { RequestConnection } from '../connection/request-connection.js';
import type { RevocationOrder } from '../lua/revocation.js';
import { luaJson, type RunScript } from '../lua/script.js';
import type { NodeContext } from '../node/node-context.js';
import { LOAD_REVOCATIONS, REVOKE } from '../lua/scripts.js';

/** Below this many a sweep is not worth its while. */
const MIN_SWEEP_SIZE = 1_024;

/** How soon Redis is told again what it was not told. */
const RETRY_MS = 500;

/** Of a user the block and its end are about the same. */
const keyOf = ([kind, name]: RevocationOrder): string => `${kind === 'unblock' ? 'block' : kind} ${name}`;

/** JSON has no infinity; a time that far away is none. */
const FOREVER = Number.MAX_SAFE_INTEGER;
const written = (untilMs: number): number => Math.min(untilMs, FOREVER);
const read = (untilMs: number): number => (untilMs >= FOREVER ? Infinity : untilMs);

/**
 * Blocks and revocations of all nodes, in Redis. [A6]
 *
 * Each node holds a copy, because every connection and every request asks. A change is made in Redis and announced in
 * all inboxes in one step; whoever was away loads everything again when it is back.
 */
export class RedisRevocations implements SharedRevocations {
  private replica: RevocationChanges | undefined;
  private changed: (user?: string) => void = () => undefined;
  /** What this copy has been told, by kind and name: it outlives a Redis that comes back empty. */
  private readonly known = new Map<string, RevocationOrder>();
  private sweepAtSize = MIN_SWEEP_SIZE;
  /** What this node was asked for and Redis was not told: it holds here and stands until the others know it. [A8] */
  private readonly standing = new Map<string, RevocationOrder>();
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;
  /** Redis may lack what this copy knows. */
  private isAhead = false;

  constructor(private readonly context: Pick<NodeContext, 'run' | 'identity' | 'renewWhenDue'>) {}

  /** @param changed see {@link SharedRevocations.replicateTo} */
  replicateTo(replica: RevocationChanges, changed: (user?: string) => void): void {
    this.replica = replica;
    this.changed = changed;
  }

  async block(user: string): Promise<void> {
    await this.change(['block', user]);
  }

  async unblock(user: string): Promise<boolean> {
    return (await this.change(['unblock', user])) === 1;
  }

  async revokeJti(jti: string, untilMs: number): Promise<void> {
    await this.change(['token', jti, written(untilMs)]);
  }

  async revokeUser(user: string, issuedBefore: number, untilMs: number): Promise<void> {
    await this.change(['user', user, issuedBefore, written(untilMs)]);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  /** Redis has lost what was in it: nobody who was shut out gets in because of that, however often it has to be tried. */
  lost(): void {
    this.isAhead = true;
  }

  /** Brings the copy in line with Redis, and Redis with the copy where it has lost what was in it. */
  async load(link: Pick<RequestConnection, 'run'>): Promise<void> {
    if (this.replica === undefined) return;
    if (this.isAhead) {
      this.sweep();
      for (const revocation of this.known.values()) {
        await this.revoke(link.run.bind(link), revocation);
        await this.context.renewWhenDue();
      }
      this.isAhead = false;
    }
    await this.tellStanding(link.run.bind(link));
    const [blocked, tokens, users] = (await link.run(LOAD_REVOCATIONS)) as [string[], string[], string[]];
    const still = new Set(blocked);
    for (const [kind, user] of this.known.values()) {
      if (kind === 'block' && !still.has(user) && !this.standing.has(`block ${user}`))
        this.apply(['unblock', user]);
    }
    for (const user of blocked) this.apply(['block', user]);
    for (let index = 0; index < tokens.length; index += 2) {
      this.apply(['token', tokens[index]!, Number(tokens[index + 1])]);
    }
    for (let index = 0; index < users.length; index += 2) {
      const [issuedBefore, untilMs] = JSON.parse(users[index + 1]!) as [number, number];
      this.apply(['user', users[index]!, issuedBefore, untilMs]);
    }
    this.changed();
  }

  /** What another node, or this one, has announced. */
  announced(text: string): void {
    const revocation = JSON.parse(text) as RevocationOrder;
    this.apply(revocation);
    const [kind, name] = revocation;
    // Nobody is ended for being let in again.
    if (kind !== 'unblock') this.changed(kind === 'token' ? undefined : name);
  }

  /**
   * What shuts out is in the copy before Redis is asked, whatever that answers; the other nodes have it as soon as they read
   * their inboxes. [A8]
   */
  private async change(revocation: RevocationOrder): Promise<unknown> {
    const [kind] = revocation;
    const key = keyOf(revocation);
    const stood = this.standing.get(key);
    // What is said last counts: no earlier order is told after it.
    this.standing.delete(key);
    if (kind !== 'unblock') this.apply(revocation);
    try {
      const result = await this.revoke(this.context.run, revocation);
      if (kind === 'unblock') this.apply(revocation);
      return result;
    } catch (failure) {
      this.stands(kind === 'unblock' ? stood : revocation);
      throw failure;
    }
  }

  private stands(revocation: RevocationOrder | undefined): void {
    if (!revocation || this.isStopped) return;
    this.standing.set(keyOf(revocation), revocation);
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      // What could not be told is tried again, for as long as it takes.
      this.tellStanding(this.context.run).catch(() => this.stands(this.standing.values().next().value));
    }, RETRY_MS).unref();
  }

  private async tellStanding(run: RunScript): Promise<void> {
    for (const [key, revocation] of this.standing) {
      await this.revoke(run, revocation);
      if (this.standing.get(key) === revocation) this.standing.delete(key);
    }
  }

  private revoke(run: RunScript, revocation: RevocationOrder): Promise<unknown> {
    return run(REVOKE, ...this.context.identity(), luaJson(revocation));
  }

  /** The copy is in memory: what it promises is done when it returns. */
  private apply(revocation: RevocationOrder): void {
    const { replica } = this;
    if (replica === undefined) return;
    this.remember(revocation);
    switch (revocation[0]) {
      case 'block':
        return void replica.block(revocation[1]);
      case 'unblock':
        return void replica.unblock(revocation[1]);
      case 'token':
        return void replica.revokeJti(revocation[1], read(revocation[2]));
      case 'user':
        return void replica.revokeUser(revocation[1], revocation[2], read(revocation[3]));
    }
  }

  private remember(revocation: RevocationOrder): void {
    const [kind, name] = revocation;
    if (kind === 'unblock') this.known.delete(`block ${name}`);
    else this.known.set(`${kind} ${name}`, revocation);
    if (this.known.size >= this.sweepAtSize) this.sweep();
  }

  private sweep(): void {
    const now = steadyNow();
    for (const [key, revocation] of this.known) {
      const untilMs = revocation.at(-1);
      if (typeof untilMs === 'number' && untilMs <= now) this.known.delete(key);
    }
    this.sweepAtSize = Math.max(MIN_SWEEP_SIZE, 2 * this.known.size);
  }
}
