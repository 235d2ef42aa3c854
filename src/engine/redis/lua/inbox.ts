/** What a node has been told and not read: entries with their ID, and since when its inbox is the one it is. */
export type ReadReply = readonly [
  beginning: string,
  entries: readonly (readonly [id: string, fields: readonly ['d', text: string]])[],
  more: 0 | 1,
];
