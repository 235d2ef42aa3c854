import type { Actor } from '../access/actor.js';

/** How a command came: the actor that asks, the door, and whether the same may have been asked before. */
export interface Call {
  readonly actor: Actor;
  /** As the audit names it: the HTTP method, or the kind of another door. */
  readonly method: string;
  /** As the audit names it: the route, or the pattern of a message. */
  readonly route: string;
  /** Of `emit` and `batch`: repeated within 5 minutes the command takes effect once. [D7] */
  readonly idempotencyKey?: string;
  /** Told when the answer, or the error, is that of an earlier call with the same key. */
  readonly onReplay?: () => void;
}
