#!lua flags=no-writes
-- The last attempts of an endpoint, newest first. `ARGV`: endpoint.
local endpoint = unpack(ARGV)
return redis.call('LRANGE', P .. 'eva:' .. endpoint, 0, -1)
