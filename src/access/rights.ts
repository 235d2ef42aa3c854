import { Injectable, Optional } from '@nestjs/common';
import { endSocket } from '../sockets/end-socket.js';
import { NOTICE } from '../protocol/events.js';
import { SwitchboardError } from '../protocol/errors.js';
import { withdraw } from '../sockets/membership.adapter.js';
import type { Participant } from '../sockets/participants.js';
import { accessSlots, socketState, type GatewaySocket, type SocketState } from '../sockets/socket-state.js';
import { Authenticator } from './authenticator.js';
import { compileCapabilities, type RoomAction } from '../protocol/capabilities.js';
import { DeadlineWheel } from '../timers/deadline-wheel.js';
import { steadyNow, steadyOf } from '../timers/steady-clock.js';
import type { Grant, RoomGrant } from '../sockets/grant.js';
import { RemoteLogin, type Renewal } from './remote-login.js';
import { RevocationList } from './revocation-list.js';

/** How long before its token ends a client is told. [A3] */
const EXPIRY_NOTICE_MS = 30_000;

/** As many room tokens count for one socket in one room, the newest: a client must not fill memory with them. */
const MAX_ROOM_TOKENS = 8;

/** How much longer a socket stays when its backend cannot say whether it may, and how often. [B6] */
const EXTENSION_MS = 60_000;
const MAX_EXTENSIONS = 3;

/** What a socket may do, from its token and its room tokens, for as long as these last. [A2] [A3] */
@Injectable()
export class Rights implements Participant {
  private readonly onRenewed: ((socket: GatewaySocket) => void)[] = [];
  private readonly onWatchLost: ((state: SocketState, room: string) => void)[] = [];

  constructor(
    private readonly authenticator: Authenticator,
    private readonly expiries: DeadlineWheel,
    private readonly revocations: RevocationList,
    @Optional() private readonly remote?: RemoteLogin,
  ) {}

  /** Has a listener told of sockets whose token, or what stands for one, has been replaced. */
  whenRenewed(listener: (socket: GatewaySocket) => void): void {
    this.onRenewed.push(listener);
  }

  /** Has a listener told of rooms that a socket watches and may watch no longer. */
  whenWatchLost(listener: (state: SocketState, room: string) => void): void {
    this.onWatchLost.push(listener);
  }

  /** @param event for `emit`: the event that is to be sent [D9] */
  allows(socket: GatewaySocket, action: RoomAction, room: string, event?: string): boolean {
    const { grant, roomGrants } = socketState(socket);
    if (grant.caps.allows(action, room, event)) return true;
    const fits = ({ allow, events }: RoomGrant): boolean =>
      allow.has(action) && (event === undefined || events?.allows(event) !== false);
    return roomGrants?.get(room)?.some(fits) === true;
  }

  /** Notes that a client went into a room by its own right, which it may lose. */
  joinedByRight(socket: GatewaySocket, room: string): void {
    const state = socketState(socket);
    (accessSlots(state).joinedByRight ??= new Set()).add(room);
  }

  /** Notes that a socket has left a room, or that a backend decides from now on whether it is there. */
  noLongerByRight(socket: GatewaySocket, room: string): void {
    accessSlots(socketState(socket)).joinedByRight?.delete(room);
  }

  /**
   * Adds what a room token grants, until it expires. What others have granted in the room stays.
   * @throws SwitchboardError `auth.token_*`, `auth.revoked`, or `access.denied` for another user's or room's token
   */
  async addRoomToken(socket: GatewaySocket, token: string, room: string): Promise<void> {
    const state = socketState(socket);
    const verified = await this.authenticator.authenticateForRoom(token, state.user, room);
    if (!socket.connected) return;
    const { allow, events, jti, issuedAt } = verified;
    const expiresAt =
      verified.expiresAt === undefined ? undefined : this.authenticator.endOf(verified.expiresAt);
    this.addRoomGrant(socket, room, { allow, events, jti, issuedAt, expiresAt });
  }

  /** Gives a socket that comes back what a room token had granted it, unless that has ended or was revoked meanwhile. */
  restoreRoomGrant(socket: GatewaySocket, room: string, grant: RoomGrant): void {
    const { user } = socketState(socket);
    if (grant.expiresAt !== undefined && grant.expiresAt <= steadyNow()) return;
    if (this.revocations.checkNow({ user, jti: grant.jti, issuedAt: grant.issuedAt })) return;
    this.addRoomGrant(socket, room, grant);
  }

