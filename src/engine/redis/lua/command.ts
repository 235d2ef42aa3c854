import { script } from './script.js';

/**
 * Tells the other nodes that hold sockets of a subject what to do. `ARGV`: node, generation, `user`, `socket` or `all`,
 * its name, the ID of the call, the command as JSON. Gives the nodes it told.
 */
export const COMMAND = script('command', [
  String.raw`
local me, kind, name = ARGV[1], ARGV[3], ARGV[4]
if not holds(me, ARGV[2]) then return redis.error_reply('FENCED') end
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
  if node ~= me and tell(node, 'command', 'f', me, 'i', ARGV[5], 'd', ARGV[6]) then table.insert(told, node) end
end
return told
`,
]);

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
