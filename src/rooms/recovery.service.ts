import { Inject, Injectable, Logger } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import { Rights } from '../access/rights.js';
import { ROOM_ACTIONS, type RoomAction } from '../access/capabilities.js';
import type { Grant, RoomGrant } from '../access/grant.js';
import { Revocations } from '../access/revocations.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import type { Tracking } from '../delivery/tracking.js';
import { Engine } from '../engine/engine.js';
import type { Answer, LoggedPublication } from '../engine/log.js';
import type { Claim, SessionRoom } from '../engine/sessions.js';
import { logFailure } from '../operations/log.js';
import { watchedRoom } from '../protocol/names.js';
import { Namespaces } from '../registry/namespaces.js';
import {
  socketState,
  type GatewaySocket,
  type RecoverableSession,
  type SocketState,
} from '../registry/socket-state.js';
import { comesBack } from './coming-back.js';

/** A session ID is all that stands between a session and whoever has a token of the same user. */
const SESSION_ID_BYTES = 18;
/** Longer ones are not ours. */
const MAX_TEXT_LENGTH = 256;

const ENGINE_PROTOCOL_OF_V2 = 3;

/** What of a token decides whether the session may come back. */
type SessionToken = Pick<Grant, 'jti' | 'issuedAt' | 'expiresAt'>;

/** What is private in Socket.IO: `pid` is what the client is told to come back with. */
interface SocketInternals {
  id: string;
  pid?: string;
  recovered: boolean;
  readonly nsp: { readonly _preConnectSockets?: Map<string, unknown> };
}

const adapterOf = (socket: GatewaySocket): FanOutAdapter => socket.nsp.adapter as FanOutAdapter;

/**
 * Connection state recovery by Socket.IO's own protocol, for the clients that ask for it. [H4]
 *
 * A client that connects with `auth: {recovery: true}` is told a session ID (`pid`), and every event that it gets
 * carries a cursor as the last argument. After a broken connection the stock 4.x client presents both, and gets its
 * socket ID, its rooms and what it missed. Nobody else is told anything, and the server option of the same purpose
 * stays off: it would add an argument for all. (Decision 0010)
 */
