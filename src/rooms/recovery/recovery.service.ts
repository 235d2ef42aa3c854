import { Injectable, Logger } from '@nestjs/common';
import { Rights } from '../../access/rights.js';
import { fanOutOf } from '../../delivery/fan-out.adapter.js';
import type { HeldPublication } from '../../delivery/held-publication.js';
import type { Tracking } from '../../delivery/tracking.js';
import { Engine } from '../../engine/engine.js';
import type { Answer } from '../../engine/log.js';
import { NodeIdentity } from '../../engine/node-identity.js';
import type { PresencePlace } from '../../engine/presence.js';
import {
  SessionNotWhole,
  type Claim,
  type LastSent,
  type LeftBehind,
  type SessionRoom,
} from '../../engine/sessions.js';
import { endNow } from '../../platform/socket-of-io.js';
import { logFailure } from '../../telemetry/log.js';
import { SwitchboardError } from '../../protocol/errors.js';
import { watchedRoom } from '../../protocol/names.js';
import type { Position } from '../../protocol/publication.js';
import { Namespaces } from '../../sockets/namespaces.js';
import type { Participant } from '../../sockets/participants.js';
import {
  roomsSlots,
  sentIn,
  socketState,
  type GatewaySocket,
  type RecoverableSession,
  type SocketState,
} from '../../sockets/socket-state.js';
import { comesBack } from '../../sockets/disconnect-reasons.js';
import { SessionClaims } from './session-claims.service.js';
import { describeRoom, roomGrantsOf, sharedRoomsOf, watchedAfterEntered } from './session-rooms.js';
import { textOf, tokenOf } from './session-texts.js';
import { WatchedRooms } from '../presence/watched-rooms.js';

/**
 * Connection state recovery by Socket.IO's own protocol, for the clients that ask for it. [H4]
 *
 * A client that connects with `auth: {recovery: true}` is told a session ID (`pid`), and every event that it gets
 * carries a cursor as the last argument. After a broken connection the stock 4.x client presents both, and gets its
 * socket ID, its rooms and what it missed. Nobody else is told anything, and the server option of the same purpose
 * stays off: it would add an argument for all. (Decision 0010)
 */
@Injectable()
export class Recovery implements Participant {
  private readonly logger = new Logger('Recovery');

  constructor(
    private readonly engine: Engine,
    private readonly rights: Rights,
    private readonly claims: SessionClaims,
    private readonly namespaces: Namespaces,
    private readonly watchedRooms: WatchedRooms,
    private readonly node: NodeIdentity,
  ) {
    rights.whenRenewed((socket) => this.renewed(socket));
  }

  /** The client has just been told that it is connected: gives it its rooms and what it missed, in this turn. */
  connected(socket: GatewaySocket): void {
    const state = socketState(socket);
    const { session } = state;
    if (!session) return;
    if (!socket.connected) {
      // Ended already: it was shut out while it was on its way in.
      if (session.state.is !== 'claimed') return;
      session.state.claim.release();
      session.state = { is: 'let go', sent: undefined };
      return;
    }
    const claim = session.state.is === 'claimed' ? session.state.claim : undefined;
    const tracking = fanOutOf(socket).track(socket, true);
    session.state = { is: claim ? 'restoring' : 'live', sent: tracking };
    // Since it came into the namespace, where that told it apart.
    if (!tracking.isHolding) tracking.hold();
    // What its client has now, if only from a session before this one.
    tracking.lastCursor = textOf(socket.handshake.auth['offset']);
    const why = claim && this.claims.mayNotComeBack(state.user, claim);
    if (claim && why !== undefined) {
      // The token of the session has ended since the claim. Its client was told the session, so it comes back without. [A7]
      claim.release();
      this.claims.close(session.sessionId);
      session.state = { is: 'let go', sent: tracking };
      session.notRecovered = why;
      socket.conn.close(true);
      return;
    }
    if (claim) this.restore(socket, session, claim, tracking);
    else {
      this.open(socket, session.sessionId);
      fanOutOf(socket).catchUp(socket, tracking.release());
    }
  }

