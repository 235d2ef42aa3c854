-- Events of users, and of their sockets. [W4]
--- @include outbox
local function isHeard() return not string.find(wanted, '"h":{}', 1, true) end
local function wantsUsers()
  return isWanted('"user.online":') or isWanted('"user.offline":') or isHeard()
end
local function ofUser(kind, quoted, user, data)
  local isTold = isHeard()
  if not isTold and not isWanted(quoted) then return end
  local partition, id, text = keep(kind, 'u', user, '"user":', data)
  if not isTold then return end
  for _, node in ipairs(lists().h) do tell(node, 'event', 'd', text, 'p', partition, 'i', id) end
end
local function userGone(user, reason)
  ofUser('user.offline', '"user.offline":', user, ',"reason":"' .. reason .. '","sockets":0')
end
local function socketText(id, node) return ',"socketId":' .. cjson.encode(id) .. ',"node":"' .. node .. '"' end
local function cameIn(id, user, node, namespace, info, isFirst)
  local where
  if isFirst and wantsUsers() then
    local heldUntil = redis.call('ZSCORE', P .. 'away', 'u' .. user)
    if heldUntil then
      redis.call('ZREM', P .. 'away', 'u' .. user)
      redis.call('HSET', P .. 's:' .. id, 'h', heldUntil)
    else
      where = socketText(id, node)
      ofUser('user.online', '"user.online":', user, where .. ',"info":' .. info)
    end
  end
  if isWanted('"socket.connected":') then
    where = where or socketText(id, node)
    keep('socket.connected', 'u', user, '"user":', where .. ',"namespace":' .. cjson.encode(namespace) ..
      ',"sockets":' .. redis.call('ZCARD', P .. 'u:' .. user) .. ',"info":' .. info)
  end
end
local function wentOut(id, user, node, isLast, how, reason)
  if isWanted('"socket.disconnected":') then
    keep('socket.disconnected', 'u', user, '"user":', socketText(id, node) .. ',"reason":' .. cjson.encode(reason or how) ..
      ',"sockets":' .. redis.call('ZCARD', P .. 'u:' .. user))
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
