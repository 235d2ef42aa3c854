import { randomBytes } from 'node:crypto';
import type { WebhookEvent } from '../../config/webhook-rules.js';
import type { SocketEntry } from '../../protocol/entries.js';
import type { Publication } from '../../protocol/publication.js';
import {
  ATTEMPTS_KEPT,
  fitsPattern,
  KEY_OF_GATEWAY,
  keyOfRoom,
  PARTITIONS,
  type AttemptRecord,
  type Delivered,
  type Outbox,
  type OutboxEvent,
  type OutboxState,
  type RegistryFollower,
  type UserEvent,
  type WantedEvents,
} from '../outbox.js';
import { publicationEvent } from '../wanted-events.js';
import type { Deadlines } from '../../timers/deadlines.js';
import { EventLog } from './event-log.js';
import { FollowedRegistry, type WriteEvent } from './followed-registry.js';

const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition);

interface Endpoint {
  delivered: number[];
  replays: number;
  stoppedAs: string | undefined;
  /** All endpoints are there from the beginning. */
  readonly tellsSince: 0;
  /** Newest last. */
  attempts: string[];
}

/** Events of this process, which die with it: `gateway.started` in the next one tells receivers to start anew. [W5] */
export class MemoryOutbox implements Outbox {
  private readonly log: EventLog;
  private readonly endpoints = new Map<string, Endpoint>();
  private readonly listeners = new Set<(event: UserEvent) => void>();
  private following: FollowedRegistry | undefined;

  constructor(
    private readonly wanted: WantedEvents,
    private readonly deadlines: Deadlines,
    private readonly holdMs: number,
    /** The sockets that are there when somebody begins to listen. */
    private readonly sockets: () => Iterable<SocketEntry> = () => [],
  ) {
    this.log = new EventLog(randomBytes(5).toString('hex'), () => Date.now());
    for (const name of wanted.endpoints) this.endpointOf(name);
    if (wanted.endpoints.length > 0) {
      this.log.write('gateway.started', KEY_OF_GATEWAY, {});
      this.follow();
    }
  }

  get follower(): RegistryFollower | undefined {
    return this.following;
  }

  hear(listener: (event: UserEvent) => void): () => void {
    this.listeners.add(listener);
    this.follow();
    return () => void this.listeners.delete(listener);
  }

  /** Writes an event for each wanted room that a publication is for. */
  published(publication: Publication): void {
    const tells = publicationEvent(this.wanted, publication);
    if (tells === undefined) return;
    const bytes = JSON.stringify(tells.data).length;
    for (const room of tells.rooms) {
      this.log.write('publication', keyOfRoom(room), { room, ...tells.data }, bytes);
    }
  }

  async claim(endpoints: readonly string[]): Promise<OutboxState> {
    return this.state(endpoints);
  }

  async state(endpoints: readonly string[]): Promise<OutboxState> {
    const { epoch, last } = this.log;
    const states = endpoints.map((name) => this.endpointOf(name));
    return {
      epoch,
      ownedForMs: Infinity,
      owned: ALL,
      share: PARTITIONS,
      last,
      endpoints: states.map((each) => ({ ...each })),
    };
  }

  async release(): Promise<void> {
    // There is no other node.
  }

  async read(partition: number, after: number, limit: number): Promise<OutboxEvent[]> {
    return this.log.after(partition, after, limit);
  }

  async commit(delivered: readonly Delivered[], attempts: readonly AttemptRecord[]): Promise<boolean[]> {
    for (const { endpoint, text } of attempts) {
      const { attempts: kept } = this.endpointOf(endpoint);
      kept.push(text);
      if (kept.length > ATTEMPTS_KEPT) kept.shift();
    }
    return delivered.map(({ endpoint, epoch, partition, seq, replays }) => {
      const state = this.endpointOf(endpoint);
      if (state.replays !== replays || epoch !== this.log.epoch) return false;
      state.delivered = state.delivered.with(partition, seq);
      return true;
    });
  }

  async stop(endpoint: string, as: string | undefined): Promise<void> {
    this.endpointOf(endpoint).stoppedAs = as;
  }

  async replay(endpoint: string, sinceMs: number): Promise<number> {
    const state = this.endpointOf(endpoint);
    const before = state.delivered;
    state.delivered = before.map((seq, partition) => Math.min(seq, this.log.placeBefore(partition, sinceMs)));
    state.replays++;
    return before.reduce((sum, seq, partition) => sum + seq - state.delivered[partition]!, 0);
  }

  async attempts(endpoint: string): Promise<string[]> {
    return this.endpointOf(endpoint).attempts.toReversed();
  }

  async find(key: string, limit: number): Promise<OutboxEvent[]> {
    return this.log.newestOf(key, limit);
  }

  async oldest(after: readonly number[]): Promise<(number | undefined)[]> {
    return after.map((seq, partition) => this.log.after(partition, seq, 1)[0]?.at);
  }

  private follow(): void {
    if (this.following !== undefined) return;
    let isKnown = false;
    const write = (...event: Parameters<WriteEvent>): void => {
      if (isKnown) this.happened(...event);
    };
    this.following = new FollowedRegistry(this.wanted, this.deadlines, this.holdMs, write);
    for (const socket of this.sockets()) {
      this.following.entered(socket);
      for (const room of socket.rooms) this.following.joined(socket.socketId, room);
    }
    isKnown = true;
  }

  private happened(type: WebhookEvent, key: string, data: OutboxEvent['data']): void {
    const patterns = this.wanted.events[type];
    const isTold = type === 'user.online' || type === 'user.offline';
    const isWanted = patterns !== undefined && (!key.startsWith('r') || fitsPattern(patterns, key.slice(1)));
    if (!isWanted && !(isTold && this.listeners.size > 0)) return;
    const event = this.log.write(type, key, data);
    if (isTold) for (const listener of this.listeners) listener(event as UserEvent);
  }

  private endpointOf(name: string): Endpoint {
    let endpoint = this.endpoints.get(name);
    if (endpoint === undefined) {
      endpoint = {
        delivered: ALL.map(() => 0),
        replays: 0,
        stoppedAs: undefined,
        tellsSince: 0,
        attempts: [],
      };
      this.endpoints.set(name, endpoint);
    }
    return endpoint;
  }
}
