#!lua flags=no-writes
-- Online users. `ARGV`: after which order, limit. Items are user and sockets.
--- @include page
local after, limit = unpack(ARGV)
return page(P .. 'users', after, tonumber(limit), function(user)
  return { user, redis.call('ZCARD', P .. 'u:' .. user) }
end)
