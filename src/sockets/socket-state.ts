import type { Socket } from 'socket.io';
import type { Deadline } from '../timers/deadlines.js';
import type { Grant, RoomGrant } from './grant.js';
import type { PresencePlace } from '../engine/presence.js';
import type { Claim, NotGiven } from '../engine/sessions.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { JsonValue } from '../protocol/json.js';
import type { Ordered } from './ordered-log.js';

/** Takes the events of one socket; the gateway's business. */
export interface Inbox {
  /** When the connection hooks have ended, well or badly; `undefined` when they ended at once. */
  readonly opened?: Promise<void> | undefined;
  open(): void;
  /**
   * For a node that ends: resolves when the event that a backend handles now has been answered, `undefined` when there is
   * none. Those behind it are refused with `server.draining`. Never rejects.
   */
  finish(): Promise<void> | undefined;
  /** Takes what an answer costs beyond its request from the rate of the socket. [Q8] */
  charge(answer: unknown): void;
}

/** Who a socket belongs to, as settled in the handshake. */
export interface Identity {
  readonly user: string;
  /** The client gave no name: `user` was made up for it, and is another each time. */
  readonly isAnonymous?: boolean;
  readonly info: JsonValue;
  readonly grant: Grant;
  /** Rooms that a backend has put it into. [B6] */
  readonly rooms?: readonly string[] | undefined;
}

/** A Socket.IO socket of this gateway. `identityOf(socket)` says who it belongs to; its `data` is the app's alone. [T2] */
// Event maps and data are the app's business; `any` is Socket.IO's own default for them.
// oxlint-disable-next-line no-explicit-any
export type GatewaySocket = Socket<any, any, any, any>;

const NO_ROOMS: readonly string[] = Object.freeze([]);

/** What has been sent to a connected socket that has a session. */
interface Sent {
  readonly lastCursor: string | undefined;
  readonly isHolding: boolean;
}

/** Where the session of a socket is in its life. */
export type RecoverableState =
  /** Begun for a socket on its way in. */
  | { readonly is: 'new' }
  /** Claimed for a socket on its way in. */
  | { readonly is: 'claimed'; readonly claim: Claim }
  /** Its socket is connected, and is being put into its rooms again. */
  | { readonly is: 'restoring'; readonly sent: Sent }
  | { readonly is: 'live'; readonly sent: Sent }
  /** Another connection has it, or it has ended: nothing is written to it by this socket. */
  | { readonly is: 'let go'; readonly sent: Sent | undefined };

/** The session of a socket whose client asked for recovery. */
export interface RecoverableSession {
  readonly sessionId: string;
  state: RecoverableState;
  /** Why the client did not get the session that it came back for; `undefined` when it got it, or came for none. [X1] */
  notRecovered: NotRecovered | undefined;
}

/** What has been sent to the socket of a session; `undefined` before it is connected. */
export const sentIn = ({ state }: RecoverableSession): Sent | undefined =>
  'sent' in state ? state.sent : undefined;

/**
 * Why a client did not get its session back. Beside the engine's reasons:
 *
 * - `token_ended`, `revoked`: the session ended with the token that it was opened with
 * - `engine_unavailable`: shared state could not be asked
 */
export type NotRecovered = NotGiven | 'token_ended' | 'revoked' | 'engine_unavailable';

const STATE = Symbol('switchboard.socket');

/** What `sockets/` keeps of a socket. */
export interface SocketSlots extends Ordered {
  /** Why the gateway itself ended it. */
  endedWith: ErrorCode | undefined;
  /** The shared rooms that its end took it out of. */
  goneFrom: readonly string[];
}

/** What `access/` keeps of a socket. */
export interface AccessSlots {
  /** What it may do; replaced when its token is refreshed. */
  grant: Grant;
  /** What room tokens have granted it, by room. */
  roomGrants: Map<string, readonly RoomGrant[]> | undefined;
  /** Rooms the client went into by its own right, which it leaves when it loses that. */
  joinedByRight: Set<string> | undefined;
  /** What is due when its token ends. */
  tokenDeadlines: readonly Deadline[] | undefined;
}

/** What `registry/` keeps of a socket. */
export interface RegistrySlots {
  /** Resolves when all nodes know that it has ended, or have to be told again; never rejects. [L3] */
  left: Promise<void> | undefined;
}

