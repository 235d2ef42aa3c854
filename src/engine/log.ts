/** What is kept of publications: the history of rooms, and what sessions may have missed. */
import type { Position, Publication } from '../protocol/publication.js';

/** Where a publication stands. */
export interface Stamp {
  /**
   * Orders everything that a session can miss. A client that recovers hands back the last one it got; it is opaque to
   * clients, and one of another session, made up or too old, proves nothing.
   */
  readonly cursor: string;
  /** The position in every room of the target that keeps history; `undefined` when none does. */
  readonly positions: ReadonlyMap<string, Position> | undefined;
}

/** A publication with its place. */
export interface LoggedPublication {
  readonly publication: Publication;
  readonly stamp: Stamp;
}

/** One publication as a history gives it back. [H1] */
export interface HistoryEntry {
  readonly id: string;
  readonly offset: number;
  readonly event: string;
  readonly args: readonly unknown[];
  /** Who sent it, when a client did. [D9] */
  readonly user?: string;
  /** When it was accepted, in RFC 3339; of one that an older version has kept it is not known. */
  readonly at?: string;
}

/** A publication as a history gives it back. */
export function historyEntry({ id, event, args, user, at }: Publication, offset: number): HistoryEntry {
  const entry = { id, offset, event, args };
  const sender = user === undefined ? undefined : { user };
  return { ...entry, ...sender, ...(at === undefined ? undefined : { at: new Date(at).toISOString() }) };
}

/**
 * A page ends, with `more`, when it holds this much: it goes out as one answer, and whoever asks for many and reads none
 * must not cost the others memory. [Q3]
 */
export const MAX_PAGE_BYTES = 8_388_608;

/** Part of a room's history, oldest first. */
export interface HistoryPage {
  readonly epoch: string;
  /** The offset of the room's last publication, whether it is still kept or not; 0 when there was none. */
  readonly offset: number;
  readonly publications: readonly HistoryEntry[];
  /** Whether publications after the last one given are kept. */
  readonly more: boolean;
  /**
   * With `since`: whether everything after it is kept, so that following `more` to its end gives all of it. Without: true.
   */
  readonly covered: boolean;
}

export interface HistoryRequest {
  /** Gives what came after it. Without it, the last `limit` publications. */
  readonly since?: Position;
  /** At least 1. */
  readonly limit: number;
  /**
   * Resolve only when everything that the page holds has arrived at this node, and nothing after it: so that whoever reads
   * for a socket that is in the room already knows what reaches it live.
   */
  readonly arrived?: boolean;
}

/** The histories of rooms that match a rule of `SWITCHBOARD_HISTORY`. [H1] */
export interface HistoryStore {
  /** Whether a room keeps history; by its name alone, so it never changes while the process lives. */
  keeps(room: string): boolean;

  /**
   * For how many ms a user may not publish into rooms that keep history, because it had more kept within a minute than
   * is its share; 0 when it may. [Q7]
   */
  overQuotaMs(user: string): number;

  /**
   * Reads a room's history. Everything whose {@link Stamp} was given before the call is in it, unless trimmed.
   *
   * `since` from another epoch, of the future, or older than what is kept is not covered, and then gives no publications.
   * @throws SwitchboardError `engine.unavailable`
   */
  read(room: string, request: HistoryRequest): Answer<HistoryPage>;

  /** Forgets a room's publications. Its offsets go on, so that older positions are no longer covered. */
  drop(room: string): Answer<void>;
}

/** At once where shared state is in this process, later where it is not. */
export type Answer<Value> = Value | Promise<Value>;
