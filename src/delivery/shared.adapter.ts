import type { Namespace } from 'socket.io';
import type { BroadcastOptions, Room, SocketId } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';
import type { NodeAnswers, NodeCommand, NodeQuestion, SocketsOfNamespace } from '../engine/engine.js';
import { looksLikeSocketId } from '../protocol/names.js';
import type { Publication, Selection, Target } from '../protocol/publication.js';
import { MembershipAdapter, type MembershipObserver } from '../sockets/membership.adapter.js';
import type { Namespaces } from '../sockets/namespaces.js';
import { roomNameOf, roomNamesOf } from '../sockets/room-names.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { remoteSocketOf, type SocketDescription } from './remote-sockets.js';
import type { DeliveryWatch } from './delivery-watch.js';

/** What Socket.IO's own `io.to(…).emit()` asks for; it becomes a publication like any other. */
export type DirectEmit = Omit<Publication, 'id' | 'at'>;

/** What the adapter hands on to those that know more than one node. */
export interface Outbound {
  /** Told of what becomes of publications; `undefined` where nobody watches. */
  readonly watch?: DeliveryWatch | undefined;
  /** Whether there may be other nodes. */
  readonly isShared: boolean;
  /** How many publications have been accepted here. */
  readonly accepted: number;
  /** Never throws; what becomes of it is its own business, as with Socket.IO's emit. */
  emit(emitted: DirectEmit, onThisNodeOnly: boolean): void;
  /** The cursor after everything that was published before. */
  readonly cursor: string;
  /** Has the other nodes carry something out; never rejects. */
  command(command: NodeCommand): void;
  /** Emits and asks every recipient for an acknowledgement; never throws or rejects. */
  ask(emitted: DirectEmit, timeoutMs: number, onThisNodeOnly: boolean, heard: AskEvents): void;
  /** Asks the other nodes; rejects with `engine.unavailable`. */
  askNodes(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers>;
  /** How many nodes there are; those that are known of when shared state is gone. Never rejects. */
  countNodes(): Promise<number>;
}

/** What is told of an emit that asks for acknowledgements. */
export interface AskEvents {
  /** How many sockets of this node were asked. */
  countedHere(sockets: number): void;
  /** How many of all others; not told when they could not be. */
  countedElsewhere(sockets: number): void;
  answered(answer: unknown): void;
}

/** What an app calls on Socket.IO's server and sockets, for the sockets of all nodes. */
export abstract class SharedAdapter extends MembershipAdapter {
  private servers: Promise<number> | undefined;

  constructor(
    nsp: Namespace,
    namespaces: Namespaces,
    protected readonly outbound?: Outbound,
    observer?: MembershipObserver,
  ) {
    super(nsp, namespaces, observer);
  }

  /** The sockets of this node in a selection. */
  abstract selected(to: Target, except: Selection): GatewaySocket[];

  /** Socket.IO's `io.to(…).emit()` and `socket.broadcast.emit()` go the way of every publication. */
  override broadcast(packet: Packet, options: BroadcastOptions): void {
    if (this.outbound) this.outbound.emit(this.emitted(packet, options), options.flags?.local === true);
    else super.broadcast(packet, options);
  }

  /** Socket.IO's `io.timeout(…).emitWithAck()`: asks the sockets of all nodes. */
  override broadcastWithAck(
    packet: Packet,
    options: BroadcastOptions,
    clientCountCallback: (clientCount: number) => void,
    ack: (...args: unknown[]) => void,
  ): void {
    const { outbound } = this;
    if (!outbound) {
      super.broadcastWithAck(packet, options, clientCountCallback, ack);
      return;
    }
    // Socket.IO waits for as many counts as there are servers: the sockets of all others stand in one of them.
    const servers = this.serverCount();
    const countOthers = async (sockets: number): Promise<void> => {
      for (let others = (await servers) - 1; others > 0; others--)
        clientCountCallback(others === 1 ? sockets : 0);
    };
    const isLocal = options.flags?.local === true;
    outbound.ask(this.emitted(packet, options), Math.max(1, options.flags?.timeout ?? 1), isLocal, {
      countedHere: clientCountCallback,
      countedElsewhere: (sockets) => void countOthers(sockets),
      answered: (answer) => ack(answer),
    });
  }

  /** The number of nodes. What asks for it in one turn gets the same. */
  override serverCount(): Promise<number> {
    if (!this.servers) {
      this.servers = this.outbound?.countNodes() ?? Promise.resolve(1);
      setImmediate(() => (this.servers = undefined));
    }
    return this.servers;
  }

  /** Socket.IO's `allSockets()`: of this node, as with its own adapters. */
  override sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    return Promise.resolve(new Set(this.selectedHere({ rooms }).map(({ id }) => id)));
  }

