#!lua flags=allow-oom
-- Stops an endpoint, or has it go on. `ARGV`: endpoint, what it was stopped with or ''.
local key = P .. 'evc:' .. ARGV[1]
if ARGV[2] == '' then return redis.call('HDEL', key, 'stopped') end
return redis.call('HSET', key, 'stopped', ARGV[2])
