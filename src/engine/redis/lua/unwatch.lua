#!lua flags=allow-oom
-- Has a node told of a room no longer. `ARGV`: node, generation, room.
if not holds(ARGV[1], ARGV[2]) then return redis.error_reply('FENCED') end
redis.call('SREM', P .. 'rw:' .. ARGV[3], ARGV[1])
redis.call('SREM', P .. 'wn:' .. ARGV[1], ARGV[3])
return 1
