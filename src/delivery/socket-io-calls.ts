import type { Namespace } from 'socket.io';
import type { BroadcastOptions, Room, SocketId } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';
import type { NodeCommand, NodeQuestion, SocketsOfNamespace } from '../engine/engine.js';
import { looksLikeSocketId } from '../protocol/names.js';
import type { Selection, Target } from '../protocol/publication.js';
import type { MembershipMap } from '../sockets/membership-map.js';
import { roomNameOf, roomNamesOf } from '../sockets/room-names.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { DirectEmit, Outbound } from './outbound.js';
import { remoteSocketOf, type SocketDescription } from './remote-sockets.js';

/** The sockets of one namespace on this node. */
interface LocalSockets {
  readonly nsp: Namespace;
  readonly rooms: MembershipMap<Room>;
  readonly sids: MembershipMap<SocketId>;
  selected(to: Target, except: Selection): GatewaySocket[];
}

/** Calls of an app on Socket.IO's server, namespaces and sockets, carried out for the sockets of all nodes. */
export class SocketIoCalls {
  private servers: Promise<number> | undefined;

  constructor(
    private readonly local: LocalSockets,
    private readonly outbound: Outbound,
  ) {}

  /** `io.to(…).emit()` and `socket.broadcast.emit()` go the way of every publication. */
  broadcast(packet: Packet, options: BroadcastOptions): void {
    this.outbound.emit(this.emitted(packet, options), options.flags?.local === true);
  }

  /** `io.timeout(…).emitWithAck()` asks the sockets of all nodes. */
  broadcastWithAck(
    packet: Packet,
    options: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    // Socket.IO waits for as many counts as there are servers: the sockets of all others stand in one of them.
    const servers = this.serverCount();
    const countOthers = async (sockets: number): Promise<void> => {
      for (let others = (await servers) - 1; others > 0; others--)
        clientCountCallback(others === 1 ? sockets : 0);
    };
    const isLocal = options.flags?.local === true;
    this.outbound.ask(this.emitted(packet, options), Math.max(1, options.flags?.timeout ?? 1), isLocal, {
      countedHere: clientCountCallback,
      countedElsewhere: (sockets) => void countOthers(sockets),
      answered: (answer) => ack(answer),
    });
  }

  /** The number of nodes. What asks for it in one turn gets the same. */
  serverCount(): Promise<number> {
    if (!this.servers) {
      this.servers = this.outbound.countNodes();
      setImmediate(() => (this.servers = undefined));
    }
    return this.servers;
  }

