/** One change of a session, which goes by the hash of its ID. Those of a turn are one run, in order. */
export type SessionChange =
  /**
   * `known` is the place up to which the node had read when the session began: no cursor of it is older. `again` when it
   * is written once more because Redis may not know all of it: without a cursor, nobody knows then what was missed.
   */
  | readonly [
      'open',
      id: string,
      socketId: string,
      user: string,
      namespace: string,
      token: string,
      known: number,
      again: 0 | 1,
      data?: string,
    ]
  | readonly ['renewed', id: string, token: string]
  /** With the app's data where that has changed; an empty text is none. */
  | readonly ['joined', id: string, room: string, how: string, data?: string]
  | readonly ['left', id: string, room: string]
  /** The node has its socket: what Redis finds it by when the node dies is there again, if it was lost. */
  | readonly ['check', id: string]
  | readonly ['detach', id: string, data?: string]
  | readonly ['close', id: string]
  /** Takes a claim back, which the token of its mark names: it may not have come to anything. */
  | readonly ['release', id: string, token: string]
  | readonly ['closeOf', kind: 'user' | 'socket', name: string]
  | readonly ['leaveOf', kind: 'user' | 'socket', name: string, room: string];

const FREEING: ReadonlySet<SessionChange[0]> = new Set(['left', 'close', 'closeOf', 'leaveOf', 'release']);

/** Whether a full Redis takes a change, because it frees memory: who is shut out has no session then. [A8] */
export const freesMemory = ([kind]: SessionChange): boolean => FREEING.has(kind);
