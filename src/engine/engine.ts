import type { Publication } from '../protocol/publication.js';

/** Whether shared state can be reached. */
export type EngineHealth =
  | { readonly state: 'ready' }
  | { readonly state: 'starting' }
  | { readonly state: 'unavailable'; readonly reason: string; readonly since: Date };

/** A gateway process as the engine knows it. */
export interface EngineNode {
  readonly node: string;
  readonly sockets: number;
  /** RFC 3339 */
  readonly startedAt: string;
  /** `null` where nodes need no lease. */
  readonly leaseExpiresInMs: number | null;
}

/**
 * The seam to shared state: what is known beyond one process, and how publications get to the other ones.
 *
 * Guarantees every implementation gives:
 * - Nothing here is on the way of a local delivery. The caller delivers to its own sockets first and never waits for
 *   {@link publish} before it does; an engine that hangs stalls no local socket.
 * - {@link publish} is called in the order in which publications were accepted, and keeps that order per target.
 * - No method asks another node. Answers come from the shared state itself.
 * - A method that cannot prove its effect rejects with `engine.unavailable`; it never resolves on a guess.
 *
 * An abstract class rather than an interface, so that it is also the injection token.
 */
export abstract class Engine {
  abstract readonly kind: 'memory' | 'redis';

  /** Makes the engine usable; resolves when it can serve or knows that it cannot yet. */
  abstract start(): Promise<void>;

  /** Gives up what it holds. Called once, after the last socket has gone. */
  abstract stop(): Promise<void>;

  abstract health(): EngineHealth;

  /** Hands a publication to the other nodes that have recipients for it. */
  abstract publish(publication: Publication): Promise<void>;

  /** All live nodes; this one's socket count is given by the caller. */
  abstract nodes(localSockets: number): Promise<EngineNode[]>;
}
