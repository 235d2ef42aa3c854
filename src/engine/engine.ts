import type { NodeEntry, SocketEntry } from '../protocol/entries.js';
import type { JsonValue } from '../protocol/json.js';
import type { Publication, Selection, Subject, Target } from '../protocol/publication.js';
import type { SharedFlights } from './flights.js';
import type { IdempotencyStore } from './idempotency.js';
import type { HistoryStore, Stamp } from './log.js';
import type { Outbox } from './outbox.js';
import type { SharedRevocations } from './revocations.js';
import type { LeftBehind, SessionStore } from './sessions.js';
import type { PresenceChange, PresencePlace, PresenceState, SharedPresence } from './presence.js';
import type { RegistryWriter, RegistryReader } from './registry.js';

/** Whether shared state can be reached. */
export type EngineHealth =
  | { readonly state: 'ready' }
  | { readonly state: 'starting' }
  | { readonly state: 'unavailable'; readonly reason: string; readonly since: Date };

/** A figure of what an engine holds now. */
export interface EngineGauge {
  readonly name: string;
  readonly help: string;
  readonly value: () => number;
}

/** One socket's answer to a publication that asked for one. [D6] */
export interface Receipt {
  readonly socketId: string;
  readonly user: string;
  readonly args: unknown[];
}

/** A targeted socket that did not answer; the user is `null` for a socket ID that was not connected at all. */
export interface MissingReceipt {
  readonly socketId: string;
  readonly user: string | null;
}

/** Every targeted socket is in exactly one of the two. */
export interface Receipts {
  readonly responses: Receipt[];
  readonly missing: MissingReceipt[];
}

/** What became of a publication on the other nodes. */
export interface RemoteOutcome extends Receipts {
  /** How many sockets of other nodes it was for. */
  readonly matched: number;
}

/** What became of a publication that was handed over. */
export interface Handover {
  /**
   * Its place. `undefined` while shared state has not put it in order: sockets that track positions get it when it comes
   * back through {@link NodeHooks.arrived}, in the one order that holds for all nodes; all others get it now.
   */
  readonly stamp: Stamp | undefined;
  /**
   * The other nodes have it, or will, and all sockets of this one have been given it. Rejects with `engine.unavailable` when that cannot be proven. `undefined` when
   * there are none.
   */
  readonly remote: Promise<RemoteOutcome> | undefined;
}

/** A publication that shared state gives to this node, in its order. */
export interface Arrival {
  readonly publication: Publication;
  readonly stamp: Stamp;
  /**
   * `tracking`: it is from here and all other sockets have had it already. `all`: it is from another node.
   */
  readonly audience: 'tracking' | 'all';
  /** How long its publisher waits for acknowledgements; none are asked for when not given. */
  readonly ackTimeoutMs?: number;
}

/** What a node is asked to do with the sockets it holds. */
export type NodeCommand =
  | { readonly do: 'join' | 'leave'; readonly subject: Subject; readonly room: string }
  | { readonly do: 'disconnect'; readonly subject: Subject; readonly reconnect: boolean }
  /** Socket.IO's `socketsJoin` and `socketsLeave`. */
  | {
      readonly do: 'move';
      readonly from: SocketsOfNamespace;
      readonly join: readonly string[];
      readonly leave: readonly string[];
    }
  /** Socket.IO's `disconnectSockets`. */
  | { readonly do: 'disconnect-all'; readonly from: SocketsOfNamespace; readonly close: boolean }
  /** Socket.IO's `serverSideEmit`. */
  | { readonly do: 'server-side-emit'; readonly namespace: string; readonly args: readonly unknown[] };

/** What a node is asked for; its answer is a JSON value, binary included. */
export type NodeQuestion =
  /** Socket.IO's `fetchSockets`. */
  | { readonly ask: 'fetch-sockets'; readonly from: SocketsOfNamespace }
  /** Socket.IO's `serverSideEmit` with an acknowledgement. */
  | { readonly ask: 'server-side-emit'; readonly namespace: string; readonly args: readonly unknown[] }
  /** What a node remembers of its connections and publications, in the words of the recorder. */
  | { readonly ask: 'record'; readonly question: JsonValue };

/** What the other nodes have answered. */
export interface NodeAnswers {
  /** How many nodes were asked. */
  readonly asked: number;
  /** The answers that came in time, in that order. */
  readonly answers: readonly unknown[];
}

/** Sockets of one Socket.IO namespace, by the rooms they are in. */
export interface SocketsOfNamespace {
  readonly namespace: string;
  readonly to: Target;
  readonly except: Selection;
}

