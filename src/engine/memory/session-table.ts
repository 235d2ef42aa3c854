import type { Subject } from '../../protocol/publication.js';
import type { LoggedPublication } from '../log.js';
import {
  SessionBusy,
  SessionNotWhole,
  type Claim,
  type ClaimRequest,
  type LastSent,
  type LeftBehind,
  type NewSession,
  type NotGiven,
  type SessionRoom,
  type SessionStore,
} from '../sessions.js';
import type { Deadlines } from '../../timers/deadlines.js';
import type { PublicationLog } from './publication-log.js';
import { type ClaimedState, Session } from './session.js';

/** What the sessions ask of this process. */
export interface SessionHooks {
  /** Ends a socket before it returns. */
  takeOver(socketId: string): LeftBehind | undefined;
  /** A session ended without its client, for which so many publications were. [D10] */
  over(undelivered: number): void;
}

/** Sessions of this process. [H4] */
export class SessionTable implements SessionStore {
  private readonly sessions = new Map<string, Session>();
  private readonly ofUser = new Map<string, Set<Session>>();
  private readonly ofSocket = new Map<string, Session>();
  private waitingCount = 0;
  /** The session whose socket is being ended in favour of another connection. */
  private takenOver: Session | undefined;

  /**
   * @param windowMs how long a session waits for its client
   */
  constructor(
    private readonly log: PublicationLog,
    private readonly deadlines: Deadlines,
    private readonly windowMs: number,
    private readonly hooks: SessionHooks,
    /** As many sessions of one user wait at most, the newest; 0 for no limit. [Q8] */
    private readonly maxWaitingPerUser = 0,
  ) {}

  get size(): number {
    return this.sessions.size;
  }

  /** How many wait for their client. */
  get waiting(): number {
    return this.waitingCount;
  }

  open(identity: NewSession): void {
    this.close(identity.sessionId);
    const session = new Session(identity, this.log);
    this.sessions.set(identity.sessionId, session);
    this.ofSocket.set(identity.socketId, session);
    const ofUser = this.ofUser.get(identity.user);
    if (ofUser) ofUser.add(session);
    else this.ofUser.set(identity.user, new Set([session]));
  }

  isSocketId(name: string): boolean {
    return this.ofSocket.has(name);
  }

  renewed(sessionId: string, token: unknown): void {
    const session = this.find(sessionId);
    if (session) session.token = token;
  }

  joined(sessionId: string, room: SessionRoom): void {
    this.find(sessionId)?.join(room);
  }

  left(sessionId: string, room: string): void {
    this.find(sessionId)?.leave(room);
  }

  detach(sessionId: string, sent?: LastSent, data?: unknown): void {
    const session = this.find(sessionId);
    if (session?.state.is === 'attached' || session?.state.is === 'claimed') {
      session.brokeAfter(sent);
      session.data = data;
      this.wait(session, this.log.now() + this.windowMs);
    }
  }

  close(sessionId: string): void {
    const session = this.find(sessionId);
    if (session) this.end(session);
  }

  closeOf(subject: Subject): void {
    for (const session of this.sessionsOf(subject)) this.end(session);
  }

  leaveOf(subject: Subject, room: string): void {
    for (const session of this.sessionsOf(subject)) {
      if (session.state.is === 'claimed' && session.isIn(room)) this.end(session);
      else session.leave(room);
    }
  }

  claim(sessionId: string, request: ClaimRequest): Claim | undefined {
    const claimed = this.claimed(sessionId, request);
    if (typeof claimed !== 'string') return claimed;
    request.notGiven?.(claimed);
    return undefined;
  }