/** What `rooms/` keeps of a socket. */
export interface RoomsSlots {
  /** Rooms whose presence events it gets, and, where there are other nodes, from where on. [M4] */
  watchedRooms: Map<string, PresencePlace | undefined> | undefined;
  /** What its client can come back to, when it asked for that. [H4] */
  session: RecoverableSession | undefined;
}

/** What `gateway/` keeps of a socket. */
export interface GatewaySlots {
  /** Its events, handled one after another; set when it connects. */
  inbox: Inbox | undefined;
}

/** What `recorder/` keeps of a socket. [X1] */
export interface RecorderSlots {
  /** What the flight record has noted of it, once there is something. */
  flight: object | undefined;
}

/** One object for all, so that an idle socket stays small. */
class Slots implements SocketSlots, AccessSlots, RegistrySlots, RoomsSlots, GatewaySlots, RecorderSlots {
  order = 0;
  gone = false;
  readonly connectedAt = Date.now();
  private connectedAtText: string | undefined = undefined;
  endedWith: ErrorCode | undefined = undefined;
  roomGrants: Map<string, readonly RoomGrant[]> | undefined = undefined;
  joinedByRight: Set<string> | undefined = undefined;
  watchedRooms: Map<string, PresencePlace | undefined> | undefined = undefined;
  goneFrom: readonly string[] = NO_ROOMS;
  left: Promise<void> | undefined = undefined;
  session: RecoverableSession | undefined = undefined;
  tokenDeadlines: readonly Deadline[] | undefined = undefined;
  inbox: Inbox | undefined = undefined;
  flight: object | undefined = undefined;

  constructor(
    readonly socket: GatewaySocket,
    readonly user: string,
    readonly info: JsonValue,
    readonly address: string,
    readonly userAgent: string,
    public grant: Grant,
  ) {}

  get connectedAtIso(): string {
    return (this.connectedAtText ??= new Date(this.connectedAt).toISOString());
  }
}

/**
 * What the gateway itself keeps per socket, as everyone reads it. Each folder writes what is its own:
 * see {@link accessSlots} and those beside it.
 */
export interface SocketState
  extends
    Readonly<SocketSlots>,
    Readonly<Pick<AccessSlots, 'grant'>>,
    Readonly<RegistrySlots>,
    Readonly<Pick<RoomsSlots, 'session'>>,
    Readonly<GatewaySlots>,
    Readonly<RecorderSlots> {
  readonly socket: GatewaySocket;
  readonly user: string;
  readonly info: JsonValue;
  /** The client's address; behind trusted proxies the one they name. */
  readonly address: string;
  readonly userAgent: string;
  readonly connectedAt: number;
  /** {@link connectedAt} in RFC 3339. Kept once asked for: writing it out takes about a third as long as encoding the whole entry. */
  readonly connectedAtIso: string;
  readonly roomGrants: ReadonlyMap<string, readonly RoomGrant[]> | undefined;
  readonly joinedByRight: ReadonlySet<string> | undefined;
  readonly watchedRooms: ReadonlyMap<string, PresencePlace | undefined> | undefined;
}

// Every state is made here, as one object. The name says the folder that alone may use it: a test sees to that.
export const socketsSlots = (state: SocketState): SocketSlots => state as Slots;
export const accessSlots = (state: SocketState): AccessSlots => state as Slots;
export const registrySlots = (state: SocketState): RegistrySlots => state as Slots;
export const roomsSlots = (state: SocketState): RoomsSlots => state as Slots;
export const gatewaySlots = (state: SocketState): GatewaySlots => state as Slots;
export const recorderSlots = (state: SocketState): RecorderSlots => state as Slots;

type Carrier = { [STATE]?: SocketState };

/** Attaches the identity to a socket; called once, in the handshake. */
export function setSocketState(
  socket: GatewaySocket,
  { user, info, grant }: Identity,
  address: string,
  userAgent: string,
): SocketState {
  const state = new Slots(socket, user, info, address, userAgent, grant);
  (socket as Carrier)[STATE] = state;
  return state;
}

/** The state of a socket, or undefined before its identity is settled. */
export const findSocketState = (socket: GatewaySocket): SocketState | undefined => (socket as Carrier)[STATE];

/** The state of a socket that passed the handshake. */
export function socketState(socket: GatewaySocket): SocketState {
  const state = findSocketState(socket);
  if (!state) throw new Error(`socket of namespace ${socket.nsp.name} did not pass the handshake`);
  return state;
}
