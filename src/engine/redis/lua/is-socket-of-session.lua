#!lua flags=no-writes
-- Whether a socket ID is that of a session. `ARGV`: the ID.
local socketId = unpack(ARGV)
return redis.call('EXISTS', P .. 'ss:' .. socketId)
