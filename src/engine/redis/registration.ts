import { unavailable } from './connection/client.js';
import type { NodeInbox } from './inbox/inbox.js';
import type { Held, Lease } from './node/lease.js';
import type { NodeContext } from './node/node-context.js';
import type { RequestConnection } from './connection/request-connection.js';
import type { RedisBroker } from './inbox/redis-broker.js';
import type { Reaper } from './node/reaper.js';
import type { RedisRegistryWriter } from './stores/registry-writer.js';
import type { RedisPresence } from './stores/redis-presence.js';
import type { RedisOutbox } from './stores/redis-outbox.js';
import type { RedisRevocations } from './stores/redis-revocations.js';
import type { RedisSessions } from './stores/redis-sessions.js';
import { PROBE } from './lua/scripts.js';

/** All that Redis has to know of a node, or a node of Redis. */
export interface RegistrationParts {
  readonly connection: RequestConnection;
  readonly inbox: NodeInbox;
  readonly lease: Lease;
  readonly broker: RedisBroker;
  readonly holdings: RedisRegistryWriter;
  readonly sessions: RedisSessions;
  readonly presence: RedisPresence;
  readonly revocations: RedisRevocations;
  readonly outbox: RedisOutbox;
  readonly reaper: Reaper;
}

/** What a {@connection NodeRegistration} tells and asks of the engine. */
export interface RegistrationEvents {
  /** The node is known, at first and after each loss. */
  attached(): void;
  /** How long this node stood still a moment ago, if that may be why it is not known any longer. [O4] */
  stalledMs(): number;
  /** @param wasAttached whether it was known until now */
  lost(reason: string, wasAttached: boolean): void;
}

/** How often a lease is renewed, at most. */
const MAX_TICK_MS = 1_000;
const RETRY_MS = 250;
/** How often the registry is compared with a part of what this node holds. */
const CHECK_INTERVAL_MS = 5_000;

/** Keeps this node known to Redis: makes it known, renews its lease, and writes again what was lost. [R4] [O3] */
export class NodeRegistration {
  private attached = false;
  private attaching: Promise<void> | undefined;
  /** What this node holds has to be written again. */
  private isOutOfDate = false;
  private timer: NodeJS.Timeout | undefined;
  /** Whether nothing was left of what was due. */
  private isSwept = true;
  private readonly tickMs: number;
  private renewedAt = -Infinity;
  private checkedAt = performance.now();
  private isStopped = false;

  constructor(
    private readonly context: Pick<NodeContext, 'hooks' | 'nodeLeaseMs'>,
    private readonly parts: RegistrationParts,
    private readonly events: RegistrationEvents,
  ) {
    this.tickMs = Math.min(MAX_TICK_MS, Math.floor(context.nodeLeaseMs / 3));
  }

  get isAttached(): boolean {
    return this.attached;
  }

  /** Resolves when the first try is over, whether or not it took effect. */
  async start(): Promise<void> {
    await this.parts.connection.open();
    await this.attaching;
    this.schedule();
  }

  /** Gives the lease up, so that other nodes need not wait until it ends. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.attaching;
    if (this.attached) await this.parts.lease.giveUp().catch(() => undefined);
    this.attached = false;
  }

  /** Makes this node known again after Redis was away, one at a time; what is missed meanwhile is done by the next tick. */
  attach(): Promise<void> {
    this.attaching ??= this.attachOnce()
      .catch(() => undefined)
      .finally(() => (this.attaching = undefined));
    return this.attaching;
  }

  /** What this node wrote counts no longer, or has gone. */
  reattach(): void {
    // What is still written while the lease is given up is refused, as it should be.
    if (this.isStopped) return;
    const stalledMs = this.events.stalledMs();
    const reason =
      stalledMs > 0
        ? `this node stood still for ${stalledMs} ms`
        : 'Redis does not know this node any longer';
    if (this.attached) this.lose(reason);
    void this.attach();
  }

  lose(reason: string): void {
    const wasAttached = this.attached;
    this.attached = false;
    this.events.lost(reason, wasAttached);
  }

