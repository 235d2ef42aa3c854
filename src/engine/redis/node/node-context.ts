import type { HistoryRule } from '../../../config/values.js';
import type { NodeHooks } from '../../engine.js';
import type { PublisherQuota } from '../../publisher-quota.js';
import type { Barriers } from '../inbox/barriers.js';
import type { RunScript } from '../lua/script.js';
import type { PendingCalls } from './pending-calls.js';

/**
 * What the parts of this engine share of the node: its name, its way to Redis, what it knows of itself. Each part picks
 * what it uses.
 */
export interface NodeContext {
  readonly node: string;
  /** This node and its generation, which a script that writes is given first. */
  readonly identity: () => readonly [node: string, generation: string];
  /** What the wall clock of Redis shows, as far as this node knows: see `Lease`. */
  readonly wallTime: () => number;
  readonly isAvailable: () => boolean;
  /** Runs a script; fails at once while shared state cannot be used. */
  readonly run: RunScript;
  /** As `run`, also while this node is only just making itself known again. */
  readonly runEarly: RunScript;
  /** Answers another node; owns its failure. */
  readonly reply: (node: string, call: string, answer: string) => void;
  /** What this node waits for in its inbox. */
  readonly barriers: Barriers;
  /** What this node has asked of others. */
  readonly calls: PendingCalls;
  readonly quota: PublisherQuota;
  readonly ruleOf: (room: string) => HistoryRule | undefined;
  /** The node itself, while the engine runs. */
  readonly hooks: () => NodeHooks | undefined;
  /** A change was not made, or nobody knows: what this node holds has to be written again. */
  readonly outOfDate: () => void;
  /** Between batches, which may take longer than the lease lasts: see `NodeRegistration`. */
  readonly renewWhenDue: () => Promise<void>;
  readonly nodeLeaseMs: number;
  /** How long an answer of Redis may take. */
  readonly redisTimeoutMs: number;
  /** How long a user whose connection broke is held. */
  readonly recoveryWindowMs: number;
  /** How long what sessions may miss is kept. */
  readonly sessionsKeepMs: number;
}
