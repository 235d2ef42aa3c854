-- Changes of the registry, for the scripts that make them, and of presence with it.
--
-- A socket's entry is JSON without the bracket that closes it: its rooms stand at the end, so that another one is
-- appended, and whoever reads it has everything in one piece.
--- @include presence-changes
--- @include outbox-users
--- @include outbox-rooms-on-demand
--- @include info
-- Numbers as text where they can be: Redis takes its time to format one.
local function order() return string.format('%.0f', redis.call('HINCRBY', STATE, 'o', '1')) end
local function count(key, field, by)
  local value = redis.call('HINCRBY', key, field, by)
  if value <= 0 then redis.call('HDEL', key, field) end
  return value
end
-- A room that only an app can name, such as a number, stands in no list.
local function isListed(room) return string.byte(room) ~= 1 end
local function join(id, room)
  local key = P .. 's:' .. id
  local user, node, namespace = unpack(redis.call('HMGET', key, 'u', 'n', 'ns'))
  if redis.call('HSETNX', key, 'r:' .. room, '1') == 0 then return end
  if isListed(room) then redis.call('APPEND', P .. 'e:' .. id, ',' .. cjson.encode(room)) end
  redis.call('ZADD', P .. 'rs:' .. room, order(), id)
  count(P .. 'rn:' .. room, node .. ' ' .. namespace, '1')
  if count(P .. 'rc:' .. room, user, '1') == 1 then
    redis.call('ZADD', P .. 'ru:' .. room, order(), user)
    if isListed(room) then redis.call('ZADD', P .. 'rooms', '0', room) end
    saw(room, user, infoOf(id))
    if wanted and isListed(room) and not isWanted('"m":{}') then members().memberIn(room, user, infoOf(id)) end
  end
end
local function strike(id, room)
  local key = P .. 'e:' .. id
  local text, word = redis.call('GET', key), ',' .. cjson.encode(room)
  -- In what stands before the rooms, a user's info may hold the same.
  local first = string.find(text, word, redis.call('HGET', P .. 's:' .. id, 'l') + 1, true)
  redis.call('SET', key, string.sub(text, 1, first - 1) .. string.sub(text, first + #word))
end
local function part(id, room, how, isGoing)
  local key = P .. 's:' .. id
  if redis.call('HDEL', key, 'r:' .. room) == 0 then return end
  if not isGoing and isListed(room) then strike(id, room) end
  local user, node, namespace = unpack(redis.call('HMGET', key, 'u', 'n', 'ns'))
  redis.call('ZREM', P .. 'rs:' .. room, id)
  count(P .. 'rn:' .. room, node .. ' ' .. namespace, '-1')
  if count(P .. 'rc:' .. room, user, '-1') <= 0 then
    redis.call('ZREM', P .. 'ru:' .. room, user)
    if redis.call('ZCARD', P .. 'ru:' .. room) == 0 then redis.call('ZREM', P .. 'rooms', room) end
    saw(room, user, nil, how)
    if wanted and isListed(room) and not isWanted('"m":{}') then members().memberOut(room, user, how) end
  end
end
local function roomsOf(id)
  local rooms = {}
  for _, field in ipairs(redis.call('HKEYS', P .. 's:' .. id)) do
    if string.sub(field, 1, 2) == 'r:' then table.insert(rooms, string.sub(field, 3)) end
  end
  return rooms
end
local function remove(id, how, reason)
  local key = P .. 's:' .. id
  local user, node, namespace = unpack(redis.call('HMGET', key, 'u', 'n', 'ns'))
  if not user then return end
  for _, room in ipairs(roomsOf(id)) do part(id, room, how, true) end
  redis.call('ZREM', P .. 'sockets', id)
  redis.call('SREM', P .. 'held:' .. node, id)
  count(P .. 'rn', node .. ' ' .. namespace, '-1')
  redis.call('ZREM', P .. 'u:' .. user, id)
  local isLast = redis.call('ZCARD', P .. 'u:' .. user) == 0
  if isLast then redis.call('ZREM', P .. 'users', user) end
  if wanted then wentOut(id, user, node, isLast, how, reason) end
  redis.call('DEL', key, P .. 'e:' .. id)
end
local function insert(node, id, user, namespace, transport, entry, info)
  local place = order()
  local before = '["' .. transport .. '",' .. place .. ',' .. entry .. ','
  redis.call('SET', P .. 'e:' .. id, before .. info)
  redis.call('HSET', P .. 's:' .. id, 'u', user, 'n', node, 'ns', namespace, 'i', #before, 'l', #before + #info)
  redis.call('ZADD', P .. 'sockets', place, id)
  redis.call('SADD', P .. 'held:' .. node, id)
  count(P .. 'rn', node .. ' ' .. namespace, '1')
  redis.call('ZADD', P .. 'u:' .. user, place, id)
  local isFirst = redis.call('ZADD', P .. 'users', 'NX', place, user) == 1
  if wanted then cameIn(id, user, node, namespace, info, isFirst) end
end
local function setTransport(id, transport) redis.call('SETRANGE', P .. 'e:' .. id, 2, transport) end