  /** Something that this node holds was not written, or nobody knows. */
  outOfDate(): void {
    this.isOutOfDate = true;
  }

  /**
   * For between the batches of whatever may take longer than the lease: nobody is to take this node for dead because it
   * has much to write again, or to clear up after others. [R4]
   *
   * @throws SwitchboardError `engine.unavailable` when that is over, because the lease is lost or Redis has gone
   */
  async renewWhenDue(): Promise<void> {
    if (performance.now() - this.renewedAt >= this.tickMs) await this.renew();
  }

  private async renew(): Promise<Held> {
    const { lease, inbox, broker } = this.parts;
    // When it is sent: the lease ends no earlier than counted from here.
    this.renewedAt = performance.now();
    const renewal = await lease.renew(inbox, broker.lastKnown);
    if (renewal.state === 'held') {
      inbox.lookedAt(renewal.inbox.beginning, renewal.inbox.hasMore);
      if (renewal.undelivered > 0) this.context.hooks()?.sessionsOver(renewal.undelivered);
      return renewal;
    }
    this.reattach();
    throw unavailable();
  }

  private async attachOnce(): Promise<void> {
    if (this.isStopped || this.attached) return;
    const { connection, lease, broker, inbox, reaper, holdings, presence, sessions, revocations, outbox } =
      this.parts;
    const hooks = this.context.hooks();
    const { outcome, epoch, seq, writes } = await lease.attach(broker.lastKnown);
    this.renewedAt = performance.now();
    if (outcome !== 'kept') {
      broker.beginAt(epoch, seq);
      inbox.restart(lease.beginning);
      reaper.begin();
    }
    if (outcome !== 'kept') outbox.lost();
    // Before anything is written again: that tells who is online after everything was lost.
    await outbox.declare();
    if (outcome === 'fenced') hooks?.fenced(this.events.stalledMs());
    if (writes !== holdings.timesChanged) this.isOutOfDate = true;
    if (outcome === 'lost') {
      presence.lost();
      sessions.lost();
      revocations.lost();
    }
    if (outcome === 'lost' || (outcome === 'kept' && this.isOutOfDate)) await this.rewrite();
    // Before sessions are written: what they want to know begins where all are known again.
    await presence.sync(hooks?.watchedRooms() ?? []);
    await sessions.settle();
    await revocations.load(connection);
    if (!connection.isUsable) return;
    this.attached = true;
    this.events.attached();
  }

  private async rewrite(): Promise<void> {
    // What is not written while this goes on makes it out of date again.
    this.isOutOfDate = false;
    try {
      if (await this.parts.holdings.rewrite(() => this.context.hooks()?.sockets() ?? []))
        this.isOutOfDate = true;
    } catch (failure) {
      this.isOutOfDate = true;
      throw failure;
    }
  }

  private async check(): Promise<void> {
    if (performance.now() - this.checkedAt < CHECK_INTERVAL_MS) return;
    this.checkedAt = performance.now();
    await this.parts.holdings.check(() => this.context.hooks()?.sockets() ?? []);
    await this.parts.sessions.check();
  }

  private schedule(): void {
    if (this.isStopped) return;
    const isWell = this.attached && this.parts.connection.isUsable && !this.parts.inbox.isBehind;
    const isAtRest = isWell && this.isSwept;
    const nextMs = isAtRest ? this.tickMs : Math.min(RETRY_MS, this.tickMs);
    this.timer = setTimeout(() => void this.tick().finally(() => this.schedule()), nextMs);
  }

  /** Renews the lease and does what is due. What fails is tried again on the next tick. */
  private async tick(): Promise<void> {
    const { connection, sessions, reaper } = this.parts;
    if (!connection.isUsable) return;
    if (!this.attached) return this.attach();
    try {
      const renewal = await this.renew();
      if (connection.refusal !== undefined) await connection.run(PROBE);
      if (this.isOutOfDate) await this.rewrite();
      else await this.check();
      if (sessions.isOutOfDate) await sessions.settle();
      this.isSwept = await reaper.carryOut(renewal);
    } catch {
      // The connection has told what is wrong, or the lease is lost and this node makes itself known again.
    }
  }
}
