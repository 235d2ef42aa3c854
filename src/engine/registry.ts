/** The registry: who is connected on all nodes. [R4] */
import type { MemberEntry, Page, RoomEntry, SocketEntry, UserCount, UserEntry } from '../protocol/entries.js';
import type { PageRequest } from '../protocol/paging.js';
import type { Answer } from './log.js';

/**
 * What this node holds, made known to all. Every change is made under this node's lease, so that it is gone when the
 * node is. Where this process is the only one its own maps have it already, and those that want events are told.
 */
export interface RegistryWriter {
  /**
   * Puts a socket in before its client sees `connect`. [L3]
   * @param entry asked for only where it is written
   * @throws SwitchboardError `limit.sockets` when its user has as many as it may have on all nodes; those of one node are
   * counted before
   */
  enter(socketId: string, entry: () => SocketEntry, maxSocketsPerUser: number): Answer<void>;
  /**
   * Its client has seen `connect`: from now on it is one of `NodeHooks.sockets()`. Puts it in if {@link enter} could not,
   * or if shared state has lost it meanwhile.
   */
  connected(socketId: string, entry: () => SocketEntry): void;
  /** Its transport has changed. */
  upgraded(socketId: string, transport: SocketEntry['transport']): void;
  /**
   * @param comesBack whether its connection broke, so that its client may be back: see `the seam of presence`
   * @param reason why it ended, for whoever is told of it
   */
  leave(socketId: string, comesBack: boolean, reason?: string): Answer<void>;
  joined(socketId: string, room: string): Answer<void>;
  parted(socketId: string, room: string): Answer<void>;
}

/**
 * Answers of the registry of all nodes. A look-up costs what it returns and asks no other node.
 *
 * Errors: `payload.invalid` for a limit or cursor out of bounds, `engine.unavailable`.
 */
export interface RegistryReader {
  socket(socketId: string): Answer<SocketEntry | undefined>;
  /** Both given means of the user and in the room. */
  sockets(filter: { user?: string; room?: string }, request: PageRequest): Answer<Page<SocketEntry>>;
  user(user: string): Answer<UserEntry>;
  users(request: PageRequest): Answer<Page<UserCount>>;
  room(room: string): Answer<RoomEntry>;
  /** In the order of their names. */
  rooms(prefix: string, request: PageRequest): Answer<Page<RoomEntry>>;
  members(room: string, request: PageRequest): Answer<Page<MemberEntry>>;
  /**
   * The first page of them, for whoever is told of changes as well.
   *
   * @param listed called once the node has been told of all that the list shows, and of nothing else; waited for
   */
  firstMembers(
    room: string,
    limit: number | undefined,
    listed: () => Promise<void> | void,
  ): Answer<Page<MemberEntry>>;
  counts(): Answer<{ sockets: number; users: number; rooms: number }>;
}

/**
 * The token of what this node itself holds, as the registry of a process that is the only one: the memory engine keeps
 * nothing of it a second time.
 */
export const HELD_HERE = Symbol('HELD_HERE');
