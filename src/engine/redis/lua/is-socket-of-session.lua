#!lua flags=no-writes
-- Whether a socket ID is that of a session. `ARGV`: the ID.
return redis.call('EXISTS', P .. 'ss:' .. ARGV[1])
