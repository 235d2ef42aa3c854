#!lua
-- Asks whose turn a request is. `ARGV`: key, fingerprint, owner, how long it is remembered in ms.
-- Gives `first`, `waiting`, `conflict`, or `repeated` and the response.
local key = P .. 'idem:' .. ARGV[1]
local of = redis.call('HMGET', key, 'f', 'r', 'o')
if not of[1] then
  redis.call('HSET', key, 'f', ARGV[2], 'o', ARGV[3])
  redis.call('PEXPIRE', key, ARGV[4])
  return { 'first' }
end
if of[1] ~= ARGV[2] then return { 'conflict' } end
if of[2] then return { 'repeated', of[2] } end
return { of[3] == ARGV[3] and 'first' or 'waiting' }
