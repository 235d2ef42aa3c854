#!lua flags=allow-oom
-- Has a node told of a room no longer. `ARGV`: node, generation, room.
local node, generation, room = unpack(ARGV)
if not holds(node, generation) then return redis.error_reply('FENCED') end
redis.call('SREM', P .. 'rw:' .. room, node)
redis.call('SREM', P .. 'wn:' .. node, room)
return 1
