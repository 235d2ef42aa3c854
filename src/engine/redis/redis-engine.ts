import type { SwitchboardConfig } from '../../config/config.js';
import type { NodeEntry } from '../../protocol/entries.js';
import type { Publication } from '../../protocol/publication.js';
import { Engine, type EngineHealth, type Handover, type NodeCommand, type NodeHooks } from '../engine.js';
import type { PresencePlace } from '../shared-presence.js';
import { HistoryRules } from '../memory/history-rules.js';
import type { NodeIdentity } from '../node-identity.js';
import { Calls } from './calls.js';
import { Commands } from './commands.js';
import { unavailable } from './connection.js';
import type { EntryFailure } from './entry-failure.js';
import { RedisLink } from './link.js';
import { Inbox } from './inbox.js';
import { dispatch } from './inbox-dispatch.js';
import { DEFAULT_PREFIX, stateKey } from './keys.js';
import { Lease } from './lease.js';
import { Marks } from './marks.js';
import { Publisher } from './publisher.js';
import { RedisPresence } from './redis-presence.js';
import { Reaper } from './reaper.js';
import { RedisHoldings } from './redis-holdings.js';
import { RedisHistory } from './redis-history.js';
import { RedisIdempotency } from './redis-idempotency.js';
import { RedisRegistry } from './redis-registry.js';
import { RedisRevocations } from './redis-revocations.js';
import { RedisSessions } from './redis-sessions.js';
import { ALL_SCRIPTS } from './scripts/all.js';
import { REPLY } from './scripts/command.js';
import { NODES, PROBE } from './scripts/lease.js';
import { PUBLISH } from './scripts/publish.js';
import { luaJson, type RunScript } from './scripts/script.js';
import { Trouble } from './trouble.js';

/** What the engine needs of the configuration. */
export type RedisEngineConfig = Pick<
  SwitchboardConfig,
  'history' | 'recoveryWindowMs' | 'nodeLeaseMs' | 'pingIntervalMs' | 'pingTimeoutMs'
> & { readonly redisUrl: string };

/** What the engine tells of besides what the seam asks for. None may throw. */
export interface RedisEngineEvents {
  /** This node has taken the sockets of a dead one out of the registry. Told on one node only. */
  nodeLost?(node: string, sockets: number): void;
  /** Shared state cannot be used; once until {@link recovered}. */
  unavailable?(reason: string): void;
  recovered?(): void;
  /** Something that another node, or this one, told could not be taken in. */
  entryFailed?(failure: EntryFailure): void;
}

/** How often a lease is renewed, at most. */
const MAX_TICK_MS = 1_000;
const RETRY_MS = 250;
/** How often the registry is compared with a part of what this node holds. */
const CHECK_INTERVAL_MS = 5_000;

/**
 * Shared state in Redis: many nodes as one. [R4] [H6] [O3]
 *
 * Everything that this node is told comes through its inbox, in the one order of Redis; everything it asks goes over one
 * connection, and fails within a second when Redis does not answer. Needs Redis 7.
 */
export class RedisEngine extends Engine {
  readonly kind = 'redis';
  readonly history: RedisHistory;
  readonly sessions: RedisSessions;
  readonly idempotency: RedisIdempotency;
  readonly registry: RedisRegistry;
  readonly holdings: RedisHoldings;
  readonly presence: RedisPresence;
  readonly revocations: RedisRevocations;

  private readonly link: RedisLink;
  private readonly inbox: Inbox;
  private readonly lease: Lease;
  private readonly publisher: Publisher;
  private readonly reaper: Reaper;
  private readonly commands: Commands;
  private readonly calls = new Calls();
  private readonly marks = new Marks();
  private readonly trouble = new Trouble();
  private readonly tickMs: number;
  private hooks: NodeHooks | undefined;
  private isAttached = false;
  private attaching: Promise<void> | undefined;
  /** What this node holds has to be written again. */
  private isOutOfDate = false;
  private timer: NodeJS.Timeout | undefined;
  private checkedAt = performance.now();
  private isStopped = false;

