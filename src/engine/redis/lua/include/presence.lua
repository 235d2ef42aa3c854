-- Who is present in a room, and absent, and telling it. [M4]
--
-- Only of rooms that somebody watches: those are told to the nodes with watchers, and kept in the log of the room of
-- watchers for the sessions that want it. Whose last connection broke is absent until it is back or its time is over;
-- a watcher that began in between is told of the one and not of the other, so both say when the connection broke.
--- @include log
local function list(items) return '[' .. table.concat(items, ',') .. ']' end
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
