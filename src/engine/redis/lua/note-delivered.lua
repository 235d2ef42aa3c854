#!lua flags=allow-oom
-- Notes how far endpoints were delivered to, unless the partition is another node's by now or they are sent once more.
--
-- `ARGV`: node, generation, `[endpoint, partition, seq, replays, epoch]` each as JSON, then endpoint and attempt in
-- turn.
--- @include partitions
local node, generation, marks = unpack(ARGV, 1, 3)
if not holds(node, generation) then return redis.error_reply('FENCED') end
local attempts = {}
for index = 4, #ARGV, 2 do
  local endpoint, attempt = unpack(ARGV, index, index + 1)
  attempts[endpoint] = attempts[endpoint] or {}
  table.insert(attempts[endpoint], attempt)
end
for endpoint, texts in pairs(attempts) do
  local key = P .. 'eva:' .. endpoint
  redis.call('LPUSH', key, unpack(texts))
  redis.call('LTRIM', key, 0, ATTEMPTS_KEPT - 1)
end
local noted, epoch = {}, redis.call('HGET', STATE, 'e')
for index, mark in ipairs(cjson.decode(marks)) do
  local endpoint, partition, seq, replays, ofEpoch = unpack(mark)
  local key = P .. 'evc:' .. endpoint
  local isNoted = ofEpoch == epoch and owns(node, partition) and
    tonumber(redis.call('HGET', key, 'r') or '0') == replays
  if isNoted then redis.call('HSET', key, partition, seq) end
  noted[index] = isNoted and 1 or 0
end
return noted
