#!lua flags=allow-oom
-- Takes partitions up to the node's share, and says where everything stands. One whose owner is dead is nobody's. Drops
-- events that are too old, when asked to.
--
-- `ARGV`: node, generation, endpoints as JSON, whether to take any, whether to drop.
--- @include state
--- @include partitions
local node, generation, names, isTaking, isDropping = unpack(ARGV)
isTaking, isDropping = isTaking == '1', isDropping == '1'
if not holds(node, generation) then return redis.error_reply('FENCED') end
local senders, alive = 0, {}
local wants = redis.call('HGETALL', P .. 'evw')
for index = 1, #wants, 2 do
  alive[wants[index]] = isAlive(wants[index])
  if alive[wants[index]] and string.find(wants[index + 1], '"s":true', 1, true) then senders = senders + 1 end
end
local share = math.ceil(16 / math.max(senders, 1))
local owner, owned = redis.call('HMGET', P .. 'evo', unpack(PARTITIONS)), 0
for index = 1, 16 do
  if owner[index] == node then owned = owned + 1 end
end
local mine, last = {}, {}
for index = 1, 16 do
  local partition = PARTITIONS[index]
  if isTaking and owner[index] ~= node and owned < share and not (owner[index] and alive[owner[index]]) then
    redis.call('HSET', P .. 'evo', partition, node)
    owner[index], owned = node, owned + 1
  end
  if owner[index] == node then table.insert(mine, index - 1) end
  last[index] = lastOf(partition)
end
if isDropping then
  for _, place in ipairs(mine) do
    local key = P .. 'ev:' .. PARTITIONS[place + 1]
    for _ = 1, 20 do
      local page = redis.call('XRANGE', key, '-', '+', 'COUNT', 101)
      local old
      for index = 1, #page - 1 do
        if atOf(page[index]) < now() - KEEP_EVENTS_MS then old = page[index + 1][1] else break end
      end
      if not old then break end
      redis.call('XTRIM', key, 'MINID', old)
    end
  end
end
local endpoints = {}
for _, name in ipairs(cjson.decode(names)) do
  local of = redis.call('HMGET', P .. 'evc:' .. name, 'r', 'stopped', 'since', unpack(PARTITIONS))
  local delivered = {}
  for index = 1, 16 do delivered[index] = tonumber(of[index + 3] or '0') end
  local replays, stoppedAs, tellsSince = unpack(of, 1, 3)
  table.insert(endpoints, { delivered, tonumber(replays or '0'), stoppedAs or '', tonumber(tellsSince or '0') })
end
return { EPOCH, share, mine, last, endpoints, msLeft(node) }
