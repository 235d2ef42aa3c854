import { script } from './script.js';

/** What the script is told of a command; the command itself goes beside it, as JSON. */
export type CommandOrder = readonly [
  mark: typeof COMMAND_MARK,
  /** Whose sockets it is for. */
  kind: 'user' | 'socket' | 'all',
  name: string,
  /** Under which the nodes answer. */
  call: string,
];

/** Stands where a publication has its ID. */
export const COMMAND_MARK = '!';

/** Tells the other nodes that hold sockets of a subject what to do, and gives the nodes that it told. */
export const COMMAND_LUA = String.raw`
local function command(me, kind, name, call, text)
local nodes = {}
if kind == 'all' then
  for _, node in ipairs(redis.call('ZRANGE', P .. 'nodes', 0, -1)) do nodes[node] = true end
else
  local sockets = kind == 'socket' and { name } or redis.call('ZRANGE', P .. 'u:' .. name, 0, -1)
  for _, id in ipairs(sockets) do
    local node = redis.call('HGET', P .. 's:' .. id, 'n')
    if node then nodes[node] = true end
  end
end
local told = {}
for node in pairs(nodes) do
  if node ~= me and tell(node, 'command', 'f', me, 'i', call, 'd', text) then table.insert(told, node) end
end
return told
end
`;

/**
 * Commands without a publication among them, which a Redis that is full takes too: that is when somebody has to be sent
 * away. [A8]
 *
 * `ARGV`: node, generation, orders as JSON, then the commands. Gives the nodes that each was told to.
 */
export const COMMANDS = script(
  'commands',
  [
    COMMAND_LUA,
    String.raw`
local me = ARGV[1]
if not holds(me, ARGV[2]) then return redis.error_reply('FENCED') end
local replies = {}
for index, order in ipairs(cjson.decode(ARGV[3])) do
  replies[index] = command(me, order[2], order[3], order[4], ARGV[3 + index])
end
return replies
`,
  ],
  'allow-oom',
);

/** Answers another node. `ARGV`: that node, the ID of its call, the node that answers, the answer as JSON. */
export const REPLY = script(
  'reply',
  [
    String.raw`
return tell(ARGV[1], 'reply', 'i', ARGV[2], 'f', ARGV[3], 'd', ARGV[4]) and 1 or 0
`,
  ],
  'allow-oom',
);
