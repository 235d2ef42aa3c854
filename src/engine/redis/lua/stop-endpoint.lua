#!lua flags=allow-oom
-- Stops an endpoint, or has it go on. `ARGV`: endpoint, what it was stopped with or ''.
local endpoint, reason = unpack(ARGV)
local key = P .. 'evc:' .. endpoint
if reason == '' then return redis.call('HDEL', key, 'stopped') end
return redis.call('HSET', key, 'stopped', reason)
