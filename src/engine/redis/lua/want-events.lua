#!lua flags=allow-oom
-- Says what a node wants, before it writes what it holds. An endpoint that was not there before begins behind the last
-- event; contents that are new begin with `gateway.started`.
--
-- `ARGV`: node, generation, what it wants as JSON or '', its endpoints as JSON.
--- @include state
--- @include outbox
--- @include gather-wanted
--- @include partitions
local node, generation, wants, endpoints = unpack(ARGV)
if not holds(node, generation) then return redis.error_reply('FENCED') end
if wants == '' then redis.call('HDEL', P .. 'evw', node) else redis.call('HSET', P .. 'evw', node, wants) end
gatherWanted()
local names = cjson.decode(endpoints)
local seconds, micros = unpack(redis.call('TIME'))
for _, name in ipairs(names) do
  if redis.call('EXISTS', P .. 'evc:' .. name) == 0 then
    redis.call('HSET', P .. 'evc:' .. name, 'since', seconds .. string.sub('00000' .. micros, -6, -4))
  end
  for _, partition in ipairs(PARTITIONS) do
    redis.call('HSETNX', P .. 'evc:' .. name, partition, lastOf(partition))
  end
end
if #names > 0 and redis.call('HGET', P .. 'evo', 'epoch') ~= EPOCH then
  redis.call('HSET', P .. 'evo', 'epoch', EPOCH)
  keep('gateway.started', KEY_OF_GATEWAY, '', '', '')
end
return 1
