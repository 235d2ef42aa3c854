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
-- Stays in rooms that are over, the newest of them: the rooms took off what was published meanwhile, also when it is given
-- later. Of what was published up to the place in `lf` nobody knows it any longer.
local MAX_STAYS = 256
local function keepStay(id, room, since, till)
  if not since or tonumber(since) >= till then return end
  local key = sessionKey(id)
  local number = redis.call('HINCRBY', key, 'ln', 1)
  redis.call('HSET', key, 'l:' .. number, since .. ' ' .. string.format('%.0f', till) .. ' ' .. room)
  local oldest = 'l:' .. (number - MAX_STAYS)
  local forgotten = redis.call('HGET', key, oldest)
  if not forgotten then return end
  redis.call('HSET', key, 'lf', string.match(forgotten, '^%d+ (%d+)'))
  redis.call('HDEL', key, oldest)
end
-- Each as since which place, until which, and the room.
local function pastStays(id)
  local fields, last = {}, tonumber(redis.call('HGET', sessionKey(id), 'ln') or '0')
  for number = math.max(last - MAX_STAYS, 0) + 1, last do table.insert(fields, 'l:' .. number) end
  return #fields > 0 and redis.call('HMGET', sessionKey(id), unpack(fields)) or {}
end
local function staysByRoom(id)
  local stays = {}
  for _, stay in ipairs(pastStays(id)) do
    local since, till, room = string.match(stay, '^(%d+) (%d+) (.*)$')
    stays[room] = stays[room] or {}
    table.insert(stays[room], { tonumber(since), tonumber(till) })
  end
  return stays
end
-- Every part the session wants, with the place since which it does.
local function sessionParts(id)
  local socketId, user, since = unpack(redis.call('HMGET', sessionKey(id), 'sid', 'u', 'q'))
  since = tonumber(since)
  local parts = { { 's' .. socketId, since }, { 'u' .. user, since }, { 'a', since } }
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
-- Its client is away since a place, unless it was before.
local function goAway(id, place) redis.call('HSETNX', sessionKey(id), 'gone', string.format('%.0f', place)) end
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
local function detach(id, node, untilMs, gone)
  local holder, state, user = unpack(redis.call('HMGET', sessionKey(id), 'n', 'st', 'u'))
  if holder ~= node or state == 'waiting' then return end
  goAway(id, gone)
  redis.call('SREM', P .. 'kept:' .. node, id)
  redis.call('HSET', sessionKey(id), 'st', 'waiting', 'until', string.format('%.0f', untilMs))
  redis.call('ZADD', P .. 'waiting', untilMs, id)
  endOldestOf(user)
end
-- Whether a publication that stands in a log of a session was for it.
local function isFor(id, of, payload, seq)
  if not (string.find(payload, '"x":{', 1, true) or string.find(payload, '"n":"', 1, true)) then return true end
  local publication = cjson.decode(payload)
  if publication.n and publication.n ~= of.ns then return false end
  local except = publication.x or {}
  for _, socket in ipairs(except.sockets or {}) do if socket == of.sid then return false end end
  for _, user in ipairs(except.users or {}) do if user == of.u then return false end end
  for _, room in ipairs(except.rooms or {}) do
    local since = redis.call('HGET', sessionKey(id), 'q:' .. room)
    if room == of.sid or room == 'user:' .. of.u or (since and tonumber(since) < seq) then return false end
    of.stays = of.stays or staysByRoom(id)
    for _, stay in ipairs(of.stays[room] or {}) do
      if stay[1] < seq and seq <= stay[2] then return false end
    end
  end
  return true
end
-- How many publications a session has not got since its client went away: each once, as far as they are looked at. A
-- run looks at so many, a large one counts for several; of the others the offsets tell how many there are. [D10]
local looks = 2000
local function undelivered(id, gone, parts)
  local space, user, socketId = unpack(redis.call('HMGET', sessionKey(id), 'ns', 'u', 'sid'))
  local of, count, seen = { ns = space, u = user, sid = socketId }, 0, {}
  for _, part in ipairs(parts) do
    local from = math.max(part[2], gone)
    local newest, offset = unpack(redis.call('HMGET', P .. 'meta:' .. part[1], 'l', 'o'))
    local isNotices = string.byte(part[1], 2) == 0
    if not isNotices and newest and tonumber(newest) > from then
      local most, last = math.max(math.min(looks, 100), 1), nil
      local page = redis.call('XRANGE', P .. 'log:' .. part[1], string.format('%.0f', from + 1), '+', 'COUNT', most)
      for _, entry in ipairs(page) do
        local fields, seq = fieldsOf(entry), placeOf(entry)
        last, looks = fields.o, looks - 1 - math.floor(#fields.p / 1024)
        if fields.a == '0' and not seen[seq] and isFor(id, of, fields.p, seq) then count = count + 1 end
        seen[seq] = true
      end
      if last then count = count + tonumber(offset) - tonumber(last) end
    end
  end
  return count
end
function finish(id)
  local node, user, socketId, gone = unpack(redis.call('HMGET', sessionKey(id), 'n', 'u', 'sid', 'gone'))
  if not user then return end
  local parts = sessionParts(id)
  local lost = gone and undelivered(id, tonumber(gone), parts) or 0
  -- The node that renews its lease next takes it into its figures.
  if lost > 0 then redis.call('HINCRBY', STATE, 'over', lost) end
  for _, part in ipairs(parts) do unwant(part[1]) end
  redis.call('SREM', P .. 'kept:' .. node, id)
  redis.call('SREM', P .. 'us:' .. user, id)
  redis.call('DEL', P .. 'ss:' .. socketId)
  redis.call('ZREM', P .. 'waiting', id)
  redis.call('DEL', sessionKey(id))
end
