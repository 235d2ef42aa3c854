/** What all nodes keep of connections that have ended. [X1] */

/** An ended episode, in the words of the recorder. */
export interface StoredEpisode {
  readonly user: string | null;
  /** The user that a refused client claimed to be: anybody may claim that, so that only a few are kept of each. */
  readonly claimedUser: string | null;
  readonly address: string;
  readonly socketId: string | null;
  readonly text: string;
}

/** By whom episodes are looked up. */
export type FlightSubject = readonly [kind: 'user' | 'address' | 'socket', name: string];

/** Ended episodes of all nodes, for 24 hours, the newest of each user and address. */
export interface SharedFlights {
  /**
   * @param maxBytes of all texts together; the oldest go
   * @throws SwitchboardError `engine.unavailable`
   */
  write(episodes: readonly StoredEpisode[], maxBytes: number): Promise<void>;
  /** Their texts, newest first. */
  read(subject: FlightSubject): Promise<string[]>;
}