  /** `allSockets()`: of this node, as with its own adapters. */
  sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    return Promise.resolve(new Set(this.selectedHere({ rooms }).map(({ id }) => id)));
  }

  /** `socketsJoin()`, on all nodes. */
  addSockets(options: BroadcastOptions, rooms: Room[]): void {
    for (const socket of this.selectedHere(options)) void socket.join(rooms);
    this.others(options, (from) => ({ do: 'move', from, join: roomNamesOf(rooms), leave: [] }));
  }

  /** `socketsLeave()`, on all nodes. */
  delSockets(options: BroadcastOptions, rooms: Room[]): void {
    for (const socket of this.selectedHere(options)) for (const room of rooms) void socket.leave(room);
    this.others(options, (from) => ({ do: 'move', from, join: [], leave: roomNamesOf(rooms) }));
  }

  /** `disconnectSockets()`, on all nodes. */
  disconnectSockets(options: BroadcastOptions, close: boolean): void {
    for (const socket of this.selectedHere(options)) socket.disconnect(close);
    this.others(options, (from) => ({ do: 'disconnect-all', from, close }));
  }

  /**
   * `fetchSockets()`: local sockets as they are, those of other nodes as these describe them, which is without
   * their credentials.
   */
  async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const here: unknown[] = this.selectedHere(options);
    if (options.flags?.local) return here;
    const question: NodeQuestion = { ask: 'fetch-sockets', from: this.selectionFrom(options) };
    const { asked, answers } = await this.outbound.askNodes(
      question,
      options.flags?.timeout ?? NODES_TIMEOUT_MS,
    );
    if (answers.length < asked) throw notAllAnswered(answers.length, asked);
    return [...here, ...(answers as SocketDescription[][]).flat().map(remoteSocketOf)];
  }

  /** `serverSideEmit()`: to the other nodes. */
  serverSideEmit(args: unknown[]): void {
    const namespace = this.local.nsp.name;
    const last = args.at(-1);
    if (typeof last !== 'function') {
      this.outbound.command({ do: 'server-side-emit', namespace, args });
      return;
    }
    void this.askServers(args.slice(0, -1), last as Acknowledge);
  }

  /** Never rejects: what fails is the acknowledgement's first argument. */
  private async askServers(args: readonly unknown[], acknowledge: Acknowledge): Promise<void> {
    const question: NodeQuestion = { ask: 'server-side-emit', namespace: this.local.nsp.name, args };
    let answers: readonly unknown[] = [];
    let failure: Error | null = null;
    try {
      const known = await this.outbound.askNodes(question, NODES_TIMEOUT_MS);
      answers = known.answers;
      if (answers.length < known.asked) failure = notAllAnswered(answers.length, known.asked);
    } catch (refusal) {
      failure = refusal as Error;
    }
    acknowledge(failure, answers);
  }

  private selectionFrom({
    rooms,
    except = new Set(),
  }: Pick<BroadcastOptions, 'rooms' | 'except'>): SocketsOfNamespace {
    return {
      namespace: this.local.nsp.name,
      to: rooms.size === 0 ? { all: true } : { rooms: roomNamesOf(rooms) },
      except: exceptOf(except),
    };
  }

  private selectedHere(options: Pick<BroadcastOptions, 'rooms' | 'except'>): GatewaySocket[] {
    const { to, except } = this.selectionFrom(options);
    return this.local.selected(to, except);
  }

  private emitted(packet: Packet, { rooms, except = new Set(), flags = {} }: BroadcastOptions): DirectEmit {
    const [event, ...args] = packet.data as [string, ...unknown[]];
    return {
      event: String(event),
      args,
      to: rooms.size === 0 ? { all: true } : this.selectionOf(rooms),
      except: exceptOf(except),
      volatile: flags.volatile === true,
      namespace: this.local.nsp.name,
    };
  }

  private others(options: BroadcastOptions, command: (from: SocketsOfNamespace) => NodeCommand): void {
    if (!options.flags?.local) this.outbound.command(command(this.selectionFrom(options)));
  }

  /**
   * A socket's own room is one that the app may have put others into, here or on another node. Whether a name is that of
   * a socket of another node is not known here, so what looks like one may be either.
   */
  private selectionOf(given: ReadonlySet<Room>): Selection {
    const rooms: string[] = [];
    const sockets: string[] = [];
    const isShared = this.outbound.isShared === true;
    for (const room of given) {
      const name = roomNameOf(room);
      const isSocket = this.local.sids.has(room);
      if (isSocket || (isShared && looksLikeSocketId(name))) sockets.push(name);
      // A lone one is no room that would keep a history.
      if (!isSocket || isShared || this.local.rooms.peek(room)?.size !== 1) rooms.push(name);
    }
    return { rooms, sockets };
  }
}

const exceptOf = (rooms: ReadonlySet<Room>): Selection =>
  rooms.size === 0 ? {} : { rooms: roomNamesOf(rooms) };

type Acknowledge = (failure: Error | null, answers: readonly unknown[]) => void;

/** The time that Socket.IO's own adapters wait. */
const NODES_TIMEOUT_MS = 5_000;

/** In the words of Socket.IO's own adapters. */
const notAllAnswered = (answered: number, asked: number): Error =>
  new Error(`timeout reached: only ${answered} responses received out of ${asked}`);
