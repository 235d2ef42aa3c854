import type { Trace, TraceLine, TraceSubject } from '../backend/explainer.js';
import { encodeUnchecked } from '../protocol/json.js';
import type { Publication, Selection, Target } from '../protocol/publication.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import type { Namespaces } from '../sockets/namespaces.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';

/** Lines that may wait for a reader; what comes on top is dropped and counted. [X6] */
const MAX_LINES = 500;
/** Publications that wait to be looked at, after they have gone out. */
const MAX_WAITING = 1_000;
/** Sockets of one publication that are told apart in a trace of a room or address. */
const MAX_SOCKETS = 20;

/** The users, sockets and rooms that a line is about. */
export interface Concerned {
  readonly user: string | null;
  readonly address: string;
  readonly rooms?: readonly string[];
}

/** One reader of a live trace. */
class OpenTrace implements Trace {
  private lines: TraceLine[] = [];
  private dropped = 0;

  constructor(
    readonly subject: TraceSubject,
    readonly payloads: boolean,
    private readonly wake: () => void,
    private readonly closed: (trace: OpenTrace) => void,
  ) {}

  concerns({ user, address, rooms = [] }: Concerned): boolean {
    const { subject } = this;
    if (subject.user !== undefined) return subject.user === user;
    if (subject.address !== undefined) return subject.address === address;
    return rooms.includes(subject.room!);
  }

  add(line: TraceLine): void {
    if (this.lines.length >= MAX_LINES) {
      this.dropped++;
      return;
    }
    if (this.lines.push(line) === 1) this.wake();
  }

  take(): readonly TraceLine[] {
    const { lines, dropped } = this;
    this.lines = [];
    this.dropped = 0;
    return dropped === 0 ? lines : [...lines, { type: 'dropped', dropped }];
  }

  close(): void {
    this.closed(this);
  }
}

/**
 * Live traces: what happens to a user, in a room or at an address, line by line, while somebody reads. [X6]
 *
 * A publication is looked at after it has gone out, in a turn of its own, so that no delivery waits for a reader.
 */
export class Traces {
  private readonly open = new Set<OpenTrace>();
  private waiting: Publication[] = [];
  private missed = 0;

  constructor(private readonly namespaces: Namespaces) {}

  get isActive(): boolean {
    return this.open.size > 0;
  }

  begin(subject: TraceSubject, payloads: boolean, wake: () => void): Trace {
    const trace = new OpenTrace(subject, payloads, wake, (closed) => this.open.delete(closed));
    this.open.add(trace);
    return trace;
  }

  /** Something happened to a socket or a client. */
  tell(concerned: Concerned, line: TraceLine): void {
    for (const trace of this.open) if (trace.concerns(concerned)) trace.add(line);
  }

  /** The same of a socket, whose rooms are looked up only where somebody asks for them. */
  tellOf(socket: GatewaySocket, line: TraceLine, payload?: readonly unknown[]): void {
    const { user, address } = socketState(socket);
    let rooms: readonly string[] | undefined;
    for (const trace of this.open) {
      if (trace.subject.room !== undefined) rooms ??= membershipOf(socket).namesOfRooms(socket.id);
      if (!trace.concerns({ user, address, ...(rooms && { rooms }) })) continue;
      trace.add(trace.payloads && payload ? { ...line, args: payload.map(encodeUnchecked) } : line);
    }
  }

  published(publication: Publication): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.missed++;
      return;
    }
    if (this.waiting.push(publication) === 1) setImmediate(() => this.lookAtPublications());
  }

  private lookAtPublications(): void {
    const { waiting, missed } = this;
    this.waiting = [];
    this.missed = 0;
    for (const trace of this.open) {
      for (const publication of waiting) this.lookAt(trace, publication);
      if (missed > 0) trace.add({ type: 'dropped', dropped: missed });
    }
  }

  private lookAt(trace: OpenTrace, publication: Publication): void {
    const { id, event, user, at } = publication;
    const sockets = this.socketsOf(trace.subject, publication);
    if (sockets.length === 0) return;
    trace.add({
      type: 'delivery',
      at: at ?? Date.now(),
      id,
      event,
      ...(user === undefined ? {} : { from: user }),
      sockets: sockets.slice(0, MAX_SOCKETS).map((socket) => socket.id),
      count: sockets.length,
      ...(trace.payloads ? { args: publication.args.map(encodeUnchecked) } : {}),
    });
  }

  /** The sockets of a subject that a publication was for. */
  private socketsOf({ user, room, address }: TraceSubject, publication: Publication): GatewaySocket[] {
    const { to, except, namespace } = publication;
    const candidates =
      user === undefined
        ? room === undefined
          ? this.namespaces.allSockets()
          : this.socketsIn(room)
        : this.namespaces.socketsOfUser(user);
    const found: GatewaySocket[] = [];
    for (const socket of candidates) {
      if (namespace !== undefined && socket.nsp.name !== namespace) continue;
      if (address !== undefined && socketState(socket).address !== address) continue;
      if (isIn(socket, to) && !isIn(socket, except)) found.push(socket);
    }
    return found;
  }

  private *socketsIn(room: string): Generator<GatewaySocket> {
    for (const adapter of this.namespaces.all) {
      for (const socketId of adapter.membersNamed(room) ?? []) {
        const socket = adapter.nsp.sockets.get(socketId);
        if (socket) yield socket as GatewaySocket;
      }
    }
  }
}

function isIn(socket: GatewaySocket, selection: Target | Selection): boolean {
  if ('all' in selection) return true;
  const { rooms, users, sockets } = selection;
  if (sockets?.includes(socket.id) || users?.includes(socketState(socket).user)) return true;
  const membership = membershipOf(socket);
  return rooms?.some((room) => room === socket.id || membership.isIn(socket.id, room)) === true;
}
