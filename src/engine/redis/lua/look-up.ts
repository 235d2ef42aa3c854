/** What can be asked of sockets; several questions are one run, and each has an answer of its own. */
export type Question =
  /** One socket. Gives its entry or `null`. */
  | readonly ['socket', id: string]
  /** A user's sockets, oldest first. Gives their entries. */
  | readonly ['user', user: string]
  /**
   * One page of the sockets of a room, or of all where it is ''. Gives how many there are, the order of the last one
   * when more follow, else `null`, and their entries.
   */
  | readonly ['sockets', room: string, after: string, limit: string]
  /** Gives how many sockets and users a room has. */
  | readonly ['room', room: string]
  /** Gives how many sockets, users and rooms there are. */
  | readonly ['counts'];
