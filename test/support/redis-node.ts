import type { RedisEngineConfig } from '../../src/engine/redis/engine-settings.js';
import { RedisEngine } from '../../src/engine/redis/redis-engine.js';
import type { RevocationChanges } from '../../src/engine/revocations.js';
import { NodeIdentity } from '../../src/engine/node-identity.js';
import type { Arrival, NodeCommand, NodeQuestion, NodeHooks, Receipts } from '../../src/engine/engine.js';
import type { PresenceChange, PresenceState } from '../../src/engine/presence.js';
import type { SocketEntry } from '../../src/protocol/entries.js';
import type { Publication, Target } from '../../src/protocol/publication.js';
import { socketEntry } from './socket-entry.js';

let lastId = 0;

/** A publication with an ID as the gateway gives them: one publisher's rise. */
export const publication = (to: Target, more: Partial<Publication> = {}): Publication => ({
  id: `p-${(++lastId).toString(36)}`,
  event: 'news',
  args: [lastId],
  to,
  except: {},
  volatile: false,
  ...more,
});

/** A node in this process: an engine of its own, and sockets that exist only in its lists. */
export class TestNode implements NodeHooks {
  readonly identity = new NodeIdentity();
  readonly engine: RedisEngine;
  readonly held = new Map<string, SocketEntry>();
  readonly arrivals: Arrival[] = [];
  readonly presenceChanges: PresenceChange[] = [];
  readonly presenceStates: PresenceState[] = [];
  readonly watched = new Map<string, readonly string[]>();
  readonly commands: NodeCommand[] = [];
  readonly takenOver: string[] = [];
  readonly nodesLost: { node: string; sockets: number }[] = [];
  readonly troubles: string[] = [];
  readonly entryFailures: Error[] = [];
  timesFenced = 0;
  hasTrackers = true;
  acknowledge: (arrival: Arrival) => Promise<Receipts> | undefined = () => undefined;
  answerCommand: (command: NodeCommand) => Promise<number> = async () => 1;

  private constructor(redisUrl: string, config: Partial<RedisEngineConfig>) {
    const defaults = {
      nodeLeaseMs: 7_000,
      recoveryWindowMs: 10_000,
      maxHistoryBytes: 134_217_728,
      pingIntervalMs: 10,
      pingTimeoutMs: 10,
    };
    this.engine = new RedisEngine({ history: [], ...defaults, ...config, redisUrl }, this.identity, {
      nodeLost: (node, sockets) => this.nodesLost.push({ node, sockets }),
      unavailable: (reason) => this.troubles.push(reason),
      recovered: () => this.troubles.push('recovered'),
      entryFailed: (failure) => this.entryFailures.push(failure),
    });
  }

  static async start(
    redisUrl: string,
    config: Partial<RedisEngineConfig> = {},
    replica?: RevocationChanges,
  ): Promise<TestNode> {
    const node = new TestNode(redisUrl, config);
    if (replica) node.engine.revocations.replicateTo(replica, () => undefined);
    await node.engine.start(node);
    return node;
  }

  get id(): string {
    return this.identity.id;
  }

  get registry(): RedisEngine['registry'] {
    return this.engine.registry;
  }

  get holdings(): RedisEngine['holdings'] {
    return this.engine.holdings;
  }

  get isReady(): boolean {
    return this.engine.health().state === 'ready';
  }

  /** What reached this node, by the IDs of publications. */
  get got(): string[] {
    return this.arrivals.map(({ publication: { id } }) => id);
  }

  async connect(
    socketId: string,
    user: string,
    rooms: string[] = [],
    more: Partial<SocketEntry> = {},
    max = 0,
  ) {
    const entry = socketEntry({ socketId, user, node: this.id, info: { name: user, tags: [] }, ...more });
    await this.holdings.enter(socketId, () => entry, max);
    this.held.set(socketId, entry);
    this.holdings.connected(socketId, () => entry);
    for (const room of rooms) await this.join(socketId, room);
  }

  async join(socketId: string, room: string): Promise<void> {
    await this.holdings.joined(socketId, room);
    this.held.get(socketId)!.rooms.push(room);
  }

  /** As when the first of its sockets watches the room. */
  async watch(room: string): Promise<void> {
    await this.engine.presence.watch(room, 'nothing', () => undefined);
  }

  async disconnect(socketId: string): Promise<void> {
    this.held.delete(socketId);
    await this.holdings.leave(socketId, true);
  }

  arrived(arrival: Arrival): Promise<Receipts> | undefined {
    this.arrivals.push(arrival);
    return this.acknowledge(arrival);
  }

  tracksPositions(): boolean {
    return this.hasTrackers;
  }

  holds(socketId: string): boolean {
    return [...this.sockets()].some((entry) => entry.socketId === socketId);
  }

  takeOver(socketId: string): undefined {
    this.takenOver.push(socketId);
    return undefined;
  }

  carryOut(command: NodeCommand): Promise<number> {
    this.commands.push(command);
    return this.answerCommand(command);
  }

  async answer(question: NodeQuestion): Promise<unknown> {
    return question;
  }

  presence(change: PresenceChange): void {
    this.presenceChanges.push(change);
  }

  presenceState(state: PresenceState): void {
    this.presenceStates.push(state);
  }

  watchedRooms(): Iterable<readonly [room: string, users: readonly string[]]> {
    return this.watched;
  }

  sockets(): Iterable<SocketEntry> {
    return this.held.values();
  }

  sessionsOver(): void {}

  fenced(): void {
    this.timesFenced++;
    this.held.clear();
  }
}
