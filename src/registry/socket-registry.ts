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
import { throwError, type Observable } from 'rxjs';
import type { RegistryChange } from './registry-changes.js';
import type { SocketFilter } from './local-registry.js';

/**
 * Who is connected: sockets, users, rooms and members.
 *
 * Inject it anywhere in an app that imports `SwitchboardModule`. Every answer is current when the promise is made: a
 * socket is found as soon as its client saw `connect`, and no longer once its `disconnect` was handled. A look-up
 * costs what it returns, not what exists. Lists come in pages of at most 1,000; a socket that is present during the
 * whole walk is returned exactly once.
 *
 * With several nodes the answers cover all of them and come from the shared state; no node asks another. [R4]
 *
 * Errors: `payload.invalid` for a limit or cursor out of bounds, `engine.unavailable` when the shared state is gone. Unknown names are not errors: an unknown user is
 * offline, an unknown room is empty, an unknown socket is `undefined`.
 *
 * The class says what can be asked. `SwitchboardModule` provides the one that answers from the gateway in this process,
 * `SwitchboardClientModule` of `switchboard-gateway/client` the one that asks a gateway by messages. [N2]
 *
 * @see R1 R2 R3 L3
 */
export abstract class SocketRegistry {
  /** The entry of a connected socket, or `undefined`. O(1). */
  abstract getSocket(socketId: string): Promise<SocketEntry | undefined>;

  /** The rooms a socket is in, without its own and its user's; empty when it is not connected. */
  async getRoomsOfSocket(socketId: string): Promise<string[]> {
    return (await this.getSocket(socketId))?.rooms ?? [];
  }

  /** One page of sockets: all, those of a user, those in a room, or those of a user in a room. */
  abstract getSockets(filter?: SocketFilter & PageRequest): Promise<Page<SocketEntry>>;

  /** A user with all its sockets and their rooms; `online: false` and empty lists when there are none. */
  abstract getUser(user: string): Promise<UserEntry>;

  /** One page of online users with the number of their sockets. */
  abstract getUsers(request?: PageRequest): Promise<Page<UserCount>>;

  /** A room's counts; zeros when nobody is in it. O(1). */
  abstract getRoom(room: string): Promise<RoomEntry>;

  /** One page of rooms in the order of their names, optionally only those that start with `prefix`. */
  abstract getRooms(request?: PageRequest & { prefix?: string }): Promise<Page<RoomEntry>>;

  /** One page of the users in a room; a user with three sockets there is one member with `sockets: 3`. [M5] */
  abstract getMembers(room: string, request?: PageRequest): Promise<Page<MemberEntry>>;

  /** The gateway processes. */
  abstract getNodes(): Promise<NodeEntry[]>;

  /** Totals. O(1). */
  abstract getStats(): Promise<Stats>;

  /**
   * What changes: users of all nodes, sockets and rooms of this node.
   *
   * Every node on which somebody has subscribed hears each change of a user once, in the order of that user; with one
   * subscriber in the whole deployment, one node does. What happens while shared state is gone, or while this node was
   * taken for dead, is not told: an app that must miss nothing takes webhooks, which are kept. Methods with
   * `@OnSwitchboard` are contained; an exception of a subscriber is its own affair. Outside of the gateway's processes it
   * ends with an error at once.
   * @see N7
   */
  get changes(): Observable<RegistryChange> {
    return throwError(() => new Error('changes are told in the processes of the gateway only'));
  }
}
