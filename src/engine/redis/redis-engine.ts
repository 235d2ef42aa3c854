import type { SwitchboardConfig } from '../../config/config.js';
import type { NodeEntry } from '../../protocol/entries.js';
import type { Publication } from '../../protocol/publication.js';
import {
  Engine,
  type EngineHealth,
  type Handover,
  type NodeAnswers,
  type NodeCommand,
  type NodeHooks,
  type NodeQuestion,
} from '../engine.js';
import type { PresencePlace } from '../presence.js';
import { HistoryRules } from '../memory/history-rules.js';
import { PublisherQuota } from '../publisher-quota.js';
import { placeOf } from './node/node-place.js';
import { problemsOf } from './connection/memory-settings.js';
import type { NodeIdentity } from '../node-identity.js';
import { NodeRegistration } from './registration.js';
import { PendingCalls } from './node/pending-calls.js';
import { NodeCommands } from './node/node-commands.js';
import { unavailable } from './connection/client.js';
import type { EntryFailure } from './inbox/entry-failure.js';
import { RequestConnection } from './connection/request-connection.js';
import { Inbox } from './inbox/inbox.js';
import { dispatch } from './inbox-router.js';
import { DEFAULT_PREFIX, stateKey } from './keys.js';
import { Lease } from './node/lease.js';
import { Barriers } from './inbox/barriers.js';
import { RedisBroker } from './inbox/redis-broker.js';
import { RedisPresence } from './stores/redis-presence.js';
import { Reaper } from './node/reaper.js';
import { RedisRegistryWriter } from './stores/registry-writer.js';
import { RedisFlights } from './stores/redis-flights.js';
import { RedisHistory } from './stores/redis-history.js';
import { RedisIdempotency } from './stores/redis-idempotency.js';
import { RedisRegistryReader } from './stores/registry-reader.js';
import { RedisOutbox } from './stores/redis-outbox.js';
import { wantedBy, type WantingConfig } from '../wanted-events.js';
import { RedisRevocations } from './stores/redis-revocations.js';
import { RedisSessions } from './stores/redis-sessions.js';
import * as scripts from './lua/scripts.js';
import { COMMANDS, NODES, PUBLISH, REPLY } from './lua/scripts.js';
import { luaJson, type RunScript } from './lua/script.js';
import { Availability } from './node/availability.js';

/** What the engine needs of the configuration. */
export type RedisEngineConfig = Pick<
  SwitchboardConfig,
  'history' | 'recoveryWindowMs' | 'maxHistoryBytes' | 'nodeLeaseMs' | 'pingIntervalMs' | 'pingTimeoutMs'
> &
  Partial<Pick<SwitchboardConfig, 'maxSocketsPerUser'>> &
  WantingConfig & { readonly redisUrl: string };

/** What the engine tells of besides what the seam asks for. None may throw. */
export interface RedisEngineEvents {
  /** This node has taken the sockets of a dead one out of the registry. Told on one node only. */
  nodeLost?(node: string, sockets: number): void;
  /** Shared state cannot be used; once until {@link recovered}. `stalledMs` when it is because this node stood still. */
  unavailable?(reason: string, stalledMs: number): void;
  /** How long this process stood still a moment ago; 0 when it did not. */
  stalledMs?(): number;
  /** Redis is set up so that it may lose what it is to keep. */
  misconfigured?(what: string): void;
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
  readonly clientRequests: RedisIdempotency;
  readonly registry: RedisRegistryReader;
  readonly holdings: RedisRegistryWriter;
  readonly presence: RedisPresence;
  readonly revocations: RedisRevocations;
  readonly outbox: RedisOutbox;
  readonly flights: RedisFlights;

  private readonly link: RequestConnection;
  private readonly inbox: Inbox;
  private readonly lease: Lease;
  private readonly publisher: RedisBroker;
  private readonly attachment: NodeRegistration;
  private readonly commands: NodeCommands;
  private readonly calls = new PendingCalls();
  private readonly marks = new Barriers();
  private readonly trouble = new Availability();
  private hooks: NodeHooks | undefined;
  private readonly nodeLeaseMs: number;
  private readonly maxHistoryBytes: number;
  private hasCheckedSettings = false;

