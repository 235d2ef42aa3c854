import type { SwitchboardConfig } from '../../config/config.js';
import type { NodeIdentity } from '../node-identity.js';
import type { WantingConfig } from '../wanted-events.js';
import type { EntryFailure } from './inbox/entry-failure.js';
import type { LeaseSettings } from './node/lease.js';
import type { NodeContext } from './node/node-context.js';

/** What the engine needs of the configuration. */
export type RedisEngineConfig = Pick<
  SwitchboardConfig,
  'history' | 'recoveryWindowMs' | 'maxHistoryBytes' | 'nodeLeaseMs' | 'pingIntervalMs' | 'pingTimeoutMs'
> &
  Partial<Pick<SwitchboardConfig, 'maxSocketsPerUser' | 'redisTimeoutMs'>> &
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

/** What the lease of a node is taken with. */
export function leaseSettings(
  { maxHistoryBytes, maxSocketsPerUser }: RedisEngineConfig,
  { id, startedAt, host, pid, version }: NodeIdentity,
  { nodeLeaseMs, recoveryWindowMs, sessionsKeepMs }: NodeContext,
): LeaseSettings {
  return {
    node: id,
    startedAt,
    leaseMs: nodeLeaseMs,
    recoveryWindowMs,
    sessionsKeepMs,
    maxHistoryBytes,
    maxWaitingPerUser: maxSocketsPerUser ?? 0,
    runsAt: JSON.stringify([host, pid, version]),
  };
}