  constructor(
    config: RedisEngineConfig,
    private readonly node: NodeIdentity,
    private readonly events: RedisEngineEvents = {},
    prefix = DEFAULT_PREFIX,
  ) {
    super();
    const { redisUrl, nodeLeaseMs, recoveryWindowMs, pingIntervalMs, pingTimeoutMs } = config;
    const rules = new HistoryRules(config.history);
    const ruleOf = (room: string) => rules.of(room);
    // A session waits for the window after its break was noticed, and what was published since the break is missing.
    const sessionsKeepMs = recoveryWindowMs + pingIntervalMs + pingTimeoutMs;
    this.tickMs = Math.min(MAX_TICK_MS, Math.floor(nodeLeaseMs / 3));

    this.link = new RedisLink(redisUrl, stateKey(prefix), ALL_SCRIPTS, {
      answers: () => void this.attach(),
      gone: (reason) => this.lose(reason),
      // Every script that is fenced is given the identity first. What was sent before this node last made itself known
      // is refused for that, which tells nothing about the node.
      fenced: ([, generation]) => {
        if (generation === this.lease.identity[1]) this.reattach();
      },
    });
    const raw: RunScript = (script, ...args) => this.link.run(script, ...args);
    const run: RunScript = async (script, ...args) => {
      if (!this.isAvailable) throw unavailable();
      return this.link.run(script, ...args);
    };
    const identity = () => this.lease.identity;

    this.lease = new Lease(raw, {
      node: node.id,
      startedAt: node.startedAt,
      leaseMs: nodeLeaseMs,
      recoveryWindowMs,
      sessionsKeepMs,
    });
    this.publisher = new Publisher({
      isAvailable: () => this.isAvailable,
      tracks: () => this.sessions.isUsed || this.hooks?.tracksPositions() === true,
      ruleOf,
      send: (orders, payloads) => run(PUBLISH, ...identity(), sessionsKeepMs, luaJson(orders), ...payloads),
      arrived: (arrival) => this.hooks?.arrived(arrival),
      reply: (to, id, answer) => void run(REPLY, to, id, node.id, answer).catch(() => undefined),
      calls: this.calls,
    });
    this.holdings = new RedisHoldings({
      runEarly: raw,
      isAvailable: () => this.isAvailable,
      identity,
      recoveryWindowMs,
      sessionsKeepMs,
      lost: () => (this.isOutOfDate = true),
    });
    this.registry = new RedisRegistry({
      // What this node has changed is there for whoever asks it afterwards, in the same turn too. [L3]
      run: (script, ...args) => {
        this.holdings.flush();
        return run(script, ...args);
      },
      node: node.id,
      marks: this.marks,
    });
    this.history = new RedisHistory(run, ruleOf, node.id, this.marks);
    this.sessions = new RedisSessions({
      run,
      runEarly: raw,
      isAvailable: () => this.isAvailable,
      identity,
      recoveryWindowMs,
      seq: () => this.publisher.seq,
      keeps: (room) => this.history.keeps(room),
      flushHoldings: () => this.holdings.flush(),
      takeOver: (socketId) => this.hooks?.takeOver(socketId),
      marks: this.marks,
    });
    this.presence = new RedisPresence({
      run,
      runEarly: raw,
      identity,
      // The other nodes have to be given time to write what they hold.
      holdMs: Math.max(recoveryWindowMs, nodeLeaseMs),
      sessionsKeepMs,
      flushSessions: () => this.sessions.flush(),
      marks: this.marks,
    });
    this.idempotency = new RedisIdempotency(run);
    this.revocations = new RedisRevocations(run, identity);
    this.commands = new Commands(run, identity, this.calls);
    this.reaper = new Reaper(this.lease, run, sessionsKeepMs, (lost, sockets) =>
      events.nodeLost?.(lost, sockets),
    );
    this.inbox = new Inbox(redisUrl, `${prefix}inbox:${node.id}`, {
      entry: (entry) =>
        dispatch(entry, {
          hooks: () => this.hooks,
          sessions: this.sessions,
          holdings: this.holdings,
          publisher: this.publisher,
          calls: this.calls,
          marks: this.marks,
          revocations: this.revocations,
          reply: (to, id, answer) => void run(REPLY, to, id, node.id, answer).catch(() => undefined),
        }),
      gap: () => this.hooks?.fenced(),
      failed: (failure) => events.entryFailed?.(failure),
    });
  }

  async start(hooks: NodeHooks): Promise<void> {
    this.hooks = hooks;
    await this.link.open();
    await this.attaching;
    this.trouble.started();
    this.schedule();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    this.publisher.releaseAll();
    this.idempotency.stop();
    this.calls.stop();
    await this.attaching;
    if (this.isAvailable) await this.lease.giveUp().catch(() => undefined);
    this.isAttached = false;
    await this.inbox.stop();
    this.link.close();
    this.hooks = undefined;
  }

  health(): EngineHealth {
    const { refusal } = this.link;
    return this.trouble.health(this.isAvailable && refusal === undefined, refusal ?? this.reason);
  }

