import { script } from './script.js';

/** What a node has been told and not read: entries with their ID, and since when its inbox is the one it is. */
export type ReadReply = readonly [
  beginning: string,
  entries: readonly (readonly [id: string, fields: readonly ['d', text: string]])[],
];

/** Reads a node's inbox. `ARGV`: node, the ID after which to read, how many entries at most. */
export const READ_INBOX = script(
  'readInbox',
  [
    String.raw`
local entries = redis.call('XRANGE', P .. 'inbox:' .. ARGV[1], '(' .. ARGV[2], '+', 'COUNT', ARGV[3])
return { redis.call('HGET', P .. 'node:' .. ARGV[1], 'from') or '', entries }
`,
  ],
  'no-writes',
);
