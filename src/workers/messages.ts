/** What the primary and its workers tell each other. Both are of one build, so the shapes need no checking. */

/** To a worker. */
export type ToWorker =
  /** Comes with the connection; `head` is what the client has sent so far, in base64. */
  | { readonly type: 'connection'; readonly head: string }
  /** Workers that died and were started anew since the primary started. */
  | { readonly type: 'restarts'; readonly count: number };

/** From a worker. */
export type FromWorker =
  /** The worker takes connections. */
  | { readonly type: 'ready' }
  /** Sessions it holds; also when there are no others, so that one that hangs is found out by its silence. */
  | { readonly type: 'sessions'; readonly count: number };