  /** Socket.IO's `socketsJoin()`, on all nodes. */
  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    for (const socket of this.selectedHere(options)) void socket.join(rooms);
    this.others(options, (from) => ({ do: 'move', from, join: roomNamesOf(rooms), leave: [] }));
  }

  /** Socket.IO's `socketsLeave()`, on all nodes. */
  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    for (const socket of this.selectedHere(options)) for (const room of rooms) void socket.leave(room);
    this.others(options, (from) => ({ do: 'move', from, join: [], leave: roomNamesOf(rooms) }));
  }

  /** Socket.IO's `disconnectSockets()`, on all nodes. */
  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    for (const socket of this.selectedHere(options)) socket.disconnect(close);
    this.others(options, (from) => ({ do: 'disconnect-all', from, close }));
  }

  /**
   * Socket.IO's `fetchSockets()`: local sockets as they are, those of other nodes as these describe them, which is without
   * their credentials.
   */
  override async fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    const here: unknown[] = this.selectedHere(options);
    if (options.flags?.local || !this.outbound) return here;
    const question: NodeQuestion = { ask: 'fetch-sockets', from: this.selectionFrom(options) };
    const { asked, answers } = await this.outbound.askNodes(
      question,
      options.flags?.timeout ?? NODES_TIMEOUT_MS,
    );
    if (answers.length < asked) throw notAllAnswered(answers.length, asked);
    return [...here, ...(answers as SocketDescription[][]).flat().map(remoteSocketOf)];
  }

  /** Socket.IO's `serverSideEmit()`: to the other nodes. */
  override serverSideEmit(args: unknown[]): void {
    const namespace = this.nsp.name;
    const last = args.at(-1);
    if (typeof last !== 'function') {
      this.outbound?.command({ do: 'server-side-emit', namespace, args });
      return;
    }
    void this.askServers(args.slice(0, -1), last as Acknowledge);
  }

  /** Never rejects: what fails is the acknowledgement's first argument. */
  private async askServers(args: readonly unknown[], acknowledge: Acknowledge): Promise<void> {
    const question: NodeQuestion = { ask: 'server-side-emit', namespace: this.nsp.name, args };
    let answers: readonly unknown[] = [];
    let failure: Error | null = null;
    try {
      const known = await this.outbound?.askNodes(question, NODES_TIMEOUT_MS);
      answers = known?.answers ?? [];
      if (known && answers.length < known.asked) failure = notAllAnswered(answers.length, known.asked);
    } catch (refusal) {
      failure = refusal as Error;
    }
    acknowledge(failure, answers);
  }

  /** Another node's `serverSideEmit()`. */
  heardFromServer(args: readonly unknown[]): void {
    (this.nsp as unknown as { _onServerSideEmit(args: readonly unknown[]): void })._onServerSideEmit(args);
  }

  private selectionFrom({
    rooms,
    except = new Set(),
  }: Pick<BroadcastOptions, 'rooms' | 'except'>): SocketsOfNamespace {
    return {
      namespace: this.nsp.name,
      to: rooms.size === 0 ? { all: true } : { rooms: roomNamesOf(rooms) },
      except: exceptOf(except),
    };
  }

  private selectedHere(options: Pick<BroadcastOptions, 'rooms' | 'except'>): GatewaySocket[] {
    const { to, except } = this.selectionFrom(options);
    return this.selected(to, except);
  }

  private emitted(packet: Packet, { rooms, except = new Set(), flags = {} }: BroadcastOptions): DirectEmit {
    const [event, ...args] = packet.data as [string, ...unknown[]];
    return {
      event: String(event),
      args,
      to: rooms.size === 0 ? { all: true } : this.selectionOf(rooms),
      except: exceptOf(except),
      volatile: flags.volatile === true,
      namespace: this.nsp.name,
    };
  }

  private others(options: BroadcastOptions, command: (from: SocketsOfNamespace) => NodeCommand): void {
    if (!options.flags?.local) this.outbound?.command(command(this.selectionFrom(options)));
  }

  /**
   * A socket's own room is one that the app may have put others into, here or on another node. Whether a name is that of
   * a socket of another node is not known here, so what looks like one may be either.
   */
  private selectionOf(given: ReadonlySet<Room>): Selection {
    const rooms: string[] = [];
    const sockets: string[] = [];
    const isShared = this.outbound?.isShared === true;
    for (const room of given) {
      const name = roomNameOf(room);
      const isSocket = this.sids.has(room);
      if (isSocket || (isShared && looksLikeSocketId(name))) sockets.push(name);
      // A lone one is no room that would keep a history.
      if (!isSocket || isShared || this.rooms.peek(room)?.size !== 1) rooms.push(name);
    }
    return { rooms, sockets };
  }
}

const exceptOf = (rooms: ReadonlySet<Room>): Selection =>
  rooms.size === 0 ? {} : { rooms: roomNamesOf(rooms) };

type Acknowledge = (failure: Error | null, answers: readonly unknown[]) => void;

/** What Socket.IO's own adapters wait. */
const NODES_TIMEOUT_MS = 5_000;

/** In the words of Socket.IO's own adapters. */
const notAllAnswered = (answered: number, asked: number): Error =>
  new Error(`timeout reached: only ${answered} responses received out of ${asked}`);
