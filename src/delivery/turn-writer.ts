/**
 * One write per connection and turn of the event loop, however many publications it carries. [D8]
 *
 * This file works with private state of `ws` and `engine.io`, as only those of `platform/` do beside it. What it does: frames for a WebSocket connection that is up to date are collected
 * instead of being sent one by one through Engine.IO and `ws`, and at the end of the turn they leave in one write to the
 * TCP socket. Connections that got the same publications share one buffer. Whatever else is written to such a
 * connection (an acknowledgement, a direct emit, a ping, a close) first sends what was collected, so the order is that
 * of acceptance. [D4]
 *
 * Everything that is not a plain text frame on an idle 3.x or 4.x WebSocket connection (polling, 2.x, compression, an
 * upgrade under way, a backlog) takes Socket.IO's own path. So does everything when a future version of `ws` or
 * `engine.io` lacks what is used here; a test fails when that happens.
 */
import type { Socket as TcpSocket } from 'node:net';
import { Cohort } from './cohort.js';
import { FrameSequence } from './frame-sequence.js';
import { publicationsAmong, publicationsIn, UnsentWrites, type Written } from './unsent-writes.js';

/** What is used of an Engine.IO connection. */
interface Connection {
  readonly readyState: string;
  readonly protocol: number;
  readonly writeBuffer: readonly object[];
  readonly transport: Transport;
  flush(): void;
  closeTransport(discard?: boolean): void;
  [OUTLET]?: Outlet | null;
  /** Its listeners by event: Node's own list. */
  readonly _events?: Readonly<Record<string, unknown>>;
}

interface Transport {
  readonly name: string;
  readonly writable: boolean;
  readonly perMessageDeflate?: unknown;
  readonly socket?: RawWebSocket;
}

interface RawWebSocket {
  readonly readyState: number;
  readonly _socket?: TcpSocket;
  readonly _sender?: { readonly _state?: number };
}

const OUTLET = Symbol('switchboard.outlet');
const EIO4 = 4;
const OPEN = 1;

/** `ws`'s sender is neither compressing nor reading a blob, so nothing of its own is queued before a raw write. */
const SENDER_IDLE = 0;

/** A connection that has collected this much is written to at once. */
const MAX_COLLECTED_BYTES = 262_144;

/** What is collected for one connection. */
class Outlet {
  /** Publications and answers that were written, and when the last were, in whole ms of `performance.now()`. */
  frames = 0;
  writtenAt = -1;
  /** What was written while the peer took too little; made when that happens for the first time. [D10] */
  unsent: UnsentWrites | undefined = undefined;
  private own: FrameSequence | null = null;
  private cohort: Cohort<Outlet> | undefined = undefined;
  private placeInCohort = 0;

  constructor(readonly connection: Connection) {}

  /** The frames that wait for the end of the turn. */
  get collected(): FrameSequence | null {
    return this.cohort ? this.cohort.tail : this.own;
  }

  set collected(frames: FrameSequence | null) {
    this.leaveCohort();
    this.own = frames;
  }

  /** From now on it is given frames with the others of a cohort, whose frames it has. */
  joinCohort(cohort: Cohort<Outlet>, place: number): void {
    this.cohort = cohort;
    this.placeInCohort = place;
  }

  isIn(cohort: Cohort<Outlet>): boolean {
    return this.cohort === cohort;
  }

  private leaveCohort(): void {
    const { cohort } = this;
    if (!cohort) return;
    this.cohort = undefined;
    this.frames += cohort.frames;
    cohort.leave(this.placeInCohort);
  }

  /** How many frames were collected, those with its cohort included. */
  get taken(): number {
    return this.frames + (this.cohort?.frames ?? 0);
  }

  get tcpSocket(): TcpSocket | undefined {
    return this.connection.transport.socket?._socket;
  }

  /**
   * Whether nothing is ahead of a frame that is written to the TCP socket now.
   *
   * Engine.IO takes a transport for busy until it is told, later in the turn, that what it has sent has left. Where the TCP
   * socket holds nothing it has left already: what a client has missed follows the packet that lets it in.
   */
  get isIdle(): boolean {
    const { connection } = this;
    const { transport } = connection;
    const { socket } = transport;
    return (
      connection.readyState === 'open' &&
      (transport.writable || socket?._socket?.writableLength === 0) &&
      connection.writeBuffer.length === 0 &&
      socket?.readyState === OPEN &&
      socket._sender?._state === SENDER_IDLE
    );
  }

