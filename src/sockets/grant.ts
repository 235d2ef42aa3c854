import { ALL_CAPABILITIES, type CompiledCapabilities, type RoomAction } from '../protocol/capabilities.js';
import type { EventPatterns } from '../protocol/event-patterns.js';
import type { Deadline } from '../timers/deadlines.js';

/** What a socket may do and for how long: what is kept of its token once it has been verified. */
export interface Grant {
  readonly caps: CompiledCapabilities;
  /** As the token says it, in milliseconds since 1970; `undefined` when it does not expire. */
  readonly expiresAt?: number;
  /** When what it grants ends, by `steadyNow`. */
  readonly endsAt?: number;
  /** `iat`, in seconds since 1970. */
  readonly issuedAt?: number;
  readonly jti?: string;
  /**
   * Given by a backend, which is asked anew before it ends: how many times it has gone on because the backend could not
   * say. [B6]
   */
  readonly extensions?: number;
}

/** What a socket may do in one room by a room token, or because a backend allows it. [A2] [B6] */
export interface RoomGrant {
  readonly allow: ReadonlySet<RoomAction>;
  /** Which events `emit` is allowed for; all of them when not given. [D9] */
  readonly events?: EventPatterns | undefined;
  readonly issuedAt?: number;
  readonly jti?: string;
  /** A grant for a room ends when the socket leaves it: a backend is asked each time. [B6] */
  readonly untilLeft?: boolean;
  /** By `steadyNow`; `undefined` when it does not expire. */
  readonly expiresAt?: number;
  /** Its end. */
  deadline?: Deadline;
}

/** Open mode: everyone may do everything. [C4] */
export const OPEN_GRANT: Grant = Object.freeze({ caps: ALL_CAPABILITIES });
