import type { SocketState } from '../../sockets/socket-state.js';

/** The rooms that are watched, who is in them and what their watchers are told: of this node alone, or of all nodes. */
export interface RoomWatching {
  /** How many users are held for their return, counted per room. */
  readonly heldCount: number;
  /** How many rooms have changes that their watchers were not told yet. */
  readonly untoldCount: number;
  /**
   * A socket that is in the room gets its presence events from now on.
   *
   * @param mayWatch asked in the turn in which it begins, after every wait [A7]
   * @throws SwitchboardError `engine.unavailable` when other nodes cannot be heard
   */
  watch(state: SocketState, room: string, mayWatch: () => boolean): Promise<void> | void;
  /** A socket that watches was told who is there, without those who are held for their return. */
  listed(state: SocketState, room: string): Promise<void> | void;
  /** A socket watches the room no longer. */
  unwatched(state: SocketState, room: string): void;
  /** A socket has come into a room; counted already. */
  joined(state: SocketState, room: string): void;
  /** A socket has left a room on purpose. */
  left(state: SocketState, room: string): void;
  /** A socket has ended, for a reason. */
  ended(state: SocketState, reason: string): void;
}
