-- Sessions, for the scripts that change them, with those of logs. A session wants the logs of its socket, its
-- user, everyone and its rooms.
--- @include log
local function want(part)
  known(part)
  local meta = P .. 'meta:' .. part
  redis.call('HINCRBY', meta, 'w', 1)
  redis.call('PERSIST', meta)
end
local function unwant(part)
  local meta = P .. 'meta:' .. part
  if redis.call('HINCRBY', meta, 'w', -1) > 0 then return end
  redis.call('HDEL', meta, 'w')
  if redis.call('HEXISTS', meta, 'h') == 0 then
    redis.call('DEL', meta)
    dropLog(part)
  else
    keepKnown(part, math.max(redis.call('PTTL', P .. 'log:' .. part), 0))
  end
end
local function sessionKey(id) return P .. 'session:' .. id end
local function sessionRooms(id)
  local rooms = {}
  for _, field in ipairs(redis.call('HKEYS', sessionKey(id))) do
    if string.sub(field, 1, 2) == 'r:' then table.insert(rooms, string.sub(field, 3)) end
  end
  return rooms
end
-- Every part the session wants, with the place since which it does.
local function sessionParts(id)
  local of = redis.call('HMGET', sessionKey(id), 'sid', 'u', 'q')
  local since = tonumber(of[3])
  local parts = { { 's' .. of[1], since }, { 'u' .. of[2], since }, { 'a', since } }
  for _, room in ipairs(sessionRooms(id)) do
    table.insert(parts, { 'r' .. room, tonumber(redis.call('HGET', sessionKey(id), 'q:' .. room)) })
  end
  return parts
end
local function hold(id, node)
  local before = redis.call('HGET', sessionKey(id), 'n')
  if before then redis.call('SREM', P .. 'kept:' .. before, id) end
  redis.call('HSET', sessionKey(id), 'n', node)
  redis.call('SADD', P .. 'kept:' .. node, id)
  redis.call('ZREM', P .. 'waiting', id)
end
local finish
-- As many sessions of a user as may wait, the newest. What names a session that was lost goes with it.
local function endOldestOf(user)
  local most = tonumber(redis.call('HGET', STATE, 'away') or '0')
  if most == 0 or redis.call('SCARD', P .. 'us:' .. user) <= most then return end
  local waiting = {}
  for _, id in ipairs(redis.call('SMEMBERS', P .. 'us:' .. user)) do
    local ends = redis.call('ZSCORE', P .. 'waiting', id)
    if ends then
      table.insert(waiting, { tonumber(ends), id })
    elseif redis.call('EXISTS', sessionKey(id)) == 0 then
      redis.call('SREM', P .. 'us:' .. user, id)
    end
  end
  table.sort(waiting, function(one, other) return one[1] < other[1] end)
  for index = 1, #waiting - most do finish(waiting[index][2]) end
end
local function detach(id, node, untilMs)
  local of = redis.call('HMGET', sessionKey(id), 'n', 'st', 'u')
  if of[1] ~= node or of[2] == 'waiting' then return end
  redis.call('SREM', P .. 'kept:' .. node, id)
  redis.call('HSET', sessionKey(id), 'st', 'waiting', 'until', string.format('%.0f', untilMs))
  redis.call('ZADD', P .. 'waiting', untilMs, id)
  endOldestOf(of[3])
end
function finish(id)
  local of = redis.call('HMGET', sessionKey(id), 'n', 'u', 'sid')
  if not of[2] then return end
  for _, part in ipairs(sessionParts(id)) do unwant(part[1]) end
  redis.call('SREM', P .. 'kept:' .. of[1], id)
  redis.call('SREM', P .. 'us:' .. of[2], id)
  redis.call('DEL', P .. 'ss:' .. of[3])
  redis.call('ZREM', P .. 'waiting', id)
  redis.call('DEL', sessionKey(id))
end
