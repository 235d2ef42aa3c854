/** What happened, in order, for those who want to be told: webhooks, and an app that listens. [W2] [W5] */
import { hash } from 'node:crypto';
import type { WebhookEvent } from '../config/webhook-rules.js';
import type { SocketEntry } from '../protocol/entries.js';

/** Events are spread over this many partitions by their key; each is sent by one node at a time. [W8] */
export const PARTITIONS = 16;

/** The oldest events go beyond this many, or this long. [W6] */
export const MAX_EVENTS = 1_000_000;
export const MAX_EVENTS_OF_PARTITION = MAX_EVENTS / PARTITIONS;
export const KEEP_EVENTS_MS = 86_400_000;

/** What is kept of a publication's arguments in an event: a body of at most 20 kB is promised. [W2] */
export const MAX_ARGS_BYTES = 16_384;

/** An event that stands in the outbox. */
export type OutboxEventType = WebhookEvent | 'gateway.started';

/** One thing that happened. */
export interface OutboxEvent {
  readonly type: OutboxEventType;
  readonly partition: number;
  /**
   * Rises by one within a partition, so that it rises for the user or room that the event is about, and a gap shows what
   * was lost. [W3]
   */
  readonly seq: number;
  /** Another epoch is another outbox, whose `seq` begins anew. [W3] */
  readonly epoch: string;
  /** When it was written, in milliseconds since 1970. */
  readonly at: number;
  /** What it is about, such as `u42`: events of one key are in one partition. */
  readonly key: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Whether a user's first socket has come or its last one has gone, as it is told to those who listen. [N7] */
export type UserEvent = OutboxEvent & { readonly type: 'user.online' | 'user.offline' };

/** Which events are written. Nothing is where nobody wants any. */
export interface WantedEvents {
  /** By event the patterns of the rooms that are meant; `*` for events that are of no room. */
  readonly events: Readonly<Partial<Record<WebhookEvent, readonly string[]>>>;
  /** Endpoints, each of which has a place of its own in every partition. */
  readonly endpoints: readonly string[];
}

/**
 * Told what changes in the registry, where no script of shared state writes events with the change: in the memory of this
 * process there is no other step that it could be part of.
 */
export interface RegistryFollower {
  entered(socket: SocketEntry): void;
  /** @param comesBack whether its connection broke, so that its user is held for the recovery window [W4] */
  left(socketId: string, comesBack: boolean, reason: string): void;
  joined(socketId: string, room: string): void;
  parted(socketId: string, room: string): void;
}

/** Why a socket ended that was known and then not let in: its user is what it was before. */
export const NOT_LET_IN = 'refused';

/** How far an endpoint has got. */
export interface EndpointState {
  /** By partition: up to where everything was delivered. */
  readonly delivered: readonly number[];
  /** Rises with each replay: what was delivered before it is to be delivered again. */
  readonly replays: number;
  /** What it was stopped with, so that another endpoint under the same name is not; `undefined` while it is not. */
  readonly stoppedAs: string | undefined;
  /** In milliseconds since 1970: events before were written before it was there, and not told it. */
  readonly tellsSince: number;
}

/** Where the outbox stands, for this node. */
export interface OutboxState {
  readonly epoch: string;
  /** For how many ms its partitions are this node's if it renews nothing more; no other one takes them before. */
  readonly ownedForMs: number;
  /** Partitions that this node sends, and no other one. */
  readonly owned: readonly number[];
  /** How many of the partitions are this node's share; what it has beyond that it gives up when it is done with it. */
  readonly share: number;
  /** By partition: the last event. */
  readonly last: readonly number[];
  /** In the order in which they were asked for. */
  readonly endpoints: readonly EndpointState[];
}

/** Everything in a partition up to `seq` was delivered to an endpoint, or is lost. */
export interface Delivered {
  readonly endpoint: string;
  /** Of the outbox that it was read from: in another one the same `seq` is another event. */
  readonly epoch: string;
  readonly partition: number;
  readonly seq: number;
  /** The replays that were known when it was sent. */
  readonly replays: number;
}

/** One try to deliver, as text that only its writer reads. */
export interface AttemptRecord {
  readonly endpoint: string;
  readonly text: string;
}

/** How many attempts are kept of each endpoint. [W7] */
export const ATTEMPTS_KEPT = 100;

/**
 * Events that were written with the changes that they tell, and how far each endpoint has been told of them.
 *
 * Where there are several nodes, each partition belongs to one of them while its lease lasts. Whoever has lost a
 * partition is refused when it says what it has delivered, so an event is delivered at least once, and never passed over.
 * Methods reject with `engine.unavailable` when shared state is gone.
 */
export interface Outbox {
  /**
   * Has this node told of users that come and go on all nodes, each change once, in the order of each user.
   *
   * What happens while shared state cannot be reached, or this node was taken for dead, is not told.
   * @returns ends it
   */
  hear(listener: (event: UserEvent) => void): () => void;

  /** Takes partitions that nobody sends, up to this node's share, and says where everything stands. */
  claim(endpoints: readonly string[]): Promise<OutboxState>;

  /** The same, without taking any. */
  state(endpoints: readonly string[]): Promise<OutboxState>;

  /** Gives partitions back. */
  release(partitions: readonly number[]): Promise<void>;

  /**
   * The events of a partition after a place, oldest first; fewer than asked for where they are large. What is missing
   * between the place and the first one is lost: the newest event of a partition is always kept.
   */
  read(partition: number, after: number, limit: number): Promise<readonly OutboxEvent[]>;

  /**
   * Notes what was delivered, and the attempts.
   * @returns for each whether it was noted: not when the partition is another node's by now, the outbox another one, or
   * there was a replay
   */
  commit(delivered: readonly Delivered[], attempts: readonly AttemptRecord[]): Promise<readonly boolean[]>;

  /** Sends nothing more to an endpoint, or sends again. */
  stop(endpoint: string, as: string | undefined): Promise<void>;

  /**
   * Has everything since a time delivered to an endpoint once more.
   * @returns how many events that is
   */
  replay(endpoint: string, sinceMs: number): Promise<number>;

  /** The last attempts of an endpoint, newest first. */
  attempts(endpoint: string): Promise<readonly string[]>;

  /** The newest events of a key that are kept, newest first. */
  find(key: string, limit: number): Promise<readonly OutboxEvent[]>;

  /** When the first event after a place was written, by partition; `undefined` where there is none. */
  oldest(after: readonly number[]): Promise<readonly (number | undefined)[]>;
}

/** The keys of events: one letter says of what, so that a user and a room of one name are two. */
export const keyOfUser = (user: string): string => `u${user}`;
export const keyOfRoom = (room: string): string => `r${room}`;
export const keyOfNode = (node: string): string => `n${node}`;
export const KEY_OF_GATEWAY = 'g';

/** The partition of a key; scripts of Redis find it in the same way. */
export const partitionOf = (key: string): number => Number.parseInt(hash('sha1', key)[0]!, 16);

/** Whether a name fits one of some patterns, which may end in `*`. */
export const fitsPattern = (patterns: readonly string[] | undefined, name: string): boolean =>
  patterns?.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : each === name)) ===
  true;
