#!lua
-- Asks whose turn a request is. `ARGV`: key, fingerprint, owner, how long it is remembered in ms.
-- Gives `first`, `waiting`, `conflict`, or `repeated` and the response.
local request, fingerprint, owner, keepMs = unpack(ARGV)
local key = P .. 'idem:' .. request
local knownFingerprint, response, knownOwner = unpack(redis.call('HMGET', key, 'f', 'r', 'o'))
if not knownFingerprint then
  redis.call('HSET', key, 'f', fingerprint, 'o', owner)
  redis.call('PEXPIRE', key, keepMs)
  return { 'first' }
end
if knownFingerprint ~= fingerprint then return { 'conflict' } end
if response then return { 'repeated', response } end
return { knownOwner == owner and 'first' or 'waiting' }
