-- Events of users, and of their sockets. [W4]
--
-- Lua makes each function anew in every run, so these are made only where something is wanted.
--- @include outbox
local userGone, cameIn, wentOut
if wanted then
  -- Flags of what is wanted, 49 for yes: a byte is found sooner than a word. An older node writes none.
  local f, _, _, _, online, offline, connected, disconnected, hears = string.byte(wanted, 3, 11)
  if f ~= 102 then
    local function flag(name) return isWanted(name) and 49 end
    online, offline = flag('"user.online":'), flag('"user.offline":')
    connected, disconnected = flag('"socket.connected":'), flag('"socket.disconnected":')
    hears = not isWanted('"h":{}') and 49
  end
  local wantsUsers = online == 49 or offline == 49 or hears == 49
  local function ofUser(kind, flag, user, data)
    if flag ~= 49 and hears ~= 49 then return end
    local partition, id, text = keep(kind, 'u', user, '"user":', data)
    if hears ~= 49 then return end
    for _, node in ipairs(lists().h) do tell(node, 'event', 'd', text, 'p', partition, 'i', id) end
  end
  function userGone(user, reason)
    ofUser('user.offline', offline, user, ',"reason":"' .. reason .. '","sockets":0')
  end
  function cameIn(id, user, node, namespace, info, isFirst)
    if isFirst and wantsUsers then
      local heldUntil = redis.call('ZSCORE', P .. 'away', 'u' .. user)
      if heldUntil then
        redis.call('ZREM', P .. 'away', 'u' .. user)
        redis.call('HSET', P .. 's:' .. id, 'h', heldUntil)
      else
        ofUser('user.online', online, user,
          ',"socketId":' .. cjson.encode(id) .. ',"node":"' .. node .. '","info":' .. info)
      end
    end
    if connected == 49 then
      keep('socket.connected', 'u', user, '"user":', ',"socketId":' .. cjson.encode(id) .. ',"node":"' .. node ..
        '","namespace":' .. cjson.encode(namespace) .. ',"sockets":' .. redis.call('ZCARD', P .. 'u:' .. user) .. ',"info":' .. info)
    end
  end
  function wentOut(id, user, node, isLast, how, reason)
    if disconnected == 49 then
      keep('socket.disconnected', 'u', user, '"user":', ',"socketId":' .. cjson.encode(id) .. ',"node":"' .. node ..
        '","reason":' .. cjson.encode(reason or how) .. ',"sockets":' .. redis.call('ZCARD', P .. 'u:' .. user))
    end
    if not isLast or not wantsUsers then return end
    -- Whoever was refused on the way in is held as before: the next attempt may succeed in time.
    local heldUntil = reason == NOT_LET_IN and redis.call('HGET', P .. 's:' .. id, 'h')
    if heldUntil then
      redis.call('ZADD', P .. 'away', heldUntil, 'u' .. user)
    elseif how == 'broken' and awayMs > 0 then
      awayUntil = awayUntil or now() + awayMs
      redis.call('ZADD', P .. 'away', awayUntil, 'u' .. user)
    else
      userGone(user, how == 'broken' and 'lost' or 'left')
    end
  end
end