  /** Whether the operating system has not taken all that was written. */
  get isBehind(): boolean {
    return (this.tcpSocket?.writableLength ?? 0) > 0;
  }

  /** Sends what was collected; what a closed connection has collected is dropped with it. */
  send(): void {
    const { collected, tcpSocket } = this;
    this.collected = null;
    if (!collected || !tcpSocket?.writable || this.connection.transport.socket?.readyState !== OPEN) return;
    collected.writeTo(tcpSocket);
    if (tcpSocket.writableLength > 0) this.note(collected.frames(), tcpSocket);
  }

  /** Has Engine.IO write what waits in its own buffer. */
  flush(): void {
    const { connection, tcpSocket } = this;
    const { writeBuffer } = connection;
    const before = tcpSocket?.writableLength ?? 0;
    stock!.flush.call(connection);
    if (!tcpSocket || writeBuffer.length === 0 || connection.writeBuffer === writeBuffer) return;
    const bytes = tcpSocket.writableLength - before;
    if (bytes > 0) this.note({ bytes, publications: publicationsIn(writeBuffer) }, tcpSocket);
  }

  private note(written: Written, tcpSocket: TcpSocket): void {
    (this.unsent ??= new UnsentWrites()).add(written, tcpSocket.writableLength);
  }
}

/** Collects frames per connection and sends them at the end of the turn. */
export class TurnWriter {
  private sequences = new FrameSequence();
  private dirty: Outlet[] = [];
  private tasks: (() => void)[] = [];
  private endIsDue = false;
  private readonly endTurn = (): void => this.flush();

  constructor(
    /** Told of a connection whose peer does not take what is written. [Q3] */
    private readonly onBacklog: (connection: object) => void = () => {},
  ) {}

  /** Takes a frame for a connection, or returns false when it has to go the plain way. */
  collect(connection: object, bytes: Buffer): boolean {
    const outlet = outletOf(connection as Connection);
    if (!outlet || isHeard(connection as Connection)) return false;
    const { collected } = outlet;
    if (collected) {
      const longer = collected.followedBy(bytes);
      outlet.collected = longer;
      outlet.frames++;
      if (longer.byteLength > MAX_COLLECTED_BYTES) this.send(outlet);
      return true;
    }
    if (!outlet.isIdle) return false;
    outlet.frames++;
    outlet.collected = this.sequences.followedBy(bytes);
    this.dirty.push(outlet);
    this.expectEnd();
    return true;
  }

  /** Runs a task when the turn is over. */
  whenOver(task: () => void): void {
    this.tasks.push(task);
    this.expectEnd();
  }

  private expectEnd(): void {
    if (this.endIsDue) return;
    this.endIsDue = true;
    setImmediate(this.endTurn);
  }

  /**
   * Makes a cohort of those connections that have collected the same as the first; `undefined` where that has nothing.
   * The others are among those that have {@link Cohort.takeLeft left} it.
   */
  together(connections: readonly object[]): Cohort<object> | undefined {
    const outlets = (connections as readonly Connection[]).map((connection) => connection[OUTLET]);
    const tail = outlets[0]?.collected;
    if (!tail) return undefined;
    const cohort = new Cohort<Outlet>(outlets as Outlet[], tail);
    for (const [place, outlet] of outlets.entries()) {
      if (outlet?.collected === tail) outlet.joinCohort(cohort, place);
      else cohort.leave(place);
    }
    return cohort;
  }

  /** Takes a frame for all connections of a cohort. */
  collectFor(cohort: Cohort<object>, bytes: Buffer): void {
    cohort.add(bytes);
    if (cohort.tail.byteLength <= MAX_COLLECTED_BYTES) return;
    const ofOutlets = cohort as Cohort<Outlet>;
    for (const outlet of ofOutlets.members) if (outlet.isIn(ofOutlets)) this.send(outlet);
  }