  publish(publication: Publication, ackTimeoutMs?: number): Handover {
    return this.publisher.publish(publication, ackTimeoutMs);
  }

  get cursor(): string {
    return this.publisher.cursor;
  }

  get place(): PresencePlace {
    return this.publisher.at;
  }

  command(command: NodeCommand): Promise<number> {
    return this.commands.send(command);
  }

  async nodes(localSockets: number): Promise<NodeEntry[]> {
    if (!this.isAvailable) throw unavailable();
    const nodes = (await this.link.run(NODES)) as [string, number, string, number][];
    return nodes.map(([node, leaseExpiresInMs, startedAt, sockets]) => ({
      node,
      sockets: node === this.node.id ? localSockets : sockets,
      startedAt,
      leaseExpiresInMs,
    }));
  }

  private get isAvailable(): boolean {
    return this.isAttached && this.link.isUsable && !this.inbox.isBehind;
  }

  private get reason(): string {
    const isInboxBehind = this.isAttached && this.link.isUsable && this.inbox.isBehind;
    return isInboxBehind ? 'the inbox of this node cannot be read' : this.link.reason;
  }

  private lose(reason: string): void {
    const wasAvailable = this.isAttached;
    this.isAttached = false;
    this.publisher.releaseAll();
    this.trouble.begin(reason);
    if (wasAvailable) this.events.unavailable?.(reason);
  }

  /** What this node wrote counts no longer, or has gone. */
  private reattach(): void {
    if (this.isAttached) this.lose('Redis does not know this node any longer');
    void this.attach();
  }

  /** Makes this node known again after Redis was away, one at a time; what is missed meanwhile is done by the next tick. */
  private attach(): Promise<void> {
    this.attaching ??= this.attachOnce()
      .catch(() => undefined)
      .finally(() => (this.attaching = undefined));
    return this.attaching;
  }

  private async attachOnce(): Promise<void> {
    if (this.isStopped || this.isAttached) return;
    const { outcome, epoch, seq, writes } = await this.lease.attach(this.publisher.lastKnown);
    if (outcome !== 'kept') {
      this.publisher.beginAt(epoch, seq);
      this.inbox.restart();
      this.reaper.begin();
    }
    if (outcome === 'fenced') this.hooks?.fenced();
    if (writes !== this.holdings.timesChanged) this.isOutOfDate = true;
    if (outcome === 'lost') {
      this.presence.lost();
      this.sessions.lost();
      this.revocations.lost();
    }
    if (outcome === 'lost' || (outcome === 'kept' && this.isOutOfDate)) await this.rewrite();
    // Before sessions are written: what they want to know begins where all are known again.
    await this.presence.sync(this.hooks?.watchedRooms() ?? []);
    await this.sessions.settle();
    await this.revocations.load(this.link);
    if (!this.link.isUsable) return;
    this.isAttached = true;
    if (this.trouble.end()) this.events.recovered?.();
  }

  private async rewrite(): Promise<void> {
    // What is not written while this goes on makes it out of date again.
    this.isOutOfDate = false;
    try {
      if (await this.holdings.rewrite(() => this.hooks?.sockets() ?? [])) this.isOutOfDate = true;
    } catch (failure) {
      this.isOutOfDate = true;
      throw failure;
    }
  }

  private async check(): Promise<void> {
    if (performance.now() - this.checkedAt < CHECK_INTERVAL_MS) return;
    this.checkedAt = performance.now();
    await this.holdings.check(() => this.hooks?.sockets() ?? []);
  }

  private schedule(): void {
    if (this.isStopped) return;
    const nextMs = this.isAvailable ? this.tickMs : Math.min(RETRY_MS, this.tickMs);
    this.timer = setTimeout(() => void this.tick().finally(() => this.schedule()), nextMs);
  }

  /** Renews the lease and does what is due. What fails is tried again on the next tick. */
  private async tick(): Promise<void> {
    if (!this.link.isUsable) return;
    if (!this.isAttached) return this.attach();
    try {
      const renewal = await this.lease.renew(this.inbox.position, this.publisher.lastKnown);
      if (renewal.state !== 'held') return this.reattach();
      if (this.link.refusal !== undefined) await this.link.run(PROBE);
      if (this.isOutOfDate) await this.rewrite();
      else await this.check();
      if (this.sessions.isOutOfDate) await this.sessions.settle();
      await this.reaper.carryOut(renewal);
    } catch {
      // The link has told what is wrong.
    }
  }
}
