#!lua flags=allow-oom
-- Takes one batch of what a node holds out: of a dead one, or of one that stops by itself.
--
-- The first batch ends the node's generation, so that whatever it still writes is refused. Whoever runs the last batch
-- is told the total; everyone else is not, so that a death is counted once.
--
-- `ARGV`: node, its generation when it stops by itself or '', batch size, recovery window in ms, how long logs of
-- sessions are kept in ms.
-- Gives how many sockets it held once nothing is left, else -1; -2 when there is nothing to take.
--- @include session
--- @include registry
--- @include gather-wanted
local node, stopping, batch, windowMs, keepMs = unpack(ARGV)
batch, windowMs, keepMs = tonumber(batch), tonumber(windowMs), tonumber(keepMs)
local key = P .. 'node:' .. node
local lapses = redis.call('ZSCORE', P .. 'nodes', node)
if not lapses then return -2 end
if stopping ~= '' then
  local generation = redis.call('HGET', key, 'g')
  if generation ~= stopping and generation ~= 'dead' then return -2 end
elseif tonumber(lapses) > now() or tonumber(redis.call('HGET', STATE, 'grace') or '0') > now() then
  return -2
end
redis.call('HSET', key, 'g', 'dead')
redis.call('ZADD', P .. 'nodes', 0, node)
redis.call('DEL', P .. 'inbox:' .. node)
awayMs = windowMs
local sockets = redis.call('SPOP', P .. 'held:' .. node, batch)
for _, id in ipairs(sockets) do remove(id, 'broken', stopping == '' and 'node lost' or 'node stopped') end
local total = redis.call('HINCRBY', key, 'reaped', #sockets)
local seen = tonumber(redis.call('HGET', key, 'seen') or '') or place()
local sessions = redis.call('SPOP', P .. 'kept:' .. node, batch)
for _, id in ipairs(sessions) do detach(id, node, now() + windowMs, seen) end
local watched = redis.call('SPOP', P .. 'wn:' .. node, batch)
for _, room in ipairs(watched) do redis.call('SREM', P .. 'rw:' .. room, node) end
tellPresence(windowMs, keepMs)
if #sockets == batch or #sessions == batch or #watched == batch then return -1 end
redis.call('DEL', key)
redis.call('ZREM', P .. 'nodes', node)
if wanted and stopping == '' and isWanted('"node.lost":') then
  keep('node.lost', 'n', node, '"node":', ',"sockets":' .. total)
end
if wanted and redis.call('HDEL', P .. 'evw', node) == 1 then gatherWanted() end
return total
