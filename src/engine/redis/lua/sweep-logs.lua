#!lua flags=allow-oom
-- Counts logs that have lapsed no longer. `ARGV`: how many at most. Gives how many it looked at.
--- @include log
local limit = unpack(ARGV)
local due = redis.call('ZRANGEBYSCORE', P .. 'lapsing', '-inf', now(), 'LIMIT', 0, limit)
for _, part in ipairs(due) do
  local leftMs = redis.call('PTTL', P .. 'log:' .. part)
  if leftMs == -2 then
    dropLog(part)
    redis.call('ZREM', P .. 'lapsing', part)
  else
    -- At least a while, so that one without an end is not looked at again and again.
    redis.call('ZADD', P .. 'lapsing', now() + math.max(leftMs, 1000), part)
  end
end
return #due
