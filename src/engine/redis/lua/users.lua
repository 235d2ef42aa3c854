#!lua flags=no-writes
-- Online users. `ARGV`: after which order, limit. Items are user and sockets.
--- @include page
return page(P .. 'users', ARGV[1], tonumber(ARGV[2]), function(user)
  return { user, redis.call('ZCARD', P .. 'u:' .. user) }
end)
