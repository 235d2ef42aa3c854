import type { SocketEntry } from '../protocol/entries.js';
import type { ErrorCode } from '../protocol/errors.js';
import type { MembershipObserver } from './membership.adapter.js';
import { socketsSlots, type GatewaySocket, type Identity, type SocketState } from './socket-state.js';

/** A socket on its way in: from its request to enter a namespace until its client is told `connect`. */
export interface Arriving {
  readonly socket: GatewaySocket;
  /** The client's address; behind trusted proxies the one they name. */
  readonly address: string;
  /** Whether the socket was refused or its connection has ended meanwhile: nothing more is to be done for it. */
  readonly isOver: boolean;

  /** Who the socket belongs to, once that is settled. */
  readonly identity: Identity | undefined;

  /** Settles, or settles anew, who the socket belongs to: it has a state from then on. */
  identify(identity: Identity): void;

  /** Gives the checks on its way in so much more time: somebody is asked who may be slow. */
  mayTake(moreMs: number): void;

  /**
   * Has something undone if the socket does not get in. What was deferred last is undone first; once the arrival is
   * over it is undone at once. Nothing deferred is called for a socket that gets in.
   */
  defer(undo: () => void): void;
}

/** Where a client was refused: its HTTP request for a connection, or its request to enter a namespace. */
export type RefusalStage = 'request' | 'namespace';

/** A client that was refused, and all that is known of it. [L10] */
export interface Refusal {
  /** What the client was told. */
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** The true cause, for the log only: it may tell more than the client gets. Never holds text of a token. */
  readonly why: string;
  readonly stage: RefusalStage;
  readonly address: string;
  readonly origin: string | undefined;
  readonly userAgent: string | undefined;
  /** Version of the Engine.IO protocol; 3 is that of 2.x clients. */
  readonly protocol: number;
  readonly transport: string;
  /** Absent where only a connection was asked for. */
  readonly namespace?: string | undefined;
  /** The user that the client claimed to be, where that could be read; not verified, and found out when asked. */
  claimedUser(): string | undefined;
}

/** Something that happened to a connected socket and that nobody waits for. Never holds what was sent. */
export interface SocketFact {
  readonly kind: 'join_refused' | 'limit' | 'request_failed' | 'not_answered' | 'ack_missing';
  /** A room or an event, as its client or publisher named it. */
  readonly name: string;
  readonly code?: string;
  readonly ms?: number;
}

/** A request for a connection that Engine.IO turned away. */
export interface TurnedAway {
  /** `unknown_session`: there is no connection by that ID. `upgrade`: a connection may not change its transport. */
  readonly kind: 'unknown_session' | 'upgrade';
  /** The ID of the connection that the client named. Whoever has it may act for that client: it is never shown. */
  readonly connectionId: string;
  /** The connection, where it is here. */
  readonly connection: object | undefined;
  readonly address: string;
  readonly transport: string;
  /** In words of one piece. */
  readonly why: string;
}

/**
 * Takes part in a socket's life. Each hook is optional and all participants hear of it in the order of their list.
 *
 * - `arriving`: the socket asks to enter a namespace. Throw or reject to refuse it; nobody further down the list hears
 *   of it then. What was taken for it goes back by `arriving.defer(undo)`. The client waits: return a promise only
 *   where something has to be waited for.
 * - `connected`: the client has just been told that it is connected, in this same turn. The socket may have been
 *   ended by a participant before.
 * - `joined`, `left`: a connected socket came into a shared room, or left one and stays connected. Whoever moved it
 *   waits for the promise, which must not reject.
 * - `ended`: the socket has ended, which took it out of its rooms (`state.goneFrom`). `reason` is Socket.IO's word.
 * - `refused`: a client was refused, and was told so or is about to be.
 * - `opened`: a connection has begun; it has no socket yet.
 * - `noted`: something happened to a connected socket, such as a request that failed.
 * - `turnedAway`: Engine.IO itself turned a request away.
 * - `lost`: another node died, and these sockets with it. One live node hears of it.
 *
 * - `stopping`: the node stops, its last socket has gone, and shared state is still there. Waited for.
 *
 * All hooks but `arriving`, `joined`, `left` and `stopping` must not throw: they are called for every participant in one go.
 */