  constructor(
    config: RedisEngineConfig,
    private readonly node: NodeIdentity,
    private readonly events: RedisEngineEvents = {},
    prefix = DEFAULT_PREFIX,
  ) {
    super();
    const { redisUrl, nodeLeaseMs, recoveryWindowMs, maxHistoryBytes, pingIntervalMs, pingTimeoutMs } =
      config;
    const quota = new PublisherQuota(maxHistoryBytes);
    this.nodeLeaseMs = nodeLeaseMs;
    this.maxHistoryBytes = maxHistoryBytes;
    const rules = new HistoryRules(config.history);
    const ruleOf = (room: string) => rules.of(room);
    // A session waits for the window after its break was noticed, and what was published since the break is missing.
    const sessionsKeepMs = recoveryWindowMs + pingIntervalMs + pingTimeoutMs;

    this.link = new RequestConnection(redisUrl, stateKey(prefix), Object.values(scripts), {
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
      maxHistoryBytes,
      maxWaitingPerUser: config.maxSocketsPerUser ?? 0,
      runsAt: JSON.stringify([node.host, node.pid, node.version]),
    });
    this.publisher = new RedisBroker({
      isAvailable: () => this.isAvailable,
      tracks: () => this.sessions.isUsed || this.hooks?.tracksPositions() === true,
      ruleOf,
      send: (orders, payloads) => run(PUBLISH, ...identity(), sessionsKeepMs, luaJson(orders), ...payloads),
      sendCommands: (orders, commands) => run(COMMANDS, ...identity(), luaJson(orders), ...commands),
      arrived: (arrival) => this.hooks?.arrived(arrival),
      reply: (to, id, answer) => void run(REPLY, to, id, node.id, answer).catch(() => undefined),
      calls: this.calls,
      quota,
      tellsOf: (publication) => this.outbox.tellsOf(publication),
    });
    this.holdings = new RedisRegistryWriter({
      runEarly: raw,
      isAvailable: () => this.isAvailable,
      identity,
      recoveryWindowMs,
      sessionsKeepMs,
      lost: () => this.attachment.outOfDate(),
      renewWhenDue,
    });
    this.registry = new RedisRegistryReader({
      // What this node has changed is there for whoever asks it afterwards, in the same turn too. [L3]
      run: (script, ...args) => {
        this.holdings.flush();
        return run(script, ...args);
      },
      node: node.id,
      marks: this.marks,
    });
    this.history = new RedisHistory(run, ruleOf, node.id, this.marks, quota);
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
    // In Redis each is forgotten by its own time: the keys of one push out no others.
    this.clientRequests = this.idempotency;
    this.flights = new RedisFlights(run);
    this.revocations = new RedisRevocations(run, identity, renewWhenDue);
    this.outbox = new RedisOutbox(wantedBy(config), {
      run,
      runEarly: raw,
      identity,
      isAvailable: () => this.isAvailable,
    });
    this.commands = new NodeCommands(this.publisher, this.calls);
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
          outbox: this.outbox,
          reply: (to, id, answer) => void run(REPLY, to, id, node.id, answer).catch(() => undefined),
        }),
      gap: () => this.hooks?.fenced(this.stalledMs),
      failed: (failure) => events.entryFailed?.(failure),
    });
    this.attachment = new NodeRegistration({
      link: this.link,
      inbox: this.inbox,
      lease: this.lease,
      publisher: this.publisher,
      holdings: this.holdings,
      sessions: this.sessions,
      presence: this.presence,
      revocations: this.revocations,
      outbox: this.outbox,
      reaper: new Reaper(
        this.lease,
        run,
        sessionsKeepMs,
        (lost, sockets, entries) => {
          events.nodeLost?.(lost, sockets);
          this.hooks?.lost?.(entries);
        },
        renewWhenDue,
        undefined,
        (dead) => this.flights.heldBy(dead),
      ),
      hooks: () => this.hooks,
      nodeLeaseMs,
      attached: () => {
        if (this.trouble.end()) events.recovered?.();
        void this.checkSettings();
      },
      stalledMs: () => this.stalledMs,
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
    this.revocations.stop();
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

  get unplaced(): Iterable<Publication> {
    return this.publisher.unplaced;
  }

  get place(): PresencePlace {
    return this.publisher.at;
  }

  command(command: NodeCommand): Promise<number> {
    return this.commands.send(command);
  }

  ask(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers> {
    return this.commands.ask(question, timeoutMs);
  }

  async nodes(localSockets: number): Promise<NodeEntry[]> {
    if (!this.isAvailable) throw unavailable();
    const nodes = (await this.link.run(NODES)) as [string, number, string, number, string][];
    // Redis gives them by the ends of their leases, which is another order with every renewal.
    const byAge = nodes.toSorted(([one, , since], [other, , otherSince]) =>
      since === otherSince ? (one < other ? -1 : 1) : since < otherSince ? -1 : 1,
    );
    return byAge.map(([node, leaseExpiresInMs, startedAt, sockets, runsAt]) => ({
      node,
      sockets: node === this.node.id ? localSockets : sockets,
      startedAt,
      ...placeOf(runsAt),
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
    if (wasAttached) this.events.unavailable?.(reason, this.stalledMs);
  }

  /** How long this node stood still a moment ago, if it was long enough to lose its lease by that. [O4] */
  private get stalledMs(): number {
    const stalledMs = this.events.stalledMs?.() ?? 0;
    return stalledMs >= this.nodeLeaseMs / 2 ? stalledMs : 0;
  }

  /** Once: Redis that throws keys away when it is full takes those that the gateway counts on. */
  private async checkSettings(): Promise<void> {
    if (this.hasCheckedSettings || !this.events.misconfigured) return;
    this.hasCheckedSettings = true;
    try {
      for (const problem of problemsOf(await this.link.client.info('memory'), this.maxHistoryBytes)) {
        this.events.misconfigured(problem);
      }
    } catch {
      // Not every Redis tells its users; then nothing is known to be wrong.
    }
  }
}
