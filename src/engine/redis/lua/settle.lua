#!lua
-- Keeps the response. `ARGV`: key, fingerprint, owner, how long it is remembered in ms, response.
local key = P .. 'idem:' .. ARGV[1]
local owner = redis.call('HGET', key, 'o')
if owner and owner ~= ARGV[3] then return 0 end
redis.call('HSET', key, 'f', ARGV[2], 'o', ARGV[3], 'r', ARGV[5])
redis.call('PEXPIRE', key, ARGV[4])
return 1