  private claimed(sessionId: string, { user, namespace, cursor }: ClaimRequest): Claim | NotGiven {
    const session = this.sessions.get(sessionId);
    if (session === undefined) return 'unknown_session';
    const { identity, state } = session;
    if (identity.user !== user) return 'other_user';
    if (identity.namespace !== namespace) return 'other_namespace';
    if (state.is === 'claimed') throw new SessionBusy();
    const now = this.log.now();
    if (state.is === 'waiting' && state.endsAt <= now) {
      this.end(session);
      return 'window_over';
    }
    const got = cursor === undefined ? 0 : this.log.cursors.parse(cursor);
    if (got === undefined || got > this.log.seq) return 'foreign_cursor';
    const claimed = this.beClaimed(session, state.is === 'waiting' ? state.endsAt : now + this.windowMs);
    if (state.is === 'attached') this.endSocketOf(session);
    const seq = session.seqOf(got, cursor);
    if (!session.covers(seq)) {
      this.end(session);
      return 'log_trimmed';
    }
    return {
      socketId: identity.socketId,
      rooms: session.entries,
      token: session.token,
      data: session.data,
      missed: () => this.attach(session, claimed, seq),
      // Nothing reaches a socket while it is read.
      cursorAfter: (_lastMissed, cursor) => cursor,
      release: () => this.release(session, claimed),
    };
  }

  private sessionsOf(subject: Subject): Session[] {
    if ('user' in subject) return [...(this.ofUser.get(subject.user) ?? [])];
    const session = this.ofSocket.get(subject.socketId);
    return session ? [session] : [];
  }

  /** What the ending socket says of its session on the way out is no longer true of it. */
  private find(sessionId: string): Session | undefined {
    const session = this.sessions.get(sessionId);
    return session === this.takenOver ? undefined : session;
  }

  private endSocketOf(session: Session): void {
    this.takenOver = session;
    try {
      const left = this.hooks.takeOver(session.identity.socketId);
      session.brokeAfter(left?.sent);
      if (left) session.data = left.data;
    } finally {
      this.takenOver = undefined;
    }
  }

  /** @throws SessionNotWhole when the session has ended, or a part of what it missed has gone, since it was claimed */
  private attach(session: Session, claimed: ClaimedState, seq: number): LoggedPublication[] {
    const isOpen = session.state === claimed;
    if (isOpen && session.covers(seq)) {
      this.leaveState(session);
      session.cameBack();
      return session.missedAfter(seq);
    }
    if (isOpen) this.end(session);
    throw new SessionNotWhole(isOpen ? 'log_trimmed' : 'unknown_session');
  }

  private release(session: Session, claimed: ClaimedState): void {
    if (session.state !== claimed) return;
    if (claimed.endsAt <= this.log.now()) this.end(session);
    else this.wait(session, claimed.endsAt);
  }

  private beClaimed(session: Session, endsAt: number): ClaimedState {
    this.leaveState(session);
    return (session.state = { is: 'claimed', endsAt });
  }

  private wait(session: Session, endsAt: number): void {
    this.leaveState(session);
    this.waitingCount++;
    const deadline = this.deadlines.at(endsAt, () => this.end(session));
    session.state = { is: 'waiting', endsAt, deadline };
    this.endOldestOf(session.identity.user);
  }

  private endOldestOf(user: string): void {
    const ofUser = this.ofUser.get(user);
    if (this.maxWaitingPerUser === 0 || !ofUser || ofUser.size <= this.maxWaitingPerUser) return;
    const waiting = [...ofUser].flatMap((session) =>
      session.state.is === 'waiting' ? [{ session, endsAt: session.state.endsAt }] : [],
    );
    if (waiting.length <= this.maxWaitingPerUser) return;
    this.end(waiting.reduce((oldest, each) => (each.endsAt < oldest.endsAt ? each : oldest)).session);
  }

  private end(session: Session): void {
    if (session.state.is === 'ended') return;
    const { undelivered } = session;
    if (undelivered > 0) this.hooks.over(undelivered);
    this.leaveState(session);
    const { sessionId, socketId, user } = session.identity;
    this.sessions.delete(sessionId);
    if (this.ofSocket.get(socketId) === session) this.ofSocket.delete(socketId);
    const ofUser = this.ofUser.get(user);
    if (ofUser?.delete(session) && ofUser.size === 0) this.ofUser.delete(user);
    session.end();
  }

  private leaveState({ state }: Session): void {
    if (state.is !== 'waiting') return;
    this.waitingCount--;
    this.deadlines.cancel(state.deadline);
  }
}
