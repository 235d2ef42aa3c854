import { Inject, Injectable, Optional } from '@nestjs/common';
import type { SwitchboardConfig } from '../../config/config.js';
import { SWITCHBOARD_CONFIG } from '../../config/config.token.js';
import type { NodeEntry } from '../../protocol/entries.js';
import type { Publication } from '../../protocol/publication.js';
import {
  Engine,
  type EngineGauge,
  type EngineHealth,
  type Handover,
  type NodeAnswers,
  type NodeHooks,
} from '../engine.js';
import { HELD_HERE, type RegistryReader } from '../registry.js';
import { MemoryRegistryWriter } from './memory-registry-writer.js';
import { MemoryRevocations } from './memory-revocations.js';
import { NodeIdentity } from '../node-identity.js';
import { Deadlines } from '../../timers/deadlines.js';
import { IdempotencyTable } from './idempotency-table.js';
import { wantedBy, type WantingConfig } from '../wanted-events.js';
import { MemoryOutbox } from './memory-outbox.js';
import { MemoryHistory } from './memory-history.js';
import { PublicationLog } from './publication-log.js';
import { SessionTable } from './session-table.js';

/** Injection token of the engine's clock: milliseconds that never go back. The machine's own when not given. */
export const MEMORY_ENGINE_CLOCK = Symbol('MEMORY_ENGINE_CLOCK');

/** What the engine needs of the configuration. */
export type MemoryEngineConfig = Pick<
  SwitchboardConfig,
  'history' | 'recoveryWindowMs' | 'maxHistoryBytes' | 'pingIntervalMs' | 'pingTimeoutMs'
> &
  Partial<Pick<SwitchboardConfig, 'maxSocketsPerUser'>> &
  WantingConfig;

/** What is remembered of publications that clients may send again. */
const MAX_CLIENT_REQUESTS = { keys: 50_000, bytes: 33_554_432 };
/** Keys of these begin with the user: see `RepeatedEmits`. */
const userOfKey = (key: string): string => key.slice(0, key.indexOf('\n'));

/** What the engine holds right now. */
export interface MemoryEngineStats {
  /** Publications in histories or for sessions, each counted once. */
  readonly publications: number;
  /** The memory they take, estimated; at most `SWITCHBOARD_MAX_HISTORY_BYTES`. */
  readonly bytes: number;
  /** Rooms something is known of, the rooms of users and sockets that can recover included. */
  readonly rooms: number;
  readonly sessions: number;
  /** Sessions whose client is away. */
  readonly waitingSessions: number;
  /** Idempotency keys. */
  readonly keys: number;
}

/**
 * The embedded engine: one node, whose memory is the shared state.
 *
 * Everything is answered at once. There is no other node to hand a publication to, so that one which no history and no
 * session wants costs a look and nothing else.
 */
@Injectable()
export class MemoryEngine extends Engine {
  readonly kind = 'memory';
  readonly history: MemoryHistory;
  readonly sessions: SessionTable;
  readonly idempotency: IdempotencyTable;
  readonly clientRequests: IdempotencyTable;
  readonly isShared = false;
  readonly holdings: MemoryRegistryWriter;
  readonly presence = undefined;
  readonly revocations = new MemoryRevocations();
  readonly outbox: MemoryOutbox;
  readonly flights = undefined;
  private readonly deadlines: Deadlines;
  private readonly log: PublicationLog;
  private hooks: NodeHooks | undefined;
  /** What every publication gets until one is kept. */
  private unkept: Handover;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) config: MemoryEngineConfig,
    private readonly node: NodeIdentity,
    @Inject(HELD_HERE) readonly registry: RegistryReader,
    @Optional() @Inject(MEMORY_ENGINE_CLOCK) clock: () => number = () => performance.now(),
  ) {
    super();
    const { history, recoveryWindowMs, maxHistoryBytes, pingIntervalMs, pingTimeoutMs } = config;
    this.deadlines = new Deadlines(clock);
    // A session waits for the window after its break was noticed, and what was published since the break is missing.
    const sessionsKeepMs = recoveryWindowMs + pingIntervalMs + pingTimeoutMs;
    this.log = new PublicationLog(
      { history, sessionsKeepMs, maxBytes: maxHistoryBytes },
      clock,
      this.deadlines,
    );
    this.history = new MemoryHistory(this.log);
    this.sessions = new SessionTable(
      this.log,
      this.deadlines,
      recoveryWindowMs,
      {
        takeOver: (socketId) => this.hooks?.takeOver(socketId),
        over: (undelivered) => this.hooks?.sessionsOver(undelivered),
      },
      config.maxSocketsPerUser,
    );
    this.idempotency = new IdempotencyTable(this.deadlines);
    this.clientRequests = new IdempotencyTable(this.deadlines, MAX_CLIENT_REQUESTS, userOfKey);
    this.outbox = new MemoryOutbox(
      wantedBy(config),
      this.deadlines,
      recoveryWindowMs,
      () => this.hooks?.sockets() ?? [],
    );
    this.holdings = new MemoryRegistryWriter(this.outbox);
    this.unkept = { stamp: this.log.stamp, remote: undefined };
  }

  async start(node: NodeHooks): Promise<void> {
    this.hooks = node;
  }

  async stop(): Promise<void> {
    this.hooks = undefined;
    this.deadlines.stop();
  }

  health(): EngineHealth {
    return this.hooks === undefined ? { state: 'starting' } : { state: 'ready' };
  }

  override get gauges(): readonly EngineGauge[] {
    return [
      {
        name: 'history_publications',
        help: 'Publications kept for histories and recovery',
        value: () => this.stats.publications,
      },
      { name: 'history_bytes', help: 'Memory that they take, estimated', value: () => this.stats.bytes },
      { name: 'sessions', help: 'Sessions that clients can come back to', value: () => this.stats.sessions },
      {
        name: 'sessions_waiting',
        help: 'Sessions whose client is away',
        value: () => this.stats.waitingSessions,
      },
      {
        name: 'idempotency_keys',
        help: 'Idempotency keys that are remembered',
        value: () => this.stats.keys,
      },
    ];
  }

  publish(publication: Publication, ackTimeoutMs?: number): Handover {
    this.outbox.published(publication);
    const stamp = this.log.append(publication, ackTimeoutMs !== undefined);
    if (stamp === this.unkept.stamp) return this.unkept;
    const handover: Handover = { stamp, remote: undefined };
    if (stamp === this.log.stamp) this.unkept = handover;
    return handover;
  }

  get cursor(): string {
    return this.log.cursor;
  }

  get place(): undefined {
    return undefined;
  }

  /** There is no other node. */
  async command(): Promise<number> {
    return 0;
  }

  async ask(): Promise<NodeAnswers> {
    return { asked: 0, answers: [] };
  }

  async nodes(localSockets: number): Promise<NodeEntry[]> {
    return [
      {
        node: this.node.id,
        sockets: localSockets,
        startedAt: this.node.startedAt.toISOString(),
        host: this.node.host,
        pid: this.node.pid,
        version: this.node.version,
        leaseExpiresInMs: null,
      },
    ];
  }

  get stats(): MemoryEngineStats {
    return {
      publications: this.log.size,
      bytes: this.log.bytes,
      rooms: this.log.rooms,
      sessions: this.sessions.size,
      waitingSessions: this.sessions.waiting,
      keys: this.idempotency.size,
    };
  }

  /** Ends what is due. A timer does it otherwise. */
  sweep(): void {
    this.deadlines.runDue();
  }
}
