import { CONFIG_KEYS } from '../../config/keys.js';
import type { NodeEntry, SocketEntry } from '../../protocol/entries.js';
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
import { RequestConnection } from './connection/request-connection.js';
import { NodeInbox } from './inbox/inbox.js';
import { dispatch } from './inbox-router.js';
import { DEFAULT_PREFIX, stateKey } from './keys.js';
import { leaseSettings, type RedisEngineConfig, type RedisEngineEvents } from './engine-settings.js';
import { Lease } from './node/lease.js';
import type { NodeContext } from './node/node-context.js';
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
import { wantedBy } from '../wanted-events.js';
import { RedisRevocations } from './stores/redis-revocations.js';
import { RedisSessions } from './stores/redis-sessions.js';
import * as scripts from './lua/scripts.js';
import { NODES, REPLY } from './lua/scripts.js';
import type { RunScript } from './lua/script.js';
import { Availability } from './node/availability.js';

/**
 * Shared state in Redis: many nodes as one. [R4] [H6] [O3]
 *
 * Everything that this node is told comes through its inbox, in the one order of Redis; everything it asks goes over one
 * connection, and fails when Redis does not answer in time. Needs Redis 7.
 */
export class RedisEngine extends Engine {
  readonly kind = 'redis';
  readonly isShared = true;
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

  private readonly connection: RequestConnection;
  private readonly inbox: NodeInbox;
  private readonly lease: Lease;
  private readonly broker: RedisBroker;
  private readonly registration: NodeRegistration;
  private readonly commands: NodeCommands;
  private readonly context: NodeContext;
  private readonly availability = new Availability();
  private hooks: NodeHooks | undefined;
  private hasCheckedSettings = false;

  constructor(
    private readonly config: RedisEngineConfig,
    private readonly node: NodeIdentity,
    private readonly events: RedisEngineEvents = {},
    prefix = DEFAULT_PREFIX,
  ) {
    super();
    this.connection = this.connectionTo(stateKey(prefix));
    const context = this.contextOf();
    this.context = context;
    this.lease = new Lease(context.runEarly, leaseSettings(config, node, context));
    this.holdings = new RedisRegistryWriter(context);
    this.registry = new RedisRegistryReader(context, this.holdings);
    this.history = new RedisHistory(context);
    this.outbox = new RedisOutbox(wantedBy(config), context);
    const { holdings, outbox } = this;
    this.broker = new RedisBroker(context, { sessions: () => this.sessions, holdings, outbox });
    this.sessions = new RedisSessions(context, this.broker, this.history, this.holdings);
    this.presence = new RedisPresence(context, this.sessions);
    this.idempotency = new RedisIdempotency(context);
    // In Redis each is forgotten by its own time: the keys of one push out no others.
    this.clientRequests = this.idempotency;
    this.flights = new RedisFlights(context);
    this.revocations = new RedisRevocations(context);
    this.commands = new NodeCommands(this.broker, context.calls);
    this.inbox = this.inboxAt(`${prefix}inbox:${node.id}`);
    this.registration = this.registrationOf();
  }

  async start(hooks: NodeHooks): Promise<void> {
    this.hooks = hooks;
    await this.registration.start();
    this.availability.started();
  }

  async stop(): Promise<void> {
    this.broker.releaseAll();
    this.idempotency.stop();
    this.revocations.stop();
    this.context.calls.stop();
    await this.registration.stop();
    this.inbox.stop();
    this.connection.close();
    this.hooks = undefined;
  }

  health(): EngineHealth {
    const { refusal } = this.connection;
    return this.availability.health(this.isAvailable && refusal === undefined, refusal ?? this.reason);
  }

  publish(publication: Publication, ackTimeoutMs?: number): Handover {
    return this.broker.publish(publication, ackTimeoutMs);
  }

  get cursor(): string {
    return this.broker.cursor;
  }

  get place(): PresencePlace {
    return this.broker.at;
  }

  command(command: NodeCommand): Promise<number> {
    return this.commands.send(command);
  }

