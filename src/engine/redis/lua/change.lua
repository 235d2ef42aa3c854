#!lua
-- Runs changes in order. `ARGV`: node, generation, changes as JSON, how long users are held in ms, how long logs of
-- sessions are kept in ms. Gives how many runs of this node there have been, and 1 per change, or 0 for one refused.
--- @include registry
local node, generation, changes, holdMs, keepMs = unpack(ARGV)
holdMs, keepMs = tonumber(holdMs), tonumber(keepMs)
awayMs = holdMs
if not holds(node, generation) then return redis.error_reply('FENCED') end
local function holder(id) return redis.call('HGET', P .. 's:' .. id, 'n') end
local run = {}
function run.enter(id, user, namespace, transport, entry, info, max)
  local isKnown = redis.call('ZSCORE', P .. 'u:' .. user, id)
  local others = redis.call('ZCARD', P .. 'u:' .. user) - (isKnown and 1 or 0)
  if max > 0 and others >= max then return 0 end
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
return { redis.call('HINCRBY', P .. 'node:' .. node, 'w', '1'), results }
