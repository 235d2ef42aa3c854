import type { Subject } from '../../../protocol/publication.js';
import {
  type Claim,
  type ClaimRequest,
  type LastSent,
  type LeftBehind,
  type NewSession,
  type SessionRoom,
  type SessionStore,
} from '../../sessions.js';
import { unavailable } from '../connection/client.js';
import { hashed } from '../keys.js';
import { luaJson } from '../lua/script.js';
import type { RedisBroker } from '../inbox/redis-broker.js';
import type { NodeContext } from '../node/node-context.js';
import type { RedisHistory } from './redis-history.js';
import type { RedisRegistryWriter } from './registry-writer.js';
import { CHANGE_SESSIONS, END_SESSIONS, IS_SOCKET_OF_SESSION } from '../lua/scripts.js';
import { freesMemory, type SessionChange } from '../lua/session.js';
import { RedisSessionClaims, type SessionsOfNode } from './session-claims.js';
import { SessionDataWriter } from './session-data.js';
import { TurnBatcher } from '../connection/turn-batcher.js';

/** What the sessions need of the engine. */
export type SessionsContext = Pick<
  NodeContext,
  'run' | 'runEarly' | 'isAvailable' | 'identity' | 'recoveryWindowMs' | 'hooks' | 'barriers' | 'renewWhenDue'
>;

/** What is known here of a session whose socket is here. */
interface LiveSession {
  session: NewSession;
  readonly rooms: Map<string, SessionRoom>;
  /** The app's data as it was last written. */
  data: string;
}

const MAX_UNSETTLED = 100_000;
/** Redis is given time for others: all nodes may have to make up for something at the same time. */
const SETTLED_AT_ONCE = 100;

/** Sessions of all nodes, in Redis; by the hash of their IDs, which are secrets. [H4] [H6] */
export class RedisSessions implements SessionStore, SessionsOfNode {
  private readonly data = new SessionDataWriter();
  private readonly changes: TurnBatcher<SessionChange>;
  private readonly claimed: RedisSessionClaims;
  /** Sessions of sockets here, to be written again where Redis has lost them. */
  private readonly live = new Map<string, LiveSession>();
  /** Ends that Redis may not know of: a session that nobody ends would be kept for as long as this node lives. */
  private unsettled: SessionChange[] = [];
  /** Sessions of sockets here that Redis may not know all of. */
  private readonly incomplete = new Set<string>();
  /** Where the walk of {@link check} stands. */
  private checking: MapIterator<string> | undefined;
  /** Claims under way. */
  private claims = 0;
  /** The session whose socket is being ended in favour of another connection. */
  private takenOver: string | undefined;

  constructor(
    private readonly context: SessionsContext,
    private readonly broker: Pick<RedisBroker, 'seq'>,
    history: Pick<RedisHistory, 'keeps'>,
    holdings: Pick<RedisRegistryWriter, 'flush'>,
  ) {
    this.claimed = new RedisSessionClaims(context, this, history, holdings);
    this.changes = new TurnBatcher(async (changes) => {
      await this.context.runEarly(
        changes.every(freesMemory) ? END_SESSIONS : CHANGE_SESSIONS,
        ...this.context.identity(),
        this.context.recoveryWindowMs,
        luaJson(changes),
      );
      return [];
    });
  }

  /** Whether there is a session here, or one is being claimed. */
  get isUsed(): boolean {
    return this.live.size > 0 || this.claims > 0;
  }

  /** Has what was changed in this turn written before what is asked next. */
  flush(): void {
    this.changes.flush();
  }

  open({ data, ...session }: NewSession): Promise<void> {
    const live: LiveSession = { session, rooms: new Map(), data: this.data.textOf(data) };
    this.live.set(session.sessionId, live);
    return this.change(this.opening(live, 0), session.sessionId);
  }

  async isSocketId(name: string): Promise<boolean> {
    return (await this.context.run(IS_SOCKET_OF_SESSION, name)) === 1;
  }

  renewed(sessionId: string, token: unknown): Promise<void> {
    const live = this.live.get(sessionId);
    if (live) live.session = { ...live.session, token };
    return this.change(['renewed', hashed(sessionId), JSON.stringify(token ?? null)], sessionId);
  }

  joined(sessionId: string, room: SessionRoom, data?: unknown): Promise<void> {
    const live = this.live.get(sessionId);
    live?.rooms.set(room.room, room);
    const id = hashed(sessionId);
    const text = this.data.textOf(data);
    if (live === undefined || live.data === text) {
      return this.change(['joined', id, room.room, JSON.stringify(room)], sessionId);
    }
    live.data = text;
    return this.change(['joined', id, room.room, JSON.stringify(room), text], sessionId);
  }

  left(sessionId: string, room: string): Promise<void> {
    if (hashed(sessionId) !== this.takenOver) this.live.get(sessionId)?.rooms.delete(room);
    return this.change(['left', hashed(sessionId), room], sessionId);
  }

  detach(sessionId: string, _sent?: LastSent, data?: unknown): Promise<void> {
    // Nobody knows what it would be missing.
    if (this.incomplete.delete(sessionId)) return this.close(sessionId);
    this.forget(sessionId);
    return this.change(['detach', hashed(sessionId), this.data.textOf(data)]);
  }

  close(sessionId: string): Promise<void> {
    this.forget(sessionId);
    return this.change(['close', hashed(sessionId)]);
  }

  closeOf(subject: Subject): Promise<void> {
    return this.changeNow(['closeOf', ...nameOf(subject)]);
  }

