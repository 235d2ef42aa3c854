/** Presence in the rooms that are watched, on all nodes, where there is more than one. [M4] */

/** A place in the one order of everything that nodes are told. */
export interface PresencePlace {
  readonly epoch: string;
  readonly seq: number;
}

/** What happened in a room that this node watches. */
export interface PresenceChange {
  readonly room: string;
  readonly at: PresencePlace;
  /** With their first socket on all nodes; those that were held for their return, with the place of the break. */
  readonly joined: readonly { readonly user: string; readonly info: unknown; readonly brokeAt?: number }[];
  /** With their last socket, on purpose. */
  readonly left: readonly string[];
  /** With a connection that broke, or with their node: they may be back. */
  readonly broken: readonly string[];
  /** Users that were there before shared state lost everything, and are not there yet: the place of their break is 0. */
  readonly held: readonly string[];
  /** Users that were held and did not come back. */
  readonly lost: readonly { readonly user: string; readonly brokeAt: number }[];
}

/** The users in a room: told before the first change of it, and when shared state had lost everything. */
export interface PresenceState {
  readonly room: string;
  readonly at: PresencePlace;
  readonly present: readonly string[];
  /** Users that this node did not know of. */
  readonly joined: readonly { readonly user: string; readonly info: unknown }[];
  /** Users that are held for their return. */
  readonly absent: readonly { readonly user: string; readonly brokeAt: number }[];
}

/** Which rooms this node is told of, through `NodeHooks.presence` and `NodeHooks.presenceState`. */
export interface SharedPresence {
  /**
   * From now on this node is told of the room, until {@link unwatch} or its end.
   *
   * @param knows `nothing` has it told who is there first; `all` when it is being told already
   * @param begin called once, between what happened before and what happens after
   * @throws SwitchboardError `engine.unavailable`, and then `begin` is not called
   */
  watch(room: string, knows: 'nothing' | 'all', begin: () => void): Promise<void>;
  unwatch(room: string): void;
}