/** What the engine asks of the process it runs in. */
export interface NodeHooks {
  /** Delivers to local sockets; resolves with their acknowledgements when such are asked for. Never throws. */
  arrived(arrival: Arrival): Promise<Receipts> | undefined;
  /**
   * Whether any socket here tracks positions. Where none does when a publication is accepted, nobody here is to be told
   * where it stands.
   */
  tracksPositions(): boolean;
  /** Whether a socket is connected here. */
  holds(socketId: string): boolean;
  /**
   * Ends a socket whose session its client has taken to another connection, silently and at once; what was the last
   * sent to it and its data, as for {@link SessionStore.detach}.
   */
  takeOver(socketId: string): LeftBehind | undefined;
  /**
   * Sessions have ended without their clients: so many publications that were for them, since they went away, reached
   * nobody. Told to one node. [D10]
   */
  sessionsOver(undelivered: number): void;
  /** Another node died, and these of its sockets with it; told to one live node. */
  lost?(sockets: readonly SocketEntry[]): void;
  /** Carries out what another node was asked for and returns how many sockets it was for. Never rejects. */
  carryOut(command: NodeCommand): Promise<number>;
  /** Answers another node; stays open, or rejects, where there is no answer. */
  answer(question: NodeQuestion): Promise<unknown>;
  /** Tells the sockets that watch a room. */
  presence(change: PresenceChange): void;
  /** Tells who is in a room that this node watches; what its watchers were not told, they are told now. */
  presenceState(state: PresenceState): void;
  /** The rooms that are watched here, and the users that their watchers take for present. */
  watchedRooms(): Iterable<readonly [room: string, users: readonly string[]]>;
  /** Everything this node holds, to be written again where shared state has lost it. */
  sockets(): Iterable<SocketEntry>;
  /**
   * Others took this node for dead and its sockets for gone: whoever it still holds has to come back as someone new.
   *
   * @param stalledMs how long this node stood still before, when that is why; else 0
   */
  fenced(stalledMs: number): void;
}

/**
 * The seam to shared state: what is known beyond one process, and how publications get to the other ones.
 *
 * Guarantees every implementation gives:
 * 1. Nothing here is on the way of a local delivery to a socket that tracks no positions. An engine that hangs stalls no
 *    such socket, and those that do track positions no longer than it takes to notice that it hangs.
 * 2. {@link publish} is called in the order in which publications were accepted, and keeps that order. There is one order
 *    for all nodes; cursors and offsets rise in it, and every node gets what it has recipients for in it, once.
 * 3. No method but {@link ask} asks another node for what it knows. Answers come from the shared state itself.
 * 4. A method that cannot prove its effect rejects with `engine.unavailable`; it never resolves on a guess.
 * 5. What can be answered at once is answered at once: see `Answer`.
 *
 * An abstract class rather than an interface, so that it is also the injection token.
 */
export abstract class Engine {
  abstract readonly kind: 'memory' | 'redis';
  abstract readonly history: HistoryStore;
  abstract readonly sessions: SessionStore;
  abstract readonly idempotency: IdempotencyStore;
  /** The same for what clients send again, apart: none of them can push out what backends rely on. */
  abstract readonly clientRequests: IdempotencyStore;
  /** Whether there may be other nodes. */
  abstract readonly isShared: boolean;
  /** The registry: who is connected on all nodes. */
  abstract readonly registry: RegistryReader;
  /** What this process tells of its own part of it. */
  abstract readonly holdings: RegistryWriter;
  /** Presence: who comes into rooms and leaves them on all nodes; `undefined` when this process is the only one. */
  abstract readonly presence: SharedPresence | undefined;
  /** Blocks and revocations of all nodes. */
  abstract readonly revocations: SharedRevocations;
  /** What happened, for those who want to be told. Nothing is written where nobody does. */
  abstract readonly outbox: Outbox;
  /** Connections that have ended, of all nodes; `undefined` when this process is the only one. */
  abstract readonly flights: SharedFlights | undefined;

  /** Makes the engine usable; resolves when it can serve or knows that it cannot yet. */
  abstract start(node: NodeHooks): Promise<void>;

  /** Gives up what it holds. Called once, after the last socket has gone. */
  abstract stop(): Promise<void>;

  abstract health(): EngineHealth;

  /** What it holds in this process, for the metrics; nothing where that is in another one with figures of its own. */
  get gauges(): readonly EngineGauge[] {
    return [];
  }

  /** Keeps a publication where it has to be kept, and hands it to the other nodes that have recipients for it. */
  abstract publish(publication: Publication, ackTimeoutMs?: number): Handover;

  /**
   * The cursor after everything that was published before. What a socket that can recover gets beside publications
   * carries it, so that its client never takes an argument for a cursor.
   */
  abstract get cursor(): string;

  /** The place of {@link cursor}; `undefined` where this process is the only one. */
  abstract get place(): PresencePlace | undefined;

  /**
   * Has the other nodes carry out a command and resolves with how many sockets it was for. Publications and commands of
   * this node reach every other one in the order in which they were made.
   */
  abstract command(command: NodeCommand): Promise<number>;

  /**
   * Asks all other nodes, in the same order. Meant for an app's own use of Socket.IO, and for operators who ask why: what
   * the gateway itself wants to know stands in shared state.
   * @throws SwitchboardError `engine.unavailable`
   */
  abstract ask(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers>;

  /** All live nodes; this one's socket count is given by the caller. */
  abstract nodes(localSockets: number): Promise<NodeEntry[]>;
}