  leaveOf(subject: Subject, room: string): Promise<void> {
    return this.changeNow(['leaveOf', ...nameOf(subject), room]);
  }

  async claim(sessionId: string, request: ClaimRequest): Promise<Claim | undefined> {
    this.claims++;
    try {
      return await this.claimed.claim(sessionId, request);
    } finally {
      this.claims--;
    }
  }

  /** Another node has the session of a socket here. Rare, so that no second index is kept for it. */
  takenFrom(socketId: string): void {
    for (const [sessionId, { session }] of this.live) {
      if (session.socketId === socketId) this.live.delete(sessionId);
    }
  }

  /** Whether there is something to make up for. */
  get isOutOfDate(): boolean {
    return this.unsettled.length > 0 || this.incomplete.size > 0;
  }

  /** Redis has lost all sessions. */
  lost(): void {
    for (const sessionId of this.live.keys()) this.incomplete.add(sessionId);
    this.unsettled = [];
  }

  /**
   * Makes up for what was not written while Redis was away.
   *
   * @throws SwitchboardError `engine.unavailable` when it has to be tried again
   */
  async settle(): Promise<void> {
    while (this.isOutOfDate) {
      const ends = this.unsettled.splice(0, SETTLED_AT_ONCE);
      const sessions = [...this.incomplete].slice(0, ends.length === 0 ? SETTLED_AT_ONCE : 0);
      for (const sessionId of sessions) this.incomplete.delete(sessionId);
      // As they are now: what changes from here on is sent behind it.
      const changes = [...ends, ...sessions.flatMap((sessionId) => this.writtenAgain(sessionId))];
      try {
        await Promise.all(changes.map((change) => this.changes.push(change)));
      } catch (failure) {
        this.unsettled = [...ends, ...this.unsettled].slice(0, MAX_UNSETTLED);
        for (const sessionId of sessions) this.incomplete.add(sessionId);
        throw failure;
      }
      await this.context.renewWhenDue();
    }
  }

  /** Has what the next few sessions of sockets here are found by written again, in case a damaged Redis has lost it. */
  async check(): Promise<void> {
    const changes: SessionChange[] = [];
    this.checking ??= this.live.keys();
    for (let count = 0; count < SETTLED_AT_ONCE; count++) {
      const { value, done } = this.checking.next();
      if (done) {
        this.checking = undefined;
        break;
      }
      changes.push(['check', hashed(value)]);
    }
    await Promise.all(changes.map((change) => this.changes.push(change)));
  }

  adopt(session: NewSession, rooms: readonly SessionRoom[], data: string): void {
    const entries = rooms.map((room) => [room.room, room] as const);
    this.live.set(session.sessionId, { session, rooms: new Map(entries), data });
  }

  roomsOf(sessionId: string): ReadonlyMap<string, SessionRoom> | undefined {
    return this.live.get(sessionId)?.rooms;
  }

  putBack(id: string, token: string): void {
    this.change(['release', id, token]).catch(() => undefined);
  }

  writeAll(id: string): void {
    this.makeUpFor(id);
    this.changes.flush();
  }

  /** Says of one session what was not written, before something is asked of it. */
  private makeUpFor(id: string): void {
    const isOf = (change: SessionChange): boolean => change[1] === id;
    const late = this.unsettled.filter(isOf);
    if (late.length === 0) return;
    this.unsettled = this.unsettled.filter((change) => !isOf(change));
    for (const change of late) this.change(change).catch(() => undefined);
  }

  /** A whole session: from now on it can come back, from any cursor that it gets from now on. */
  private writtenAgain(sessionId: string): SessionChange[] {
    const live = this.live.get(sessionId);
    if (live === undefined) return [];
    const id = hashed(sessionId);
    const rooms = [...live.rooms.values()];
    return [
      this.opening(live, 1),
      ...rooms.map((room): SessionChange => ['joined', id, room.room, JSON.stringify(room)]),
    ];
  }

  /** Nothing is written for it again; not while its socket makes room for another one of the same session. */
  forget(sessionId: string): void {
    if (hashed(sessionId) !== this.takenOver) this.live.delete(sessionId);
  }

  private opening({ session, data }: LiveSession, again: 0 | 1): SessionChange {
    const { sessionId, socketId, user, namespace, token } = session;
    const written = JSON.stringify(token ?? null);
    return ['open', hashed(sessionId), socketId, user, namespace, written, this.broker.seq, again, data];
  }

  private async change(change: SessionChange, sessionId?: string): Promise<void> {
    // What an ending socket says of its session on the way out is no longer true of it.
    if (change[1] === this.takenOver) return;
    try {
      if (!this.context.isAvailable()) throw unavailable();
      await this.changes.push(change);
    } catch (failure) {
      if (sessionId !== undefined) this.incomplete.add(sessionId);
      else if (this.unsettled.length < MAX_UNSETTLED) this.unsettled.push(change);
      throw failure;
    }
  }

  /** Of sessions that may be on other nodes: now or not at all, for nobody knows later what has become of them. */
  private async changeNow(change: SessionChange): Promise<void> {
    if (!this.context.isAvailable()) throw unavailable();
    await this.changes.push(change);
  }

  /** Two sockets of one ID on a node would be taken for one another. */
  endSocketOf(id: string, socketId: string): LeftBehind | undefined {
    this.takenOver = id;
    try {
      return this.context.hooks()?.takeOver(socketId);
    } finally {
      this.takenOver = undefined;
    }
  }
}

const nameOf = (subject: Subject): [kind: 'user' | 'socket', name: string] =>
  'user' in subject ? ['user', subject.user] : ['socket', subject.socketId];