  /** The socket has a new token; the session goes on with that. */
  private renewed(socket: GatewaySocket): void {
    const { session, grant } = socketState(socket);
    if (session) void this.own(this.engine.sessions.renewed(session.sessionId, tokenOf(grant, this.node.id)));
  }

  /** A socket has ended: its client may come back, or has left for good. */
  ended(state: SocketState, reason: string): void {
    const { session } = state;
    if (!session || !isWritten(session)) return;
    const { sessions } = this.engine;
    const { sessionId } = session;
    const { data } = state.socket;
    void this.own(
      comesBack(reason) ? sessions.detach(sessionId, lastSent(session), data) : sessions.close(sessionId),
    );
  }

  /** A socket has come into a room, or is in it in another way than before; resolves when the session has that. */
  joined(state: SocketState, room: string): Promise<void> | void {
    const { session } = state;
    if (!session || !isWritten(session)) return;
    return this.own(
      this.engine.sessions.joined(
        session.sessionId,
        describeRoom(state, room, this.node.id),
        state.socket.data,
      ),
    );
  }

  /** Its client was told the position of a room, and given what was there until then if it asked for that. */
  caughtUp(state: SocketState, room: string, position: Position): void {
    const { session } = state;
    // In this process the answer is as old as the session's coming in.
    if (!session || !isWritten(session) || !this.engine.isShared) return;
    const how = { ...describeRoom(state, room, this.node.id), caughtUpTo: position };
    void this.own(this.engine.sessions.joined(session.sessionId, how));
  }

  left({ session }: SocketState, room: string): void {
    if (session && isWritten(session)) void this.own(this.engine.sessions.left(session.sessionId, room));
  }

  /** Its client has come back by another connection before the end of this one was noticed. */
  takeOver(socketId: string): LeftBehind | undefined {
    const socket = this.namespaces.findSocket(socketId);
    if (!socket) return undefined;
    const { session } = socketState(socket);
    if (session) letGo(session);
    socket.conn.close(true);
    // A connection that was closing already waits for its transport; the ID has to be free now.
    if (socket.connected) endNow(socket);
    return session && { sent: lastSent(session), data: socket.data as unknown };
  }

  private open(socket: GatewaySocket, sessionId: string): void {
    const state = socketState(socket);
    const { user, grant } = state;
    void this.own(
      this.engine.sessions.open({
        sessionId,
        socketId: socket.id,
        user,
        namespace: socket.nsp.name,
        token: tokenOf(grant, this.node.id),
        data: socket.data as unknown,
      }),
    );
    // A check of the app's may have put it into rooms before.
    for (const room of sharedRoomsOf(socket)) void this.joined(state, room);
  }

  private restore(
    socket: GatewaySocket,
    session: RecoverableSession,
    claim: Claim,
    tracking: Tracking,
  ): void {
    const state = socketState(socket);
    const before = sharedRoomsOf(socket);
    const rooms = new Set<string>();
    const hasCaughtUp = this.watchedRooms.tellAtOnce();
    fanOutOf(socket).comesIn(socket);
    for (const each of watchedAfterEntered(claim.rooms)) {
      if (this.enterAgain(socket, each, rooms)) {
        rooms.add(each.room);
        if (each.meta) tracking.metaRooms.add(each.room);
      } else {
        void this.own(this.engine.sessions.left(session.sessionId, each.room));
      }
    }
    void fanOutOf(socket).addNamed(socket.id, rooms);
    session.state = { is: 'live', sent: tracking };
    for (const room of before) if (!rooms.has(room)) void this.joined(state, room);
    void this.own(this.engine.sessions.renewed(session.sessionId, tokenOf(state.grant, this.node.id)));
    try {
      this.replay(socket, claim, tracking, hasCaughtUp);
    } catch (failure) {
      hasCaughtUp();
      // Those who are told of its coming are told first.
      process.nextTick(() => this.cannotReplay(socket, failure));
    }
  }

