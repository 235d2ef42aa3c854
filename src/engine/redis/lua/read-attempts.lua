#!lua flags=no-writes
-- The last attempts of an endpoint, newest first. `ARGV`: endpoint.
return redis.call('LRANGE', P .. 'eva:' .. ARGV[1], 0, -1)
