/**
 * One change of the registry by the node that holds the socket. Those of a turn are one run.
 *
 * `enter` counts the user's sockets and puts the entry in, in one step, so that two nodes cannot both let the last one
 * in; 0 for no limit. `hold` writes again what a node holds, unless another node has taken it over.
 */
export type Change =
  | readonly ['enter', id: string, ...EntryFields, max: number]
  | readonly ['hold', id: string, ...EntryFields, rooms: readonly string[]]
  | readonly ['transport', id: string, transport: string]
  | readonly ['leave', id: string, how: 'left' | 'broken', reason?: string]
  | readonly ['join' | 'part', id: string, room: string];

/**
 * The transport is one letter. Entry and info are JSON text, the entry a list without its brackets: Lua cannot tell an
 * empty list from an empty object.
 */
export type EntryFields = readonly [
  user: string,
  namespace: string,
  transport: string,
  entry: string,
  info: string,
];
