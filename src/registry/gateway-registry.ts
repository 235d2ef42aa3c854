import { Injectable } from '@nestjs/common';
import { Engine } from '../engine/engine.js';
import type { RegistryReader } from '../engine/registry.js';
import type { PageRequest } from '../protocol/paging.js';
import type {
  MemberEntry,
  NodeEntry,
  Page,
  RoomEntry,
  SocketEntry,
  Stats,
  UserCount,
  UserEntry,
} from '../protocol/entries.js';
import type { Observable } from 'rxjs';
import { RegistryChanges, type RegistryChange } from './registry-changes.js';
import { LocalRegistry, type SocketFilter } from './local-registry.js';
import { SocketRegistry } from './socket-registry.js';

/** The registry of a gateway in this process: it asks the shared state, and no other node. [R4] */
@Injectable()
export class GatewayRegistry extends SocketRegistry {
  constructor(
    private readonly local: LocalRegistry,
    private readonly engine: Engine,
    private readonly happened: RegistryChanges,
  ) {
    super();
  }

  override get changes(): Observable<RegistryChange> {
    return this.happened.all;
  }

  async getSocket(socketId: string): Promise<SocketEntry | undefined> {
    return this.answers.socket(socketId);
  }

  async getSockets(filter: SocketFilter & PageRequest = {}): Promise<Page<SocketEntry>> {
    return this.answers.sockets(filter, filter);
  }

  async getUser(user: string): Promise<UserEntry> {
    return this.answers.user(user);
  }

  async getUsers(request: PageRequest = {}): Promise<Page<UserCount>> {
    return this.answers.users(request);
  }

  async getRoom(room: string): Promise<RoomEntry> {
    return this.answers.room(room);
  }

  async getRooms(request: PageRequest & { prefix?: string } = {}): Promise<Page<RoomEntry>> {
    return this.answers.rooms(request.prefix ?? '', request);
  }

  async getMembers(room: string, request: PageRequest = {}): Promise<Page<MemberEntry>> {
    return this.answers.members(room, request);
  }

  async getNodes(): Promise<NodeEntry[]> {
    return this.engine.nodes(this.local.socketCount);
  }

  async getStats(): Promise<Stats> {
    const [counts, nodes] = await Promise.all([this.answers.counts(), this.getNodes()]);
    return { ...counts, nodes: nodes.length };
  }

  private get answers(): RegistryReader {
    return this.engine.registry;
  }
}
