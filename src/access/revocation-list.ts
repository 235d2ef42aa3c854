/** Users and tokens that have been shut out. [A6] */
import BTreeModule from 'sorted-btree';
import { pageSize, decodeName, encodeName, type PageRequest } from '../protocol/paging.js';
import type { BlockEntry, Page } from '../protocol/entries.js';
import { steadyNow, steadyOf } from '../timers/steady-clock.js';
import type { RevocationChanges } from '../engine/revocations.js';

// What a CommonJS package gives as its default is the module itself.
const BTree = BTreeModule.default;

/** What revocation looks at in a token. */
export interface RevocationSubject {
  readonly user: string;
  readonly jti?: string;
  /** `iat`, in seconds since 1970. */
  readonly issuedAt?: number;
}

interface UserRevocation {
  readonly issuedBefore: number;
  readonly untilMs: number;
}

/**
 * The blocks and revocations that this node knows of; with the memory engine all there are.
 *
 * Memory: one map entry per blocked user, per revoked token and per revoked user, about 100 to 200 bytes each.
 * Only a backend with the scope `manage` can add any. RevocationList go when they are over: an expired one is
 * dropped when it is looked at, and all of them whenever the maps have doubled since the last sweep, so the
 * maps hold at most twice what is still in force, and no timer keeps the process alive.
 */
export class RevocationList implements RevocationChanges {
  private readonly blocked = new Set<string>();
  /** The same in the order of their names, for whoever walks through them. */
  private readonly blockedInOrder = new BTree<string, undefined>(undefined, byName);
  private readonly tokens = new Map<string, number>();
  private readonly users = new Map<string, UserRevocation>();
  private sweepAtSize = MIN_SWEEP_SIZE;

  private readonly clock: () => number;
  private readonly steadyOf: (wallMs: number) => number;

  /** @param clock milliseconds since 1970; the steady clock when not given [A11] */
  constructor(clock?: () => number) {
    this.clock = clock ?? steadyNow;
    this.steadyOf = clock ? (wallMs) => wallMs : steadyOf;
  }

  async block(user: string): Promise<void> {
    this.blocked.add(user);
    this.blockedInOrder.set(user, undefined);
  }

  async unblock(user: string): Promise<boolean> {
    this.blockedInOrder.delete(user);
    return this.blocked.delete(user);
  }

  /** One page of the users that are blocked, in the order of their names. */
  blocks(request: PageRequest): Page<BlockEntry> {
    const limit = pageSize(request.limit);
    const last = decodeName('blocks', request.cursor);
    const items: BlockEntry[] = [];
    const from = last === undefined ? this.blockedInOrder.keys() : this.after(last);
    for (const user of from) {
      if (items.length === limit) {
        return { items, next: encodeName('blocks', items.at(-1)!.user), total: this.blocked.size };
      }
      items.push({ user });
    }
    return { items, next: null, total: this.blocked.size };
  }

  private *after(last: string): Iterable<string> {
    for (const user of this.blockedInOrder.keys(last)) if (user !== last) yield user;
  }

  /** A second revocation of the same token never shortens the first. */
  async revokeJti(jti: string, untilMs: number): Promise<void> {
    const before = this.tokens.get(jti) ?? -Infinity;
    this.tokens.set(jti, Math.max(before, this.steadyOf(untilMs)));
    this.sweepWhenGrown();
  }

  /** Revocations of one user are merged into one that covers them all. */
  async revokeUser(user: string, issuedBefore: number, untilWallMs: number): Promise<void> {
    const untilMs = this.steadyOf(untilWallMs);
    const before = this.users.get(user);
    const isOver = before === undefined || before.untilMs <= this.clock();
    this.users.set(user, {
      issuedBefore: isOver ? issuedBefore : Math.max(before.issuedBefore, issuedBefore),
      untilMs: isOver ? untilMs : Math.max(before.untilMs, untilMs),
    });
    this.sweepWhenGrown();
  }

  /** Why the token's holder may not come in, or `undefined`. */
  checkNow(subject: RevocationSubject): 'auth.revoked' | undefined {
    return this.causeNow(subject) === undefined ? undefined : 'auth.revoked';
  }

  /** The same in words, for the log. [L10] */
  causeNow({ user, jti, issuedAt }: RevocationSubject): string | undefined {
    if (this.blocked.has(user)) return 'the user is blocked';
    const now = this.clock();
    if (jti !== undefined && this.isTokenRevoked(jti, now)) return 'the token is revoked by its jti';
    const revocation = this.users.get(user);
    if (revocation === undefined) return undefined;
    if (revocation.untilMs <= now) {
      this.users.delete(user);
      return undefined;
    }
    // Nobody can tell when a token without `iat` was issued, so it counts as old.
    if (issuedAt === undefined) return 'tokens of the user without iat are revoked';
    return issuedAt < revocation.issuedBefore
      ? `tokens of the user issued before ${timeOf(revocation.issuedBefore)} are revoked, and this one was at ${timeOf(issuedAt)}`
      : undefined;
  }

  /** How many blocks and revocations are held, those that are over but not yet dropped included. */
  get size(): number {
    return this.blocked.size + this.tokens.size + this.users.size;
  }

  private isTokenRevoked(jti: string, now: number): boolean {
    const untilMs = this.tokens.get(jti);
    if (untilMs === undefined) return false;
    if (untilMs > now) return true;
    this.tokens.delete(jti);
    return false;
  }

  private sweepWhenGrown(): void {
    if (this.tokens.size + this.users.size < this.sweepAtSize) return;
    const now = this.clock();
    for (const [jti, untilMs] of this.tokens) if (untilMs <= now) this.tokens.delete(jti);
    for (const [user, { untilMs }] of this.users) if (untilMs <= now) this.users.delete(user);
    this.sweepAtSize = Math.max(MIN_SWEEP_SIZE, 2 * (this.tokens.size + this.users.size));
  }
}

const byName = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Below this many entries a sweep is not worth its while. */
const MIN_SWEEP_SIZE = 1_024;

/** A time of a token, in s, for people; a number that is no time stays one. */
function timeOf(seconds: number): string {
  const date = new Date(seconds * 1_000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}
