--- @include page
--- @include info
local room, after, limit, node, token = unpack(ARGV)
local members = page(P .. 'ru:' .. room, after, tonumber(limit), function(user)
  local first = redis.call('ZRANGE', P .. 'u:' .. user, 0, 0)[1]
  local info = first and infoOf(first) or 'null'
  return { user, redis.call('HGET', P .. 'rc:' .. room, user), info }
end)
