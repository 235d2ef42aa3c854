-- Events, for the scripts that make the changes which they tell, where `log` stands before it. [W5]
--
-- `want` in the state is what all nodes together want: `e` patterns by event, `m` those of rooms whose members are
-- followed, `h` nodes that hear of users. Where it is not there nothing is written, and nothing is looked up either.
--
-- A partition is a stream whose IDs Redis numbers without a gap: the number is the event's `seq`, and a gap tells how many
-- are lost. A user or member whose last connection broke stands in `away` until it is back or its time is over. [W4]
-- What the events of a partition may take when all are as large as the last one.
local PARTITION_BYTES = 67108864
local HEX = '0123456789abcdef'
local wanted = WANT and cjson.decode(WANT) or nil
local awayMs = 0
local happenedAt
local function fits(patterns, name)
  for _, pattern in ipairs(patterns) do
    if pattern == '*' or pattern == name then return true end
    local star = #pattern
    if string.byte(pattern, star) == 42 and string.sub(name, 1, star - 1) == string.sub(pattern, 1, star - 1) then
      return true
    end
  end
  return false
end
local function keep(kind, key, data)
  if not happenedAt then
    local t = redis.call('TIME')
    happenedAt = string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
  end
  local text = '{"t":"' .. kind .. '","e":"' .. EPOCH .. '","k":' .. cjson.encode(key) .. ',"at":' .. happenedAt ..
    ',"d":{' .. data .. '}}'
  local most = math.max(math.min(math.floor(PARTITION_BYTES / #text), MAX_EVENTS_OF_PARTITION), 1000)
  local partition = string.sub(redis.sha1hex(key), 1, 1)
  local stream = P .. 'ev:' .. partition
  local id = redis.call('XADD', stream, 'MAXLEN', '~', most, '1-*', 'd', text)
  -- Redis numbers from 0 on, and an endpoint that was told nothing is at 0.
  if id == '1-0' then
    id = redis.call('XADD', stream, '1-*', 'd', text)
    redis.call('XDEL', stream, '1-0')
  end
  return partition, id, text
end
local function wantsUsers()
  return wanted.e['user.online'] or wanted.e['user.offline'] or #wanted.h > 0
end
local function ofUser(kind, user, data)
  local isHeard = #wanted.h > 0 and string.sub(kind, 1, 5) == 'user.'
  if not wanted.e[kind] and not isHeard then return end
  local partition, id, text = keep(kind, 'u' .. user, '"user":' .. cjson.encode(user) .. data)
  if not isHeard then return end
  for _, node in ipairs(wanted.h) do tell(node, 'event', 'd', text, 'p', partition, 'i', id) end
end
local function userGone(user, reason)
  ofUser('user.offline', user, ',"reason":"' .. reason .. '","sockets":0')
end
local function cameIn(id, user, node, namespace, info, isFirst)
  local where = ',"socketId":' .. cjson.encode(id) .. ',"node":' .. cjson.encode(node)
  if isFirst and wantsUsers() then
    local heldUntil = redis.call('ZSCORE', P .. 'away', 'u' .. user)
    if heldUntil then
      redis.call('ZREM', P .. 'away', 'u' .. user)
      redis.call('HSET', P .. 's:' .. id, 'h', heldUntil)
    else
      ofUser('user.online', user, where .. ',"info":' .. info)
    end
  end
  if wanted.e['socket.connected'] then
    ofUser('socket.connected', user, where .. ',"namespace":' .. cjson.encode(namespace) ..
      ',"sockets":' .. redis.call('ZCARD', P .. 'u:' .. user) .. ',"info":' .. info)
  end
end
local function wentOut(id, user, node, isLast, how, reason)
  if wanted.e['socket.disconnected'] then
    ofUser('socket.disconnected', user, ',"socketId":' .. cjson.encode(id) .. ',"node":' .. cjson.encode(node) ..
      ',"reason":' .. cjson.encode(reason or how) .. ',"sockets":' .. redis.call('ZCARD', P .. 'u:' .. user))
  end
  if not isLast or not wantsUsers() then return end
  -- Whoever was refused on the way in is held as before: the next attempt may succeed in time.
  local heldUntil = reason == NOT_LET_IN and redis.call('HGET', P .. 's:' .. id, 'h')
  if heldUntil then
    redis.call('ZADD', P .. 'away', heldUntil, 'u' .. user)
  elseif how == 'broken' and awayMs > 0 then
    redis.call('ZADD', P .. 'away', now() + awayMs, 'u' .. user)
  else
    userGone(user, how == 'broken' and 'lost' or 'left')
  end
end
local function ofRoom(kind, room, data)
  if wanted.e[kind] and fits(wanted.e[kind], room) then
    keep(kind, 'r' .. room, '"room":' .. cjson.encode(room) .. data)
  end
end
local function memberLeft(room, user, reason)
  ofRoom('room.member_left', room, ',"user":' .. cjson.encode(user) .. ',"reason":"' .. reason .. '"')
  if redis.call('EXISTS', P .. 'ru:' .. room, P .. 'rh:' .. room) == 0 then ofRoom('room.vacated', room, '') end
end
local function memberIn(room, user, info)
  if not fits(wanted.m, room) then return end
  if redis.call('SREM', P .. 'rh:' .. room, user) == 1 then
    redis.call('ZREM', P .. 'away', 'm' .. room .. ' ' .. user)
    return
  end
  if redis.call('ZCARD', P .. 'ru:' .. room) == 1 and redis.call('EXISTS', P .. 'rh:' .. room) == 0 then
    ofRoom('room.occupied', room, '')
  end
  ofRoom('room.member_joined', room, ',"user":' .. cjson.encode(user) .. ',"info":' .. info)
end
local function memberOut(room, user, how)
  if not fits(wanted.m, room) then return end
  if how == 'broken' and awayMs > 0 then
    redis.call('SADD', P .. 'rh:' .. room, user)
    redis.call('ZADD', P .. 'away', now() + awayMs, 'm' .. room .. ' ' .. user)
  else
    memberLeft(room, user, how == 'broken' and 'lost' or 'left')
  end
end
-- What all nodes together want, after one of them wants something else.
local function gatherWanted()
  local texts = redis.call('HVALS', P .. 'evw')
  if #texts == 0 then
    redis.call('HDEL', STATE, 'want')
    wanted = nil
    return
  end
  local events, members, nodes, known = {}, {}, {}, {}
  local function add(list, kind, item)
    local mark = kind .. ' ' .. item
    if not known[mark] then
      known[mark] = true
      table.insert(list, item)
    end
  end
  for _, text in ipairs(texts) do
    local of = cjson.decode(text)
    if of.h then add(nodes, 'h', of.n) end
    for kind, patterns in pairs(of.e) do
      events[kind] = events[kind] or {}
      for _, pattern in ipairs(patterns) do
        add(events[kind], kind, pattern)
        if string.sub(kind, 1, 5) == 'room.' then add(members, 'm', pattern) end
      end
    end
  end
  wanted = { e = events, m = members, h = nodes }
  redis.call('HSET', STATE, 'want', cjson.encode(wanted))
end
