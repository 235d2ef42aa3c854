-- Events of rooms and their members.
--- @include outbox
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
local function ofRoom(kind, room, data)
  local patterns = lists().e[kind]
  if patterns and fits(patterns, room) then
    keep(kind, 'r', room, '"room":', data)
  end
end
local function memberLeft(room, user, reason)
  ofRoom('room.member_left', room, ',"user":' .. cjson.encode(user) .. ',"reason":"' .. reason .. '"')
  if redis.call('EXISTS', P .. 'ru:' .. room, P .. 'rh:' .. room) == 0 then ofRoom('room.vacated', room, '') end
end
local function memberIn(room, user, info)
  if not fits(lists().m, room) then return end
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
  if not fits(lists().m, room) then return end
  if how == 'broken' and awayMs > 0 then
    redis.call('SADD', P .. 'rh:' .. room, user)
    awayUntil = awayUntil or now() + awayMs
    redis.call('ZADD', P .. 'away', awayUntil, 'm' .. room .. ' ' .. user)
  else
    memberLeft(room, user, how == 'broken' and 'lost' or 'left')
  end
end
