-- What happens to presence in one run of a script: collected and told once per room. A user that comes and goes within
-- one run, as on a take-over, shows neither. [M4]
--
-- Only of rooms that somebody watches: those are told to the nodes with watchers, and kept in the log of the room of
-- watchers for the sessions that want it. Whose last connection broke is absent until it is back or its time is over;
-- a watcher that began in between is told of the one and not of the other, so both say when the connection broke.
--- @include log
local seen, seenRooms = {}, {}
-- With the info of a user that came, or how it left: "left" on purpose, or "broken".
local function saw(room, user, info, how)
  local change = seen[room]
  if not change then
    change = { joined = {}, left = {} }
    seen[room] = change
    table.insert(seenRooms, room)
  end
  if info then
    if change.left[user] then change.left[user] = nil else change.joined[user] = info end
  else
    if change.joined[user] then change.joined[user] = nil else change.left[user] = how end
  end
end
local function list(items) return '[' .. table.concat(items, ',') .. ']' end
local function some(items) return #items > 0 and items or nil end
local function placeText(at) return '{"epoch":"' .. EPOCH .. '","seq":' .. string.format('%.0f', at) .. '}' end
local function watchersOf(room) return 'r\0presence:' .. room end
local function isWatched(room)
  return redis.call('EXISTS', P .. 'rw:' .. room) == 1 or
    redis.call('HEXISTS', P .. 'meta:' .. watchersOf(room), 'w') == 1
end
local function endAbsence(room, user)
  local brokeAt = redis.call('HGET', P .. 'ra:' .. room, user)
  if not brokeAt then return nil end
  redis.call('HDEL', P .. 'ra:' .. room, user)
  redis.call('ZREM', P .. 'absent', room .. ' ' .. user)
  return brokeAt
end
local function holdUser(room, user, brokeAt, holdMs)
  redis.call('HSET', P .. 'ra:' .. room, user, string.format('%.0f', brokeAt))
  redis.call('ZADD', P .. 'absent', now() + holdMs, room .. ' ' .. user)
end
-- With lists of JSON texts, by what happened.
local function tellRoom(room, at, what, keepMs)
  local text = '{"room":' .. cjson.encode(room) .. ',"at":' .. placeText(at)
  for _, kind in ipairs({ 'joined', 'left', 'broken', 'held', 'lost' }) do
    text = text .. ',"' .. kind .. '":' .. list(what[kind] or {})
  end
  text = text .. '}'
  local seq = string.format('%.0f', at)
  for _, node in ipairs(redis.call('SMEMBERS', P .. 'rw:' .. room)) do
    tell(node, 'presence', 'd', text, 'q', EPOCH .. '.' .. seq)
  end
  local part = watchersOf(room)
  if (what.joined or what.left or what.lost) and redis.call('HEXISTS', P .. 'meta:' .. part, 'w') == 1 then
    append(part, 0, 0, keepMs, seq, text, false)
  end
end
local function tellPresence(holdMs, keepMs)
  for _, room in ipairs(seenRooms) do
    local isTold = isWatched(room)
    local joined, left, broken = {}, {}, {}
    for user, info in pairs(seen[room].joined) do
      local brokeAt = endAbsence(room, user)
      table.insert(joined, '{"user":' .. cjson.encode(user) .. ',"info":' .. info ..
        (brokeAt and ',"brokeAt":' .. brokeAt or '') .. '}')
    end
    for user, how in pairs(seen[room].left) do
      if how == 'broken' and holdMs > 0 then table.insert(broken, user) else table.insert(left, cjson.encode(user)) end
    end
    if isTold and #joined + #left + #broken > 0 then
      local at = redis.call('HINCRBY', STATE, 'q', 1)
      for index, user in ipairs(broken) do
        holdUser(room, user, at, holdMs)
        broken[index] = cjson.encode(user)
      end
      tellRoom(room, at, { joined = some(joined), left = some(left), broken = broken }, keepMs)
    end
  end
end
