#!lua flags=allow-oom
-- Users and members that did not come back in time are gone. `ARGV`: how many at most. Gives how many there were.
--- @include state
--- @include outbox-users
--- @include outbox-rooms
local limit = unpack(ARGV)
local over = redis.call('ZRANGEBYSCORE', P .. 'away', '-inf', now(), 'LIMIT', 0, limit)
for _, what in ipairs(over) do
  redis.call('ZREM', P .. 'away', what)
  if string.sub(what, 1, 1) == 'u' then
    local user = string.sub(what, 2)
    if wanted and redis.call('EXISTS', P .. 'u:' .. user) == 0 then userGone(user, 'lost') end
  else
    local room, user = string.match(what, '^m(%S+) (.*)$')
    redis.call('SREM', P .. 'rh:' .. room, user)
    if wanted and redis.call('HEXISTS', P .. 'rc:' .. room, user) == 0 then memberLeft(room, user, 'lost') end
  end
end
return #over
