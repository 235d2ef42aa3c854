#!lua flags=no-writes
-- The sockets a node holds, as shared state has it. `ARGV`: node.
local node = unpack(ARGV)
return redis.call('SMEMBERS', P .. 'held:' .. node)