  /** The new one replaces what it covers; the others go on, and each ends with its own token. */
  addRoomGrant(socket: GatewaySocket, room: string, grant: RoomGrant): void {
    const state = socketState(socket);
    const before = state.roomGrants?.get(room) ?? [];
    const going = before.filter((other) => covers(grant, other));
    const tooMany = before.length - going.length + 1 - MAX_ROOM_TOKENS;
    if (tooMany > 0) going.push(...before.filter((other) => !going.includes(other)).slice(0, tooMany));
    for (const other of going) this.dropRoomGrant(socket, room, other);
    (accessSlots(state).roomGrants ??= new Map()).set(room, [...(state.roomGrants?.get(room) ?? []), grant]);
    if (tooMany > 0) this.leaveWhatIsNotAllowed(socket);
    if (grant.expiresAt === undefined) return;
    grant.deadline = this.expiries.at(grant.expiresAt, () => {
      this.dropRoomGrant(socket, room, grant);
      this.leaveWhatIsNotAllowed(socket);
    });
  }

  /** Takes back what revoked room tokens have granted. [A6] */
  dropRevokedRoomTokens(socket: GatewaySocket): void {
    const state = socketState(socket);
    let isLess = false;
    for (const [room, grants] of state.roomGrants ?? []) {
      for (const grant of grants) {
        const { jti, issuedAt } = grant;
        if (!this.revocations.checkNow({ user: state.user, jti, issuedAt })) continue;
        this.dropRoomGrant(socket, room, grant);
        isLess = true;
      }
    }
    if (isLess) this.leaveWhatIsNotAllowed(socket);
  }

  connected(socket: GatewaySocket): void {
    this.watch(socket);
  }

  /** Sets the deadlines of a socket's token, and ends the socket if it was shut out while it was on its way in. */
  private watch(socket: GatewaySocket): void {
    const state = socketState(socket);
    this.cancelTokenDeadlines(state);
    if (!socket.connected) return;
    const { grant, user } = state;
    const revoked = this.revocations.checkNow({ user, jti: grant.jti, issuedAt: grant.issuedAt });
    if (revoked) {
      void endSocket(socket, new SwitchboardError(revoked));
      return;
    }
    const { endsAt } = grant;
    if (endsAt === undefined) return;
    if (endsAt <= steadyNow()) {
      // It ended while its socket was on its way in.
      void endSocket(socket, new SwitchboardError('auth.token_expired'));
      return;
    }
    if (this.remote?.renews && grant.extensions !== undefined) {
      this.askInTime(socket, endsAt);
      return;
    }
    this.endInTime(socket, endsAt);
  }

  private endInTime(socket: GatewaySocket, endsAt: number): void {
    accessSlots(socketState(socket)).tokenDeadlines = [
      this.expiries.at(endsAt - EXPIRY_NOTICE_MS, () => {
        socket.emit(NOTICE.authExpiring, { expiresInMs: Math.max(0, endsAt - steadyNow()) });
      }),
      this.expiries.at(endsAt, () => void endSocket(socket, new SwitchboardError('auth.token_expired'))),
    ];
  }

  /** Nothing is due for a socket that has gone; a deadline would keep it in memory until its token ends. */
  ended(state: SocketState): void {
    this.cancelTokenDeadlines(state);
    for (const [room, grants] of state.roomGrants ?? []) {
      for (const grant of grants) this.dropRoomGrant(state.socket, room, grant);
    }
  }

  /** What a backend allowed in a room was for as long as the socket is there. [B6] */
  left(state: SocketState, room: string): void {
    for (const grant of state.roomGrants?.get(room) ?? []) {
      if (grant.untilLeft) this.dropRoomGrant(state.socket, room, grant);
    }
  }

  /**
   * Replaces a socket's token. Rights may widen or narrow, at once; the user stays.
   * @throws SwitchboardError `auth.token_*`, `auth.revoked`, `access.denied` when the token is another user's
   */
  async refresh(socket: GatewaySocket, token: string): Promise<{ expiresAt: string | null }> {
    const state = socketState(socket);
    const { user, grant } = await this.authenticator.authenticateToken(token);
    if (user !== state.user) {
      throw new SwitchboardError('access.denied', { message: 'the token is for another user' });
    }
    this.replaceGrant(socket, grant);
    return { expiresAt: grant.expiresAt === undefined ? null : new Date(grant.expiresAt).toISOString() };
  }