  /** Whether it may be in the room still; `entered` are those it is in again. */
  private enterAgain(
    socket: GatewaySocket,
    { room, byRight, grant, watchedSince }: SessionRoom,
    entered: Set<string>,
  ): boolean {
    const watched = watchedRoom(room);
    if (watched !== undefined) {
      if (!entered.has(watched) || !this.rights.allows(socket, 'presence', watched)) return false;
      (roomsSlots(socketState(socket)).watchedRooms ??= new Map()).set(watched, watchedSince);
      fanOutOf(socket).watch(socket.id, watched);
      this.watchAgain(socket, watched, watchedSince);
      return true;
    }
    for (const each of roomGrantsOf(grant, this.node.id)) this.rights.restoreRoomGrant(socket, room, each);
    if (!byRight) return true;
    if (!this.rights.allows(socket, 'join', room)) return false;
    this.rights.joinedByRight(socket, room);
    return true;
  }

  /** Before what it missed is read: from there on this node is told. */
  private watchAgain(socket: GatewaySocket, room: string, since: PresencePlace | undefined): void {
    const { presence } = this.engine;
    if (!presence) return;
    this.watchedRooms
      .watchedAgain(presence, socket.id, room, since)
      .catch((failure: unknown) => this.cannotReplay(socket, failure));
  }

  private replay(socket: GatewaySocket, claim: Claim, tracking: Tracking, hasCaughtUp: () => void): void {
    const adapter = fanOutOf(socket);
    const giveBack = (publications: readonly HeldPublication[]): void => {
      adapter.catchUp(socket, publications);
      const given = new Set(publications.map(({ publication }) => publication.id));
      tracking.forget(({ publication }) => given.has(publication.id));
      const last = publications.at(-1)?.stamp.cursor;
      const held = tracking.release();
      adapter.catchUp(socket, last === undefined ? held : held.map((each) => placedAfter(claim, last, each)));
    };
    const missed = claim.missed();
    if (missed instanceof Promise)
      missed
        .then(giveBack)
        .catch((failure: unknown) => this.cannotReplay(socket, failure))
        .finally(hasCaughtUp);
    else {
      giveBack(missed);
      hasCaughtUp();
    }
  }

  /** What it missed was there when it came in and cannot be read any longer: it has to come back and ask again. */
  private cannotReplay(socket: GatewaySocket, failure: unknown): void {
    const { session } = socketState(socket);
    if (session)
      session.notRecovered = failure instanceof SessionNotWhole ? failure.why : 'engine_unavailable';
    this.failed('a session could not be replayed', failure);
    socket.conn.close(true);
  }

  /**
   * What shared state cannot take now it is given again; that it is gone has been said once, and not for each socket.
   *
   * @returns when shared state has it, or will be given it again; never rejects
   */
  private own(done: Answer<void>): Promise<void> | void {
    if (!(done instanceof Promise)) return;
    return done.catch((failure: unknown) => {
      if (failure instanceof SwitchboardError && failure.code === 'engine.unavailable') return;
      this.failed('a session was not kept', failure);
    });
  }

  private failed(message: string, failure: unknown): void {
    logFailure(this.logger, message, failure);
  }
}

const placedAfter = (claim: Claim, last: string, { stamp, ...held }: HeldPublication): HeldPublication => ({
  ...held,
  stamp: { ...stamp, cursor: claim.cursorAfter(last, stamp.cursor) },
});

/** `undefined` when not everything that was for it has been sent. */
function lastSent(session: RecoverableSession): LastSent | undefined {
  const sent = sentIn(session);
  return sent && !sent.isHolding ? { cursor: sent.lastCursor } : undefined;
}

/** Whether the session takes what becomes of its socket: while its rooms are being restored, it has them already. */
const isWritten = ({ state }: RecoverableSession): boolean => state.is === 'new' || state.is === 'live';

/** Another connection has the session. A claim that came to nothing is released by the end of the socket. */
function letGo(session: RecoverableSession): void {
  if (session.state.is !== 'claimed') session.state = { is: 'let go', sent: sentIn(session) };
}
