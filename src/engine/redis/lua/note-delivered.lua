#!lua flags=allow-oom
-- Notes how far endpoints were delivered to, unless the partition is another node's by now or they are sent once more.
--
-- `ARGV`: node, generation, `[endpoint, partition, seq, replays, epoch]` each as JSON, then endpoint and attempt in
-- turn.
--- @include partitions
if not holds(ARGV[1], ARGV[2]) then return redis.error_reply('FENCED') end
for index = 4, #ARGV, 2 do
  local key = P .. 'eva:' .. ARGV[index]
  redis.call('LPUSH', key, ARGV[index + 1])
  redis.call('LTRIM', key, 0, ATTEMPTS_KEPT - 1)
end
local noted, epoch = {}, redis.call('HGET', STATE, 'e')
for index, mark in ipairs(cjson.decode(ARGV[3])) do
  local key = P .. 'evc:' .. mark[1]
  local isNoted = mark[5] == epoch and owns(ARGV[1], mark[2]) and
    tonumber(redis.call('HGET', key, 'r') or '0') == mark[4]
  if isNoted then redis.call('HSET', key, mark[2], mark[3]) end
  noted[index] = isNoted and 1 or 0
end
return noted