  ask(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers> {
    return this.commands.ask(question, timeoutMs);
  }

  async nodes(localSockets: number): Promise<NodeEntry[]> {
    if (!this.isAvailable) throw unavailable();
    const nodes = (await this.connection.run(NODES)) as [string, number, string, number, string][];
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

  /** How long an answer of Redis may take. */
  private get timeoutMs(): number {
    return this.config.redisTimeoutMs ?? CONFIG_KEYS.redisTimeoutMs.default;
  }

  private connectionTo(key: string): RequestConnection {
    const events = {
      answers: () => void this.registration.attach(),
      gone: (reason: string) => this.registration.lose(reason),
      // Every script that is fenced is given the identity first. What was sent before this node last made itself known
      // is refused for that, which tells nothing about the node.
      fenced: ([, generation]: readonly (string | number)[]) => {
        if (generation === this.lease.identity[1]) this.registration.reattach();
      },
    };
    const { redisUrl } = this.config;
    return new RequestConnection(redisUrl, key, Object.values(scripts), events, this.timeoutMs);
  }

  private contextOf(): NodeContext {
    const { history, maxHistoryBytes, nodeLeaseMs, recoveryWindowMs, pingIntervalMs, pingTimeoutMs } =
      this.config;
    const rules = new HistoryRules(history);
    const runEarly: RunScript = (script, ...args) => this.connection.run(script, ...args);
    const run: RunScript = (script, ...args) =>
      this.isAvailable ? runEarly(script, ...args) : Promise.reject(unavailable());
    return {
      node: this.node.id,
      identity: () => this.lease.identity,
      wallTime: () => this.lease.wallTime(),
      isAvailable: () => this.isAvailable,
      run,
      runEarly,
      reply: (to, call, answer) => void run(REPLY, to, call, this.node.id, answer).catch(() => undefined),
      barriers: new Barriers(),
      calls: new PendingCalls(),
      quota: new PublisherQuota(maxHistoryBytes),
      ruleOf: (room) => rules.of(room),
      hooks: () => this.hooks,
      outOfDate: () => this.registration.outOfDate(),
      renewWhenDue: () => this.registration.renewWhenDue(),
      nodeLeaseMs,
      redisTimeoutMs: this.timeoutMs,
      recoveryWindowMs,
      // A session waits for the window after its break was noticed, and what was published since the break is missing.
      sessionsKeepMs: recoveryWindowMs + pingIntervalMs + pingTimeoutMs,
    };
  }

  private inboxAt(key: string): NodeInbox {
    const { context, broker, holdings, sessions, revocations, outbox } = this;
    const readers = { context, broker, holdings, sessions, revocations, outbox };
    return new NodeInbox(this.config.redisUrl, key, this.node.id, context.runEarly, {
      entry: (entry) => dispatch(entry, readers),
      gap: () => this.hooks?.fenced(this.stalledMs),
      failed: (failure) => this.events.entryFailed?.(failure),
    });
  }

  private registrationOf(): NodeRegistration {
    const { context, connection, inbox, lease, broker, holdings } = this;
    const { sessions, presence, revocations, outbox, flights } = this;
    const nodeLost = (node: string, sockets: number, entries: readonly SocketEntry[]): void => {
      this.events.nodeLost?.(node, sockets);
      this.hooks?.lost?.(entries);
    };
    const heldBy = (dead: string): Promise<readonly SocketEntry[]> => flights.heldBy(dead);
    const reaper = new Reaper(lease, context, nodeLost, undefined, heldBy);
    const parts = {
      connection,
      inbox,
      lease,
      broker,
      holdings,
      sessions,
      presence,
      revocations,
      outbox,
      reaper,
    };
    return new NodeRegistration(context, parts, {
      attached: () => {
        if (this.availability.end()) this.events.recovered?.();
        void this.checkSettings();
      },
      stalledMs: () => this.stalledMs,
      lost: (reason, wasAttached) => this.lose(reason, wasAttached),
    });
  }

  private get isAvailable(): boolean {
    return this.registration.isAttached && this.connection.isUsable && !this.inbox.isBehind;
  }

  private get reason(): string {
    const isInboxBehind = this.registration.isAttached && this.connection.isUsable && this.inbox.isBehind;
    return isInboxBehind ? 'the inbox of this node cannot be read' : this.connection.reason;
  }

  private lose(reason: string, wasAttached: boolean): void {
    this.broker.releaseAll();
    this.availability.begin(reason);
    if (wasAttached) this.events.unavailable?.(reason, this.stalledMs);
  }

  /** How long this node stood still a moment ago, if it was long enough to lose its lease by that. [O4] */
  private get stalledMs(): number {
    const stalledMs = this.events.stalledMs?.() ?? 0;
    return stalledMs >= this.config.nodeLeaseMs / 2 ? stalledMs : 0;
  }

  /** Once: Redis that throws keys away when it is full takes those that the gateway counts on. */
  private async checkSettings(): Promise<void> {
    if (this.hasCheckedSettings || !this.events.misconfigured) return;
    this.hasCheckedSettings = true;
    try {
      for (const problem of problemsOf(
        await this.connection.client.info('memory'),
        this.config.maxHistoryBytes,
      )) {
        this.events.misconfigured(problem);
      }
    } catch {
      // Not every Redis tells its users; then nothing is known to be wrong.
    }
  }
}
