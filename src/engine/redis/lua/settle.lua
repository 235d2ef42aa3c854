#!lua
-- Keeps the response. `ARGV`: key, fingerprint, owner, how long it is remembered in ms, response.
local request, fingerprint, owner, keepMs, response = unpack(ARGV)
local key = P .. 'idem:' .. request
local knownOwner = redis.call('HGET', key, 'o')
if knownOwner and knownOwner ~= owner then return 0 end
redis.call('HSET', key, 'f', fingerprint, 'o', owner, 'r', response)
redis.call('PEXPIRE', key, keepMs)
return 1
