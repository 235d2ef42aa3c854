/** Who is connected on all nodes, where there is more than one. [R4] */
import type { MemberEntry, Page, RoomEntry, SocketEntry, UserCount, UserEntry } from '../protocol/entries.js';
import type { Answer } from './log.js';

/** One page of a list: at most 1,000 items after an opaque cursor. [R3] */
export interface SharedPageRequest {
  readonly limit?: number;
  readonly cursor?: string;
}

/**
 * What this node holds, made known to all. Every change is made under this node's lease, so that it is gone when the
 * node is.
 */
export interface RegistryWriter {
  /**
   * Puts a socket in before its client sees `connect`. [L3]
   * @throws SwitchboardError `limit.sockets` when its user has as many as it may have on all nodes
   */
  enter(socket: SocketEntry, maxSocketsPerUser: number): Promise<void>;
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

/** Answers of the registry of all nodes. A look-up costs what it returns and asks no other node. */
export interface RegistryReader {
  socket(socketId: string): Promise<SocketEntry | undefined>;
  sockets(filter: { user?: string; room?: string }, request: SharedPageRequest): Promise<Page<SocketEntry>>;
  user(user: string): Promise<UserEntry>;
  users(request: SharedPageRequest): Promise<Page<UserCount>>;
  room(room: string): Promise<RoomEntry>;
  rooms(prefix: string, request: SharedPageRequest): Promise<Page<RoomEntry>>;
  members(room: string, request: SharedPageRequest): Promise<Page<MemberEntry>>;
  /**
   * The first page of them, for whoever is told of changes as well.
   *
   * @param listed called once the node has been told of all that the list shows, and of nothing else; waited for
   */
  firstMembers(
    room: string,
    limit: number | undefined,
    listed: () => Promise<void> | void,
  ): Promise<Page<MemberEntry>>;
  counts(): Promise<{ sockets: number; users: number; rooms: number }>;
}
