#!lua
-- Runs changes in order. `ARGV`: node, generation, changes as JSON, how long users are held in ms, how long logs of
-- sessions are kept in ms, and when the changes were made, in ms since 1970, where that is said. Gives how many runs of
-- this node there have been, 1 per change, or 0 for one refused, and 1 if events are written of changes.
--- @include registry
local node, generation, changes, holdMs, keepMs, at = unpack(ARGV)
holdMs, keepMs = tonumber(holdMs), tonumber(keepMs)
awayMs, happenedAt = holdMs, at
if not holds(node, generation) then return redis.error_reply('FENCED') end
local function holder(id) return redis.call('HGET', P .. 's:' .. id, 'n') end
local run = {}
function run.enter(id, user, namespace, transport, entry, info, max)
  if max > 0 then
    local beyond = redis.call('ZCARD', P .. 'u:' .. user) - max
    if beyond > 0 or (beyond == 0 and not redis.call('ZSCORE', P .. 'u:' .. user, id)) then return 0 end
  end
  remove(id, 'broken', 'taken over')
  insert(node, id, user, namespace, transport, entry, info)
end
function run.hold(id, user, namespace, transport, entry, info, rooms)
  local held = holder(id)
  if held and held ~= node then return 0 end
  if not held then insert(node, id, user, namespace, transport, entry, info) end
  -- Where Redis was damaged this may be lost alone: with the node's death nobody would take the socket out.
  redis.call('SADD', P .. 'held:' .. node, id)
  setTransport(id, transport)
  local isIn = {}
  for _, room in ipairs(rooms) do
    isIn[room] = true
    join(id, room)
  end
  for _, room in ipairs(roomsOf(id)) do
    if not isIn[room] then part(id, room, 'left') end
  end
end
function run.transport(id, transport)
  if holder(id) == node then setTransport(id, transport) end
end
function run.leave(id, how, reason)
  if holder(id) == node then remove(id, how, reason) end
end
function run.join(id, room)
  if holder(id) == node then join(id, room) end
end
function run.part(id, room)
  if holder(id) == node then part(id, room, 'left') end
end
local results = {}
for index, change in ipairs(cjson.decode(changes)) do
  local result = run[change[1]](unpack(change, 2))
  results[index] = result or 1
end
tellPresence(holdMs, keepMs)
return { redis.call('HINCRBY', P .. 'node:' .. node, 'w', '1'), results, wanted and 1 }