export interface Participant {
  arriving?(arriving: Arriving): Promise<void> | void;
  connected?(socket: GatewaySocket): void;
  joined?(state: SocketState, room: string): Promise<void> | void;
  left?(state: SocketState, room: string): Promise<void> | void;
  ended?(state: SocketState, reason: string, description?: unknown): void;
  refused?(refusal: Refusal): void;
  opened?(connection: GatewaySocket['conn']): void;
  noted?(state: SocketState, fact: SocketFact): void;
  turnedAway?(request: TurnedAway): void;
  lost?(sockets: readonly SocketEntry[]): void;
  stopping?(): Promise<void>;
}

type With<Hook extends keyof Participant> = Participant & Required<Pick<Participant, Hook>>;

/**
 * The participants in a socket's life, in their order; see `PARTICIPANTS` in `participants.module.ts` for the list.
 *
 * One list per hook is made at the start, so that a participant costs nothing where it does not take part.
 */
export class Participants implements MembershipObserver {
  private readonly onArriving: readonly With<'arriving'>[];
  private readonly onConnected: readonly With<'connected'>[];
  private readonly onJoined: readonly With<'joined'>[];
  private readonly onLeft: readonly With<'left'>[];
  private readonly onEnded: readonly With<'ended'>[];
  private readonly onRefused: readonly With<'refused'>[];
  private readonly onOpened: readonly With<'opened'>[];
  private readonly onNoted: readonly With<'noted'>[];
  private readonly onTurnedAway: readonly With<'turnedAway'>[];
  private readonly onLost: readonly With<'lost'>[];
  private readonly onStopping: readonly With<'stopping'>[];

  constructor(list: readonly Participant[]) {
    const having = <Hook extends keyof Participant>(hook: Hook): With<Hook>[] =>
      list.filter((each): each is With<Hook> => each[hook] !== undefined);
    this.onArriving = having('arriving');
    this.onConnected = having('connected');
    this.onJoined = having('joined');
    this.onLeft = having('left');
    this.onEnded = having('ended');
    this.onRefused = having('refused');
    this.onOpened = having('opened');
    this.onNoted = having('noted');
    this.onTurnedAway = having('turnedAway');
    this.onLost = having('lost');
    this.onStopping = having('stopping');
  }

  /** Throws or rejects with the reason of the first participant that refuses; stops when the arrival is over. */
  arriving(arriving: Arriving, from = 0): Promise<void> | void {
    for (let index = from; index < this.onArriving.length; index++) {
      if (arriving.isOver) return;
      const done = this.onArriving[index]!.arriving(arriving);
      if (done) return done.then(() => this.arriving(arriving, index + 1));
    }
  }

  connected(socket: GatewaySocket): void {
    for (const each of this.onConnected) each.connected(socket);
  }

  joined(state: SocketState, room: string): Promise<void> | void {
    // Changes are made known in order, so the last one stands for all.
    let known: Promise<void> | void = undefined;
    for (const each of this.onJoined) known = each.joined(state, room) ?? known;
    return known;
  }

  left(state: SocketState, room: string): Promise<void> | void {
    let known: Promise<void> | void = undefined;
    for (const each of this.onLeft) known = each.left(state, room) ?? known;
    return known;
  }

  /** The end of a socket takes it out of its rooms a moment before anyone knows why it ended: see {@link ended}. */
  gone(state: SocketState, rooms: readonly string[]): void {
    socketsSlots(state).goneFrom = rooms;
  }

  ended(state: SocketState, reason: string, description?: unknown): void {
    for (const each of this.onEnded) each.ended(state, reason, description);
  }

  refused(refusal: Refusal): void {
    for (const each of this.onRefused) each.refused(refusal);
  }

  opened(connection: GatewaySocket['conn']): void {
    for (const each of this.onOpened) each.opened(connection);
  }

  noted(state: SocketState, fact: SocketFact): void {
    for (const each of this.onNoted) each.noted(state, fact);
  }

  turnedAway(request: TurnedAway): void {
    for (const each of this.onTurnedAway) each.turnedAway(request);
  }

  lost(sockets: readonly SocketEntry[]): void {
    for (const each of this.onLost) each.lost(sockets);
  }

  async stopping(): Promise<void> {
    await Promise.all(this.onStopping.map((each) => each.stopping()));
  }
}