@Injectable()
export class Recovery {
  private readonly logger = new Logger('Recovery');

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly rights: Rights,
    private readonly revocations: Revocations,
    private readonly namespaces: Namespaces,
  ) {}

  /** In the handshake, once it is known whose the socket is: claims the session it wants back, or begins one. */
  prepare(socket: GatewaySocket, user: string): Answer<RecoverableSession | undefined> {
    const auth = socket.handshake.auth as Readonly<Record<string, unknown>> | undefined;
    if (auth?.['recovery'] !== true || this.config.recoveryWindowMs === 0) return undefined;
    if (socket.conn.protocol === ENGINE_PROTOCOL_OF_V2) return undefined;
    const { pid, offset } = auth;
    if (!isOurText(pid) || !(offset === undefined || isOurText(offset))) return this.begin(socket);
    const claim = this.engine.sessions.claim(pid, { user, namespace: socket.nsp.name, cursor: offset });
    if (claim instanceof Promise) {
      return claim.then(
        (claimed) => this.takeUp(socket, user, pid, claimed),
        (failure: unknown) => {
          this.failed('a session could not be claimed', failure);
          return this.begin(socket);
        },
      );
    }
    return this.takeUp(socket, user, pid, claim);
  }

  /** The client did not get in after all. */
  release(session: RecoverableSession): void {
    session.claim?.release();
    session.claim = undefined;
  }

  /** The client has just been told that it is connected: gives it its rooms and what it missed, in this turn. */
  connected(socket: GatewaySocket): void {
    const state = socketState(socket);
    const { session } = state;
    if (!session) return;
    const tracking = adapterOf(socket).track(socket, true);
    const { claim } = session;
    session.claim = undefined;
    if (claim) this.restore(socket, session, claim, tracking);
    else this.open(socket, session.sessionId);
  }

  /** The socket has a new token; the session goes on with that. */
  renewed(socket: GatewaySocket): void {
    const { session, grant } = socketState(socket);
    if (session) this.own(this.engine.sessions.renewed(session.sessionId, tokenOf(grant)));
  }

  /** A socket has ended: its client may come back, or has left for good. */
  ended(state: SocketState, reason: string): void {
    const { session } = state;
    if (!session || session.paused) return;
    const { sessions } = this.engine;
    this.own(comesBack(reason) ? sessions.detach(session.sessionId) : sessions.close(session.sessionId));
  }

  /** A socket has come into a room, or is in it in another way than before. */
  joined(state: SocketState, room: string): void {
    const { session } = state;
    if (!session || session.paused) return;
    this.own(this.engine.sessions.joined(session.sessionId, describeRoom(state, room)));
  }

  left({ session }: SocketState, room: string): void {
    if (session && !session.paused) this.own(this.engine.sessions.left(session.sessionId, room));
  }

  /** Its client has come back by another connection before the end of this one was noticed. */
  readonly takeOver = (socketId: string): void => {
    const socket = this.namespaces.findSocket(socketId);
    if (!socket) return;
    const state = socketState(socket);
    state.isReplaced = true;
    if (state.session) state.session.paused = true;
    socket.conn.close(true);
  };

  private takeUp(
    socket: GatewaySocket,
    user: string,
    sessionId: string,
    claim: Claim | undefined,
  ): RecoverableSession {
    if (!claim) return this.begin(socket);
    if (!this.mayComeBack(user, claim.token as SessionToken)) {
      claim.release();
      this.own(this.engine.sessions.close(sessionId));
      return this.begin(socket);
    }
    adopt(socket, claim.socketId);
    const internals = socket as unknown as SocketInternals;
    internals.pid = sessionId;
    internals.recovered = true;
    return { sessionId, paused: true, claim };
  }

  private begin(socket: GatewaySocket): RecoverableSession {
    const sessionId = randomBytes(SESSION_ID_BYTES).toString('base64url');
    (socket as unknown as SocketInternals).pid = sessionId;
    return { sessionId, paused: false, claim: undefined };
  }

  /** A session ends with the token it was opened with, also when its client comes with another one. */
  private mayComeBack(user: string, { jti, issuedAt, expiresAt }: SessionToken): boolean {
    if (expiresAt !== undefined && expiresAt <= Date.now()) return false;
    return this.revocations.checkNow({ user, jti, issuedAt }) === undefined;
  }

  private open(socket: GatewaySocket, sessionId: string): void {
    const { user, grant } = socketState(socket);
    this.own(
      this.engine.sessions.open({
        sessionId,
        socketId: socket.id,
        user,
        namespace: socket.nsp.name,
        token: tokenOf(grant),
      }),
    );
  }

  private restore(
    socket: GatewaySocket,
    session: RecoverableSession,
    claim: Claim,
    tracking: Tracking,
  ): void {
    const state = socketState(socket);
    const rooms = new Set<string>();
    for (const each of claim.rooms) {
      const { room, grant } = each;
      const watched = watchedRoom(room);
      if (watched !== undefined) {
        if (!this.rights.allows(socket, 'presence', watched)) continue;
        (state.watchedRooms ??= new Set()).add(watched);
      }
      if (grant !== undefined) this.rights.restoreRoomGrant(socket, room, roomGrantOf(grant));
      if (each.byRight) {
        if (!this.rights.allows(socket, 'join', room)) {
          this.own(this.engine.sessions.left(session.sessionId, room));
          continue;
        }
        this.rights.joinedByRight(socket, room);
      }
      if (each.meta) tracking.metaRooms.add(room);
      rooms.add(room);
    }
    adapterOf(socket).addAll(socket.id, rooms);
    session.paused = false;
    this.own(this.engine.sessions.renewed(session.sessionId, tokenOf(state.grant)));
    try {
      this.replay(socket, claim.missed(), tracking);
    } catch (failure) {
      this.cannotReplay(socket, failure);
    }
  }

  private replay(
    socket: GatewaySocket,
    missed: Answer<readonly LoggedPublication[]>,
    tracking: Tracking,
  ): void {
    const adapter = adapterOf(socket);
    if (!(missed instanceof Promise)) {
      adapter.catchUp(socket, missed);
      return;
    }
    tracking.hold();
    const caughtUp = missed.then((publications) => {
      adapter.catchUp(socket, publications);
      const given = new Set(publications.map(({ publication }) => publication.id));
      tracking.forget(({ publication }) => given.has(publication.id));
      adapter.catchUp(socket, tracking.release());
    });
    caughtUp.catch((failure: unknown) => this.cannotReplay(socket, failure));
  }

  /** What it missed was there when it came in and cannot be read any longer: it has to come back and ask again. */
  private cannotReplay(socket: GatewaySocket, failure: unknown): void {
    this.failed('a session could not be replayed', failure);
    socket.conn.close(true);
  }

  private own(done: Answer<void>): void {
    if (done instanceof Promise)
      done.catch((failure: unknown) => this.failed('a session was not kept', failure));
  }

  private failed(message: string, failure: unknown): void {
    logFailure(this.logger, message, failure);
  }
}

const isOurText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT_LENGTH;

const tokenOf = ({ jti, issuedAt, expiresAt }: Grant): SessionToken => ({ jti, issuedAt, expiresAt });

/** Gives a socket that is still in the handshake the ID of the one it replaces. */
function adopt(socket: GatewaySocket, socketId: string): void {
  const internals = socket as unknown as SocketInternals;
  const { _preConnectSockets: entering } = internals.nsp;
  entering?.delete(internals.id);
  internals.id = socketId;
  entering?.set(socketId, socket);
}

/** How a room grant is kept with the session: as JSON. */
interface KeptGrant {
  readonly allow: readonly RoomAction[];
  readonly issuedAt?: number;
  readonly jti?: string;
  readonly expiresAt?: number;
}

function describeRoom(state: SocketState, room: string): SessionRoom {
  const { socket, joinedByRight, roomGrants } = state;
  const grant = roomGrants?.get(room);
  return {
    room,
    meta: adapterOf(socket).trackingOf(socket)?.metaRooms.has(room) === true,
    byRight: joinedByRight?.has(room) === true,
    ...(grant && { grant: keptGrantOf(grant) }),
  };
}

const keptGrantOf = ({ allow, issuedAt, jti, expiresAt }: RoomGrant): KeptGrant => ({
  allow: [...allow],
  issuedAt,
  jti,
  expiresAt,
});

function roomGrantOf(kept: unknown): RoomGrant {
  const { allow, ...rest } = kept as KeptGrant;
  return { ...rest, allow: new Set(allow.filter((action) => ROOM_ACTIONS.includes(action))) };
}
