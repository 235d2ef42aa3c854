-- `ARGV`: node, generation, recovery window in ms, changes as JSON.
--
-- A node changes its own sessions only: what it still says of one that has moved on has no effect. Those of a user or of
-- a socket (`closeOf`, `leaveOf`) are meant wherever they are.
--- @include session
local node, generation, windowMs, changes = unpack(ARGV)
windowMs = tonumber(windowMs)
if not holds(node, generation) then return redis.error_reply('FENCED') end
local function isMine(id) return redis.call('HGET', sessionKey(id), 'n') == node end
local function live(id) redis.call('HSET', sessionKey(id), 'st', 'live') end
local function leave(id, room)
  local since = redis.call('HGET', sessionKey(id), 'q:' .. room)
  if redis.call('HDEL', sessionKey(id), 'r:' .. room, 'q:' .. room) == 0 then return end
  keepStay(id, room, since, place())
  unwant('r' .. room)
end
local function sessionsOf(kind, name)
  if kind == 'user' then return redis.call('SMEMBERS', P .. 'us:' .. name) end
  return { redis.call('GET', P .. 'ss:' .. name) or nil }
end
local function keepData(id, data)
  if data == '' then redis.call('HDEL', sessionKey(id), 'dat')
  elseif data then redis.call('HSET', sessionKey(id), 'dat', data) end
end
local run = {}
local writtenAt
function run.open(id, socketId, user, namespace, token, known, again, data)
  if again == 1 and redis.call('EXISTS', sessionKey(id)) == 1 and not isMine(id) then return end
  -- Its client is here.
  redis.call('HDEL', sessionKey(id), 'gone')
  finish(id)
  -- What its socket got before is not known to be all: only a cursor from behind this place proves anything.
  if again == 1 then
    writtenAt = writtenAt or redis.call('HINCRBY', STATE, 'q', 1)
    known = writtenAt
  end
  redis.call('HSET', sessionKey(id), 'sid', socketId, 'u', user, 'ns', namespace, 'tok', token, 'e', EPOCH,
    'q', string.format('%.0f', place()), 'k', string.format('%.0f', known), 'again', again)
  keepData(id, data)
  redis.call('SADD', P .. 'us:' .. user, id)
  redis.call('SET', P .. 'ss:' .. socketId, id)
  hold(id, node)
  live(id)
  for _, part in ipairs(sessionParts(id)) do want(part[1]) end
end
function run.check(id)
  if isMine(id) and redis.call('HGET', sessionKey(id), 'st') ~= 'waiting' then redis.call('SADD', P .. 'kept:' .. node, id) end
end
function run.renewed(id, token)
  if isMine(id) then redis.call('HSET', sessionKey(id), 'tok', token) end
end
function run.joined(id, room, how, data)
  if not isMine(id) then return end
  keepData(id, data)
  if redis.call('HSET', sessionKey(id), 'r:' .. room, how) == 1 then
    redis.call('HSET', sessionKey(id), 'q:' .. room, string.format('%.0f', place()))
    want('r' .. room)
  end
end
function run.left(id, room)
  if isMine(id) then leave(id, room) end
end
function run.detach(id, data)
  if isMine(id) then keepData(id, data) end
  detach(id, node, now() + windowMs, place())
end
function run.release(id, token)
  local claimedBy, ends = unpack(redis.call('HMGET', sessionKey(id), 'by', 'until'))
  if isMine(id) and claimedBy == token then detach(id, node, tonumber(ends), place()) end
end
function run.close(id)
  if isMine(id) then finish(id) end
end
function run.closeOf(kind, name)
  for _, id in ipairs(sessionsOf(kind, name)) do finish(id) end
end
function run.leaveOf(kind, name, room)
  for _, id in ipairs(sessionsOf(kind, name)) do
    local state, how = unpack(redis.call('HMGET', sessionKey(id), 'st', 'r:' .. room))
    if state == 'claimed' and how then finish(id) else leave(id, room) end
  end
end
for _, change in ipairs(cjson.decode(changes)) do run[change[1]](unpack(change, 2)) end
return 1
