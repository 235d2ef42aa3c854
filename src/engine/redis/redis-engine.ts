import type { SwitchboardConfig } from '../../config/config.js';
import type { NodeEntry } from '../../protocol/entries.js';
import type { Publication } from '../../protocol/publication.js';
import { Engine, type EngineHealth, type Handover, type NodeCommand, type NodeHooks } from '../engine.js';
import type { PresencePlace } from '../shared-presence.js';
import { HistoryRules } from '../memory/history-rules.js';
import type { NodeIdentity } from '../node-identity.js';
import { Attachment } from './attachment.js';
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
import { NODES } from './scripts/lease.js';
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
  private readonly attachment: Attachment;
  private readonly commands: Commands;
  private readonly calls = new Calls();
  private readonly marks = new Marks();
  private readonly trouble = new Trouble();
  private hooks: NodeHooks | undefined;

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

    this.link = new RedisLink(redisUrl, stateKey(prefix), ALL_SCRIPTS, {
      answers: () => void this.attachment.attach(),
      gone: (reason) => this.attachment.lose(reason),
      // Every script that is fenced is given the identity first. What was sent before this node last made itself known
      // is refused for that, which tells nothing about the node.
      fenced: ([, generation]) => {
        if (generation === this.lease.identity[1]) this.attachment.reattach();
      },
    });
    const raw: RunScript = (script, ...args) => this.link.run(script, ...args);
    const run: RunScript = async (script, ...args) => {
      if (!this.isAvailable) throw unavailable();
      return this.link.run(script, ...args);
    };
    const identity = () => this.lease.identity;
    const renewWhenDue = () => this.attachment.renewWhenDue();

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
      lost: () => this.attachment.outOfDate(),
      renewWhenDue,
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
      renewWhenDue,
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
      renewWhenDue,
    });
    this.idempotency = new RedisIdempotency(run, () => this.isAvailable);
    this.revocations = new RedisRevocations(run, identity, renewWhenDue);
    this.commands = new Commands(run, identity, this.calls);
    this.inbox = new Inbox(redisUrl, `${prefix}inbox:${node.id}`, node.id, raw, {
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
    this.attachment = new Attachment({
      link: this.link,
      inbox: this.inbox,
      lease: this.lease,
      publisher: this.publisher,
      holdings: this.holdings,
      sessions: this.sessions,
      presence: this.presence,
      revocations: this.revocations,
      reaper: new Reaper(
        this.lease,
        run,
        sessionsKeepMs,
        (lost, sockets) => events.nodeLost?.(lost, sockets),
        renewWhenDue,
      ),
      hooks: () => this.hooks,
      nodeLeaseMs,
      attached: () => this.trouble.end() && events.recovered?.(),
      lost: (reason, wasAttached) => this.lose(reason, wasAttached),
    });
  }

  async start(hooks: NodeHooks): Promise<void> {
    this.hooks = hooks;
    await this.attachment.start();
    this.trouble.started();
  }

  async stop(): Promise<void> {
    this.publisher.releaseAll();
    this.idempotency.stop();
    this.calls.stop();
    await this.attachment.stop();
    this.inbox.stop();
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
    // Redis gives them by the ends of their leases, which is another order with every renewal.
    const byAge = nodes.toSorted(([one, , since], [other, , otherSince]) =>
      since === otherSince ? (one < other ? -1 : 1) : since < otherSince ? -1 : 1,
    );
    return byAge.map(([node, leaseExpiresInMs, startedAt, sockets]) => ({
      node,
      sockets: node === this.node.id ? localSockets : sockets,
      startedAt,
      leaseExpiresInMs,
    }));
  }

  private get isAvailable(): boolean {
    return this.attachment.isAttached && this.link.isUsable && !this.inbox.isBehind;
  }

  private get reason(): string {
    const isInboxBehind = this.attachment.isAttached && this.link.isUsable && this.inbox.isBehind;
    return isInboxBehind ? 'the inbox of this node cannot be read' : this.link.reason;
  }

  private lose(reason: string, wasAttached: boolean): void {
    this.publisher.releaseAll();
    this.trouble.begin(reason);
    if (wasAttached) this.events.unavailable?.(reason);
  }
}
