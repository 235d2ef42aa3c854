#!lua flags=allow-oom
-- Ends sessions that nobody came back to. `ARGV`: how many at most. Gives how many it ended.
--- @include session
local limit = unpack(ARGV)
local over = redis.call('ZRANGEBYSCORE', P .. 'waiting', '-inf', now(), 'LIMIT', 0, limit)
for _, id in ipairs(over) do
  finish(id)
  redis.call('ZREM', P .. 'waiting', id)
end
return #over
