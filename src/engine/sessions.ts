/** Sessions: what a client that asked for recovery can come back to. [H4] */
import type { Answer, LoggedPublication } from './log.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { Position, Subject } from '../protocol/publication.js';
import type { PresencePlace } from './presence.js';

/** A room of a session, and how its socket is in it. */
export interface SessionRoom {
  readonly room: string;
  /** Whether its publications carry their position. [H5] */
  readonly meta: boolean;
  /** Whether the client went in by its own right, which it may have lost meanwhile. */
  readonly byRight: boolean;
  /** What a room token granted, in the words of whoever wrote it; kept as it is. */
  readonly grant?: unknown;
  /** The position that its client was told on the way in: it has what its history had until then. */
  readonly caughtUpTo?: Position;
  /** For a room of watchers: from where on its socket was told. */
  readonly watchedSince?: PresencePlace;
}

/**
 * The session cannot be given now and may be in a moment: somebody is coming in with it, mostly its client itself by a
 * connection that has broken since, or this node is late.
 */
export class SessionBusy extends Error {}

/**
 * Why a session was not given back. [X1] For the flight record only: its client learns nothing of it.
 *
 * - `unknown_session`: there is none by that ID: it has ended, or shared state was lost
 * - `other_user`, `other_namespace`: it belongs to another
 * - `window_over`: its client came after the recovery window
 * - `foreign_cursor`: its client cannot have got this cursor from it
 * - `log_trimmed`: something that it missed is no longer kept
 * - `too_much_missed`: more was missed than is given at once
 */
export type NotGiven =
  | 'unknown_session'
  | 'other_user'
  | 'other_namespace'
  | 'window_over'
  | 'foreign_cursor'
  | 'log_trimmed'
  | 'too_much_missed';

/** A session that was claimed cannot be given back whole after all. */
export class SessionNotWhole extends SwitchboardError {
  constructor(readonly why: NotGiven) {
    super('engine.unavailable', { message: 'the session can no longer be recovered' });
  }
}

export interface NewSession {
  /** Secret: whoever has it, and a token of the same user, can come back as this socket. */
  readonly sessionId: string;
  readonly socketId: string;
  readonly user: string;
  readonly namespace: string;
  /** What its socket was let in with, in the words of whoever wrote it; kept as it is. */
  readonly token: unknown;
  /** The app's own `socket.data` as it is now. [T2] */
  readonly data?: unknown;
}

/** The last that was sent to a socket that can recover, or else what its client had when it came. */
export interface LastSent {
  readonly cursor: string | undefined;
}

/** What a socket leaves behind for its client. */
export interface LeftBehind {
  /** `undefined` when not everything that was for it has been sent. */
  readonly sent: LastSent | undefined;
  /** The app's own `socket.data`. [T2] */
  readonly data: unknown;
}

/** The client that wants a session back. */
export interface ClaimRequest {
  readonly user: string;
  readonly namespace: string;
  /**
   * The last cursor the client got; `undefined` when it got none, which is everything since the session began. So is one
   * from before that: the stock client keeps what an earlier session of its left behind, until it gets something new.
   */
  readonly cursor: string | undefined;
  /** Called before the claim gives `undefined`, with the reason. */
  readonly notGiven?: (why: NotGiven) => void;
}

/** A session that was given back to its client. */
export interface Claim {
  readonly socketId: string;
  readonly rooms: readonly SessionRoom[];
  /** The last one given to {@link SessionStore.open} or {@link SessionStore.renewed}. */
  readonly token: unknown;
  /** The app's own `socket.data`, as it last was known; `undefined` where none was. */
  readonly data?: unknown;
  /**
   * What the session missed, in order, each once: in the rooms it is in, to its user, to its socket and to everyone,
   * without what was published while it was not yet in a room, what was volatile, and what asked for an acknowledgement:
   * its publisher has been told who did not answer. Called once, when the socket is in its rooms again:
   * what is published afterwards reaches it as a live socket.
   *
   * @throws SessionNotWhole when the session has ended, or a part of what it missed has gone, since it was claimed
   */
  missed(): Answer<readonly LoggedPublication[]>;
  /**
   * The cursor for what reached the socket while {@link missed} was read and comes after it: it may have been given a
   * place before some of what was missed.
   */
  cursorAfter(lastMissed: string, cursor: string): string;
  /** The client did not get in after all: the session waits again, for what is left of its time. */
  release(): void;
}

/**
 * The sessions of sockets that asked for recovery.
 *
 * - A session is written while its socket lives, not when it ends, so that a killed node loses none.
 * - It can be claimed within the recovery window after {@link detach} (or after its node was lost), by one client only.
 *   Whoever claims one whose socket still looks connected, because its end was not noticed yet, takes it over: that
 *   socket is ended first, through {@link NodeHooks.takeOver}.
 * - A claim that names another user or namespace, an unknown session, a cursor that this session cannot have got, or one
 *   from which not everything is kept any longer, gets `undefined`, and no client learns which of these it was. An
 *   uncovered claim ends the session.
 * - One that somebody is claiming right now is {@link SessionBusy}.
 */
export interface SessionStore {
  /** Whether a socket ID is that of a session: its client may come back as this socket. [M3] */
  isSocketId(name: string): Answer<boolean>;
  /** From now on what is sent to its socket, to its user and to everyone is kept for it. */
  open(session: NewSession): Answer<void>;
  /** Its socket goes on with another token. */
  renewed(sessionId: string, token: unknown): Answer<void>;
  /** Its socket is in a room, or is in it in another way than before; `data` is the app's `socket.data` by then. */
  joined(sessionId: string, room: SessionRoom, data?: unknown): Answer<void>;
  left(sessionId: string, room: string): Answer<void>;
  /**
   * Its connection broke: it waits for its client for the recovery window.
   *
   * @param sent the last that was sent to it, when everything for it has been: whoever got that missed nothing before
   *   the break, however long ago it was and whatever of the time since is no longer kept
   * @param data the app's own `socket.data` at its end
   */
  detach(sessionId: string, sent?: LastSent, data?: unknown): Answer<void>;
  /** The session has ended on purpose, or may not come back. Nothing is kept for it any longer. */
  close(sessionId: string): Answer<void>;
  claim(sessionId: string, request: ClaimRequest): Answer<Claim | undefined>;
  /**
   * Ends the sessions of a subject that may not come back. [A6]
   *
   * Those of connected sockets too, which whoever asks ends afterwards: a connection that breaks in between would
   * otherwise leave one behind. It rejects rather than being made up for later, and so does {@link leaveOf}.
   */
  closeOf(subject: Subject): Answer<void>;
  /**
   * Takes the sessions of a subject out of a room, for sockets as {@link closeOf}. One that is being claimed and is in
   * the room ends: where it is claimed its rooms have been read already.
   */
  leaveOf(subject: Subject, room: string): Answer<void>;
}
