import { ownText } from '../platform/own-text.js';

/** What the flight record keeps of a connection, as it is read. [X1] All times are milliseconds since 1970. */

/** Who ended a connection: its client, something on the way, the gateway, or the death of its node. */
export type EndedBy = 'client' | 'network' | 'gateway' | 'node';

/** How a connection ended. */
export interface EpisodeEnd {
  readonly by: EndedBy;
  /** The reason in the vocabulary of logs and metrics: a code of the gateway, or Socket.IO's word with underscores. */
  readonly reason: string;
  /** Whether stock clients come back by themselves. */
  readonly comesBack: boolean;
  /** Close code of the WebSocket; `null` on polling and where none was sent. */
  readonly closeCode: number | null;
  /** Since anything was received or sent. */
  readonly idleMs: number | null;
  readonly lastPongAgoMs: number | null;
  readonly unsentBytes: number | null;
  /** For how long something had been unsent without a break; `null` where nothing was. */
  readonly behindForMs: number | null;
  /** How late the node's own timers were at that time. */
  readonly loopLagMs: number;
}

/** Why a client was refused. */
export interface Refusal {
  readonly code: string;
  /** The true cause, such as `expired 312 s ago`. */
  readonly cause: string;
  readonly stage: string;
}

/** What became of a session that a client came back for. */
export interface RecoveryOutcome {
  readonly outcome: 'recovered' | 'not_recovered';
  /** Why it was not: a reason of the gateway (`NotRecovered`), `ended_on_purpose`, or `recovery_off`. */
  readonly why: string | null;
}

/** An app may let its clients join rooms whose names are as long as a message. */
const MAX_NAME_LENGTH = 256;

/** A name as facts hold it: cut off, so that a fact has a fixed size. */
export const factName = (name: string): string => ownText(name, MAX_NAME_LENGTH);

/** One thing that happened while a connection was open. */
export interface EpisodeFact {
  readonly at: number;
  readonly kind:
    | 'joined'
    | 'left'
    | 'join_refused'
    | 'limit'
    | 'request_failed'
    | 'not_answered'
    | 'upgrade_tried'
    | 'upgrade_failed'
    | 'upgraded'
    | 'ack_missing';
  /** A room, an event name, or a code: whatever the kind speaks of. */
  readonly name?: string;
  readonly code?: string;
  readonly ms?: number;
}

/** One connection of a user, from its first request to its end. */
export interface Episode {
  readonly socketId: string | null;
  readonly user: string | null;
  readonly address: string;
  readonly node: string;
  readonly namespace: string;
  /** Engine.IO protocol: 3 for 2.x clients, 4 for newer ones. */
  readonly protocol: number;
  readonly origin: string | null;
  readonly userAgent: string | null;
  readonly openedAt: number;
  /** When the client saw `connect`. */
  readonly connectedAt: number | null;
  readonly endedAt: number | null;
  readonly firstTransport: string;
  readonly transport: string;
  /** Round trips of pings in ms. */
  readonly ping: {
    readonly first: number | null;
    readonly min: number | null;
    readonly max: number | null;
    readonly last: number | null;
  };
  readonly lastPongAt: number | null;
  readonly lastInAt: number | null;
  readonly traffic: {
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly eventsIn: number;
    readonly eventsOut: number;
    readonly unsentPeak: number;
  };
  readonly refusal: Refusal | null;
  readonly recovery: RecoveryOutcome | null;
  readonly facts: readonly EpisodeFact[];
  /** Whether more happened than is kept: then its rooms are not all known. */
  readonly isCut: boolean;
  readonly end: EpisodeEnd | null;
  /** The socket that came after it, and how long after. */
  readonly next: { readonly socketId: string; readonly gapMs: number } | null;
}

/** What is known beside the episodes. */
export interface Surroundings {
  readonly now: number;
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly recoveryWindowMs: number;
  readonly maxPayloadBytes: number;
  /** Events that one socket may send per second in the long run, and at once after a pause. */
  readonly eventsPerSecond: number;
  readonly eventsBurst: number;
  /** Nodes that share the traffic; workers count. */
  readonly nodes: number;
  /** Requests with a session that no node knows, by the address they came from; newest last. */
  readonly unknownSessions: readonly UnknownSession[];
  /** Clients that were refused at the address of the user's last connection and named nobody; only where the user is offline. */
  readonly nearby: readonly Episode[];
  /** Who of the subject is shown online, and until when a broken connection is held. */
  readonly presence: {
    readonly online: boolean;
    readonly heldUntil: number | null;
  } | null;
}

/** A request with the session ID of a connection that this node does not have. */
export interface UnknownSession {
  readonly at: number;
  readonly address: string;
  /** Another live node has it, so that requests of one client reach several nodes. */
  readonly isElsewhere: boolean;
  readonly transport: string;
}

/** All that a rule looks at. The same evidence gives the same findings. [X2] */
export interface Evidence extends Surroundings {
  /** In the order in which they were opened. */
  readonly episodes: readonly Episode[];
}
