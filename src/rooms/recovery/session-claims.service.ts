import { Inject, Injectable, Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { anonymousNameIn } from '../../access/tokens/anonymous.js';
import { RevocationList } from '../../access/revocation-list.js';
import type { SwitchboardConfig } from '../../config/config.js';
import { SWITCHBOARD_CONFIG } from '../../config/config.token.js';
import { fanOutOf } from '../../delivery/fan-out.adapter.js';
import { Engine } from '../../engine/engine.js';
import type { Answer } from '../../engine/log.js';
import { NodeIdentity } from '../../engine/node-identity.js';
import { SessionBusy, type Claim } from '../../engine/sessions.js';
import { rename, setSession } from '../../platform/socket-of-io.js';
import { logFailure } from '../../telemetry/log.js';
import type { Arriving, Participant } from '../../sockets/participants.js';
import {
  roomsSlots,
  socketState,
  type GatewaySocket,
  type Identity,
  type NotRecovered,
  type RecoverableSession,
} from '../../sockets/socket-state.js';
import { steadyNow } from '../../timers/steady-clock.js';
import { timeHere } from './kept-time.js';
import { isOurText, type SessionToken } from './session-texts.js';

/** A session ID is all that stands between a session and whoever has a token of the same user. */
const SESSION_ID_BYTES = 18;

const ENGINE_PROTOCOL_OF_V2 = 3;

/** Gives a socket that is on its way in its session: the one that its client wants back, or a new one. [H4] */
@Injectable()
export class SessionClaims implements Participant {
  private readonly logger = new Logger('Recovery');

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly revocations: RevocationList,
    private readonly node: NodeIdentity,
  ) {}

  /**
   * Claims the session that the client wants back, or begins one.
   *
   * A session tells the user of a client that gave no name: it has no other that it could come back as.
   *
   * @throws SessionBusy when it cannot be had now and may be in a moment: whoever got in without it would have lost it
   */
  arriving(arriving: Arriving): Promise<void> | void {
    const session = this.prepare(arriving.socket, arriving.identity!);
    if (session instanceof Promise) return session.then((known) => this.enter(arriving, known));
    this.enter(arriving, session);
  }

  /** A session that was claimed by a client that then does not get in waits for the next attempt. */
  private enter(arriving: Arriving, session: RecoverableSession | undefined): void {
    if (!session) return;
    if (session.state.is === 'claimed') arriving.defer(() => this.release(arriving.socket, session));
    if (arriving.isOver) return;
    const { identity } = arriving;
    if (identity?.isAnonymous) arriving.identify(whoIn(session.sessionId, identity));
    roomsSlots(socketState(arriving.socket)).session = session;
  }

  private prepare(socket: GatewaySocket, who: Identity): Answer<RecoverableSession | undefined> {
    const auth = socket.handshake.auth as Readonly<Record<string, unknown>> | undefined;
    if (auth?.['recovery'] !== true || this.config.recoveryWindowMs === 0) return undefined;
    if (socket.conn.protocol === ENGINE_PROTOCOL_OF_V2) return undefined;
    const { pid, offset } = auth;
    if (pid === undefined) return this.begin(socket);
    if (!isOurText(pid)) return this.begin(socket, 'unknown_session');
    if (!(offset === undefined || isOurText(offset))) return this.begin(socket, 'foreign_cursor');
    const { user } = whoIn(pid, who);
    let why: NotRecovered = 'unknown_session';
    const claim = this.engine.sessions.claim(pid, {
      user,
      namespace: socket.nsp.name,
      cursor: offset,
      notGiven: (reason) => (why = reason),
    });
    if (claim instanceof Promise) {
      return claim.then(
        (claimed) => (claimed ? this.takeUp(socket, user, pid, claimed) : this.begin(socket, why)),
        (failure: unknown) => {
          if (failure instanceof SessionBusy) throw failure;
          logFailure(this.logger, 'a session could not be claimed', failure);
          return this.begin(socket, 'engine_unavailable');
        },
      );
    }
    return claim ? this.takeUp(socket, user, pid, claim) : this.begin(socket, why);
  }

  /**
   * The client did not get in after all. Its socket, which Socket.IO has yet to clear away, gives the ID back: by then
   * it may be that of the client's next attempt.
   */
  private release(socket: GatewaySocket, session: RecoverableSession): void {
    if (session.state.is !== 'claimed') return;
    session.state.claim.release();
    session.state = { is: 'let go', sent: undefined };
    // A check of the app's may have put it into rooms.
    socket.nsp.adapter.delAll(socket.id);
    rename(socket, randomBytes(SESSION_ID_BYTES).toString('base64url'));
  }

  private takeUp(socket: GatewaySocket, user: string, sessionId: string, claim: Claim): RecoverableSession {
    const why = this.mayNotComeBack(user, claim);
    if (why !== undefined) {
      claim.release();
      this.close(sessionId);
      return this.begin(socket, why);
    }
    rename(socket, claim.socketId);
    setSession(socket, sessionId, true);
    fanOutOf(socket).takeDirectEmits(socket);
    // As stock does: there before the app's own checks and hooks look at it. [T2]
    if (claim.data !== undefined) socket.data = claim.data;
    return { sessionId, state: { is: 'claimed', claim }, notRecovered: undefined };
  }

  private begin(socket: GatewaySocket, notRecovered?: NotRecovered): RecoverableSession {
    const sessionId = randomBytes(SESSION_ID_BYTES).toString('base64url');
    setSession(socket, sessionId, false);
    fanOutOf(socket).takeDirectEmits(socket);
    return { sessionId, state: { is: 'new' }, notRecovered };
  }

  /** Why a session may not be given back: it ends with the token it was opened with, also when its client has another one. */
  mayNotComeBack(user: string, { token }: Pick<Claim, 'token'>): NotRecovered | undefined {
    // A node that does not know of steady ends says only what the token says.
    const { jti, issuedAt, expiresAt, endsAt = expiresAt, ...clock } = token as SessionToken;
    if (endsAt !== undefined && timeHere(endsAt, clock, this.node.id) <= steadyNow()) return 'token_ended';
    return this.revocations.checkNow({ user, jti, issuedAt }) === undefined ? undefined : 'revoked';
  }

  /** Ends a session that nobody may come back to. */
  close(sessionId: string): void {
    const closed = this.engine.sessions.close(sessionId);
    if (closed instanceof Promise)
      closed.catch((failure: unknown) => logFailure(this.logger, 'a session was not ended', failure));
  }
}

/** The identity that this session belongs to. */
const whoIn = (sessionId: string, who: Identity): Identity =>
  who.isAnonymous ? { ...who, user: anonymousNameIn(sessionId) } : who;