  private flush(): void {
    const { dirty, tasks } = this;
    this.dirty = [];
    this.tasks = [];
    this.endIsDue = false;
    this.sequences = new FrameSequence();
    for (const task of tasks) task();
    for (const { collected } of dirty) collected?.countUse();
    const now = Math.round(performance.now());
    for (const outlet of dirty) {
      outlet.writtenAt = now;
      this.send(outlet);
    }
  }

  private send(outlet: Outlet): void {
    outlet.send();
    if (outlet.isBehind) this.onBacklog(outlet.connection);
  }
}

/** Whether an app listens to what Engine.IO tells of each packet that it sends, and so has to send it. */
function isHeard({ _events }: Connection): boolean {
  return _events !== undefined && (_events['packetCreate'] !== undefined || _events['flush'] !== undefined);
}

/** What was written for a connection through the writer: how many publications and answers, and when the last. */
export function writtenTo(connection: object): { readonly frames: number; readonly at: number } {
  const outlet = (connection as Connection)[OUTLET];
  return outlet ? { frames: outlet.taken, at: outlet.writtenAt } : NOTHING_WRITTEN;
}

const NOTHING_WRITTEN = { frames: 0, at: -1 } as const;

/**
 * Has it told how many publications for a connection are lost when it is cut off: at once what waits for a write, and with the
 * end of its TCP connection what the operating system has not taken by then. [D10]
 *
 * Of 2.x clients only the first part is known.
 */
export function tellLost(connection: object, told: (publications: number) => void): void {
  const { writeBuffer, [OUTLET]: outlet } = connection as Connection;
  const collected = outlet?.collected ? publicationsAmong(outlet.collected.frames()) : 0;
  told(publicationsIn(writeBuffer) + collected);
  if (outlet?.unsent && outlet.tcpSocket) tellUnsentAtEnd(outlet.unsent, outlet.tcpSocket, told);
}

/** Nothing is told of a TCP socket before it ends, and afterwards nobody knows what it had. */
function tellUnsentAtEnd(
  unsent: UnsentWrites,
  tcpSocket: TcpSocket,
  told: (publications: number) => void,
): void {
  tcpSocket.destroy = (failure) => {
    Reflect.deleteProperty(tcpSocket, 'destroy');
    told(unsent.count(tcpSocket));
    return tcpSocket.destroy(failure);
  };
}

/** Whether a volatile packet can be sent now rather than queued. [D5] */
export function isReady(connection: object): boolean {
  const { transport } = connection as Connection;
  return transport.writable && (transport.socket?._socket?.writableLength ?? 0) === 0;
}

/** The outlet of a connection that can have one. A connection that is still polling may get one after its upgrade. */
function outletOf(connection: Connection): Outlet | null {
  const known = connection[OUTLET];
  if (known !== undefined) return known;
  if (connection.protocol !== EIO4) return (connection[OUTLET] = null);
  const { transport } = connection;
  if (transport.name !== 'websocket') return null;
  if (transport.perMessageDeflate || !isFamiliar(connection)) return (connection[OUTLET] = null);
  return (connection[OUTLET] = attach(connection));
}

/** Whether this connection has the private parts that are used here. */
function isFamiliar({ flush, closeTransport, transport: { socket } }: Connection): boolean {
  return (
    typeof flush === 'function' &&
    typeof closeTransport === 'function' &&
    typeof socket?._socket?.write === 'function' &&
    socket._sender?._state === SENDER_IDLE
  );
}

interface ConnectionMethods {
  flush(this: Connection): void;
  closeTransport(this: Connection, discard?: boolean): void;
}

/** Engine.IO's own methods, the same for all connections. */
let stock: ConnectionMethods | undefined;

/** Puts the collected frames before everything else that goes out on the connection. */
function attach(connection: Connection): Outlet {
  stock ??= { flush: connection.flush, closeTransport: connection.closeTransport };
  connection.flush = flushInOrder;
  connection.closeTransport = closeInOrder;
  return new Outlet(connection);
}

function flushInOrder(this: Connection): void {
  const outlet = this[OUTLET]!;
  outlet.send();
  outlet.flush();
}

function closeInOrder(this: Connection, discard?: boolean): void {
  if (!discard) this[OUTLET]!.send();
  stock!.closeTransport.call(this, discard);
}
