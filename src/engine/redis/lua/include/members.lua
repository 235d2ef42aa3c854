--- @include page
--- @include info
local members = page(P .. 'ru:' .. ARGV[1], ARGV[2], tonumber(ARGV[3]), function(user)
  local first = redis.call('ZRANGE', P .. 'u:' .. user, 0, 0)[1]
  local info = first and infoOf(first) or 'null'
  return { user, redis.call('HGET', P .. 'rc:' .. ARGV[1], user), info }
end)
