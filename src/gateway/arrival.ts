import type { Arriving } from '../sockets/participants.js';
import { setSocketState, type GatewaySocket, type Identity } from '../sockets/socket-state.js';
import { interned } from '../platform/footprint/interned.js';

const ARRIVAL = Symbol('switchboard.arrival');
const ON_THEIR_WAY = Symbol('switchboard.arrivals of a connection');

type Carrier = { [ARRIVAL]?: Arrival | undefined };
type Connection = GatewaySocket['conn'] & { [ON_THEIR_WAY]?: Set<Arrival> | undefined };

/**
 * A socket on its way in, and what has to be undone if it does not get there.
 *
 * There is one per socket, from the handshake until the client is told `connect` ({@link commit}), the socket is
 * refused, or its connection ends ({@link abandon}).
 */
export class Arrival implements Arriving {
  isOver = false;
  identity: Identity | undefined = undefined;
  /** How much longer than others its checks may take. */
  moreMs = 0;
  private undos: (() => void)[] | undefined = undefined;
  /** All arrivals of the connection that take longer than a turn. */
  private watched: Set<Arrival> | undefined = undefined;

  constructor(
    readonly socket: GatewaySocket,
    readonly address: string,
  ) {
    (socket as Carrier)[ARRIVAL] = this;
  }

  identify(identity: Identity): void {
    const { socket, address } = this;
    this.identity = identity;
    setSocketState(
      socket,
      identity,
      interned(address),
      interned(socket.handshake.headers['user-agent'] ?? ''),
    );
  }

  mayTake(moreMs: number): void {
    this.moreMs = moreMs;
  }

  defer(undo: () => void): void {
    if (this.isOver) undo();
    else (this.undos ??= []).push(undo);
  }

  /** The client is in: nothing is undone any longer. */
  commit(): void {
    this.end();
  }

  /** The client does not get in: everything is undone, the last thing first. */
  abandon(): void {
    if (this.isOver) return;
    const { undos } = this;
    this.end();
    for (const undo of undos?.reverse() ?? []) undo();
  }

  /** Has the arrival abandoned when its connection ends: a client that goes on its way in is refused by nobody. */
  watch(): void {
    if (this.isOver) return;
    const { conn } = this.socket;
    if (conn.readyState !== 'open') {
      this.abandon();
      return;
    }
    this.watched = onTheirWay(conn);
    this.watched.add(this);
  }

  private end(): void {
    this.isOver = true;
    this.undos = undefined;
    (this.socket as Carrier)[ARRIVAL] = undefined;
    this.watched?.delete(this);
  }
}

/** The arrivals of a connection that end with it. One listener for all of them: more than ten are a warning of Node. */
function onTheirWay(connection: Connection): Set<Arrival> {
  let arrivals = connection[ON_THEIR_WAY];
  if (!arrivals) {
    const all = (connection[ON_THEIR_WAY] = arrivals = new Set());
    connection.once('close', () => {
      for (const arrival of all) arrival.abandon();
    });
  }
  return arrivals;
}

/** The arrival of a socket that is still on its way in. */
export const arrivalOf = (socket: GatewaySocket): Arrival | undefined => (socket as Carrier)[ARRIVAL];

/** The arrivals of this turn of the event loop; nearly all are in at its end. */
export class Arrivals {
  private begun: Arrival[] = [];

  begin(socket: GatewaySocket, address: string): Arrival {
    const arrival = new Arrival(socket, address);
    if (this.begun.push(arrival) === 1) setImmediate(() => this.watch());
    return arrival;
  }

  private watch(): void {
    const { begun } = this;
    this.begun = [];
    for (const arrival of begun) arrival.watch();
  }
}
