import type {
  MemberEntry,
  NodeEntry,
  Page,
  RoomEntry,
  SocketEntry,
  Stats,
  UserCount,
  UserEntry,
} from '../../protocol/entries.js';
import { SwitchboardError } from '../../protocol/errors.js';
import type { PageRequest } from '../../protocol/paging.js';
import type { SocketFilter } from '../../registry/local-registry.js';
import { SocketRegistry } from '../../registry/socket-registry.js';
import type { RemoteCommands } from './remote-commands.js';

/** The registry of another service: answers by asking a gateway. [N2] */
export class RemoteRegistry extends SocketRegistry {
  constructor(private readonly commands: RemoteCommands) {
    super();
  }

  async getSocket(socketId: string): Promise<SocketEntry | undefined> {
    try {
      return await this.commands.run('socket', { socketId });
    } catch (failure) {
      if (failure instanceof SwitchboardError && failure.code === 'socket.not_found') return undefined;
      throw failure;
    }
  }

  getSockets(filter: SocketFilter & PageRequest = {}): Promise<Page<SocketEntry>> {
    return this.commands.run('sockets', filter);
  }

  getUser(user: string): Promise<UserEntry> {
    return this.commands.run('user', { user });
  }

  getUsers(request: PageRequest = {}): Promise<Page<UserCount>> {
    return this.commands.run('users', request);
  }

  getRoom(room: string): Promise<RoomEntry> {
    return this.commands.run('room', { room });
  }

  getRooms(request: PageRequest & { prefix?: string } = {}): Promise<Page<RoomEntry>> {
    return this.commands.run('rooms', request);
  }

  getMembers(room: string, request: PageRequest = {}): Promise<Page<MemberEntry>> {
    return this.commands.run('members', { ...request, room });
  }

  async getNodes(): Promise<NodeEntry[]> {
    return (await this.commands.run('nodes', {})).items;
  }

  getStats(): Promise<Stats> {
    return this.commands.run('stats', {});
  }
}