  /** Half of the time that is left at the earliest: an answer that ends soon must not make one question after another. */
  private askInTime(socket: GatewaySocket, endsAt: number): void {
    const leadMs = Math.min(EXPIRY_NOTICE_MS, (endsAt - steadyNow()) / 2);
    accessSlots(socketState(socket)).tokenDeadlines = [
      this.expiries.at(endsAt - leadMs, () => void this.renew(socket, this.remote!)),
    ];
  }

  /** Asks the backend whether the socket may stay. It does not end meanwhile: the question has a time limit. [B6] */
  private async renew(socket: GatewaySocket, remote: RemoteLogin): Promise<void> {
    const state = socketState(socket);
    const { grant } = state;
    const renewal = await remote.renew(socket);
    if (!socket.connected || state.grant !== grant) return;
    if (renewal.kind === 'disconnect') {
      const { message, retryable } = renewal;
      void endSocket(socket, new SwitchboardError('kicked', { message, retryable }));
      return;
    }
    const renewed = this.grantAfter(state, renewal);
    if (renewed) this.replaceGrant(socket, renewed);
    else if (renewal.kind === 'unknown') this.endInTime(socket, grant.endsAt!);
    else void endSocket(socket, new SwitchboardError('auth.token_expired'));
  }

  private grantAfter({ user, grant }: SocketState, renewal: Renewal): Grant | undefined {
    const { extensions = 0, endsAt = steadyNow(), expiresAt = Date.now() } = grant;
    if (renewal.kind === 'unknown') {
      if (extensions >= MAX_EXTENSIONS) return undefined;
      return {
        ...grant,
        extensions: extensions + 1,
        endsAt: Math.max(endsAt, steadyNow()) + EXTENSION_MS,
        expiresAt: expiresAt + EXTENSION_MS,
      };
    }
    if (renewal.kind !== 'renewed') return undefined;
    const ends = renewal.expiresAt === undefined ? undefined : Date.parse(renewal.expiresAt);
    if (ends !== undefined && ends <= Date.now()) return undefined;
    return {
      caps: renewal.caps === undefined ? grant.caps : compileCapabilities(renewal.caps, user),
      extensions: 0,
      expiresAt: ends,
      endsAt: ends && steadyOf(ends),
    };
  }

  /** Rights may widen or narrow, at once. */
  private replaceGrant(socket: GatewaySocket, grant: Grant): void {
    accessSlots(socketState(socket)).grant = grant;
    this.watch(socket);
    this.leaveWhatIsNotAllowed(socket);
    for (const told of this.onRenewed) told(socket);
  }

  private cancelTokenDeadlines(state: SocketState): void {
    const slots = accessSlots(state);
    for (const deadline of slots.tokenDeadlines ?? []) this.expiries.cancel(deadline);
    slots.tokenDeadlines = undefined;
  }

  dropRoomGrant(socket: GatewaySocket, room: string, grant: RoomGrant): void {
    const state = socketState(socket);
    if (grant.deadline) this.expiries.cancel(grant.deadline);
    const { roomGrants } = accessSlots(state);
    const others = roomGrants?.get(room)?.filter((other) => other !== grant) ?? [];
    if (others.length > 0) roomGrants?.set(room, others);
    else roomGrants?.delete(room);
  }

  private leaveWhatIsNotAllowed(socket: GatewaySocket): void {
    const state: SocketState = socketState(socket);
    for (const room of state.watchedRooms?.keys() ?? []) {
      if (this.allows(socket, 'presence', room)) continue;
      for (const told of this.onWatchLost) told(state, room);
    }
    for (const room of state.joinedByRight ?? []) {
      if (this.allows(socket, 'join', room)) continue;
      accessSlots(state).joinedByRight?.delete(room);
      void withdraw(socket, room);
    }
  }
}

/** Whether one grant allows all that another does, and for as long. */
const covers = (one: RoomGrant, other: RoomGrant): boolean =>
  (!one.untilLeft || other.untilLeft === true) &&
  (one.expiresAt ?? Infinity) >= (other.expiresAt ?? Infinity) &&
  [...other.allow].every((action) => one.allow.has(action)) &&
  (one.events === undefined ||
    other.events?.patterns.every((each) => one.events!.patterns.includes(each)) === true);
