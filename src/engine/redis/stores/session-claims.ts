import type { LoggedPublication } from '../../log.js';
import {
  SessionBusy,
  SessionNotWhole,
  type Claim,
  type ClaimRequest,
  type LeftBehind,
  type NewSession,
  type NotGiven,
  type SessionRoom,
} from '../../sessions.js';
import { unavailable } from '../connection/client.js';
import { hashed } from '../keys.js';
import { CLAIM, MISSED } from '../lua/scripts.js';
import type { NodeContext } from '../node/node-context.js';
import { missedBy, type MissedReply } from './missed-publications.js';
import type { RedisHistory } from './redis-history.js';
import type { RedisRegistryWriter } from './registry-writer.js';
import { readData } from './session-data.js';
import { notBefore, parseStreamCursor, type StreamCursor } from './stream-cursor.js';

type ClaimReply = readonly [
  socketId: string,
  token: string,
  rooms: readonly string[],
  isOwnCursor: 0 | 1,
  data: string,
];

/** The sessions of sockets here, as claims change them. */
export interface SessionsOfNode {
  /** Has all that was not written yet of one session, by its hash, written before something is asked of it. */
  writeAll(id: string): void;
  flush(): void;
  /** The session is one of this node from now on. */
  adopt(session: NewSession, rooms: readonly SessionRoom[], data: string): void;
  /** Nothing is written for it again. */
  forget(sessionId: string): void;
  /** Gives a claimed session back, so that it can be claimed again. */
  putBack(id: string, token: string): void;
  roomsOf(sessionId: string): ReadonlyMap<string, SessionRoom> | undefined;
  /** Ends the socket here that has the session: two sockets of one ID on a node would be taken for one another. */
  endSocketOf(id: string, socketId: string): LeftBehind | undefined;
}

/** What claims need of the engine. */
type ClaimsContext = Pick<NodeContext, 'run' | 'isAvailable' | 'identity' | 'recoveryWindowMs' | 'barriers'>;

/** Gives a client that has come back its session, from whatever node, and what it has missed. [H4] [H6] */
export class RedisSessionClaims {
  constructor(
    private readonly context: ClaimsContext,
    private readonly sessions: SessionsOfNode,
    private readonly history: Pick<RedisHistory, 'keeps'>,
    private readonly holdings: Pick<RedisRegistryWriter, 'flush'>,
  ) {}

  async claim(
    sessionId: string,
    { user, namespace, cursor, notGiven }: ClaimRequest,
  ): Promise<Claim | undefined> {
    const place = cursor === undefined ? undefined : parseStreamCursor(cursor);
    if (cursor !== undefined && place === undefined) {
      notGiven?.('foreign_cursor');
      return undefined;
    }
    if (!this.context.isAvailable()) throw unavailable();
    const id = hashed(sessionId);
    const { barriers } = this.context;
    const mark = barriers.next();
    this.sessions.writeAll(id);
    const claiming = this.context.run(
      CLAIM,
      ...this.context.identity(),
      id,
      user,
      namespace,
      place?.epoch ?? '',
      place?.seq ?? 0,
      this.context.recoveryWindowMs,
      mark.token,
    );
    const putBack = (): void => this.sessions.putBack(id, mark.token);
    const given = (await barriers.unlessFailed(mark, claiming).catch((failure: unknown) => {
      // Redis may have given it all the same, and would give it to nobody else.
      putBack();
      throw failure;
    })) as ClaimReply | NotGiven | 'busy';
    if (typeof given === 'string') {
      barriers.drop(mark.token);
      if (given === 'busy') throw new SessionBusy();
      notGiven?.(given);
      return undefined;
    }
    const [socketId, token, rooms, isOwn, data] = given;
    // Also where Redis knows of none: others took this node for dead, and its socket is only just being sent away.
    const left = this.sessions.endSocketOf(id, socketId);
    const session = { sessionId, socketId, user, namespace, token: JSON.parse(token) as unknown };
    const entries = rooms.map((how) => JSON.parse(how) as SessionRoom);
    this.sessions.adopt(session, entries, data);
    const release = (): void => {
      this.sessions.forget(sessionId);
      putBack();
    };
    // This node may be behind the one its client comes from: what the client has had must not reach it live here.
    await mark.reached().catch(() => {
      release();
      // Redis has it and this node is late.
      throw new SessionBusy();
    });
    const missed = () => this.missed(id, session, isOwn === 1 ? place : undefined);
    return {
      socketId,
      token: session.token,
      data: left ? left.data : readData(data),
      rooms: entries,
      missed,
      cursorAfter: notBefore,
      release,
    };
  }

  /** Resolves between what it holds and what reaches the socket live: see {@link Barriers}. */
  private async missed(
    id: string,
    session: NewSession,
    after: StreamCursor | undefined,
  ): Promise<readonly LoggedPublication[]> {
    const { barriers } = this.context;
    const mark = barriers.next();
    // Other nodes tell this one of what is published in its rooms from then on; what was before is read.
    this.holdings.flush();
    this.sessions.flush();
    const identity = this.context.identity();
    const reading = this.context.run(MISSED, ...identity, id, after?.seq ?? 0, mark.token);
    const reply = (await barriers.unlessFailed(mark, reading)) as MissedReply | NotGiven;
    if (typeof reply === 'string') {
      barriers.drop(mark.token);
      throw new SessionNotWhole(reply);
    }
    const rooms = this.sessions.roomsOf(session.sessionId);
    const missed = missedBy(session, reply, after, (room) => this.history.keeps(room), rooms);
    await mark.reached();
    return missed;
  }
}
