#!lua flags=no-writes
-- The sockets a node holds, as shared state has it. `ARGV`: node.
return redis.call('SMEMBERS', P .. 'held:' .. ARGV[1])
