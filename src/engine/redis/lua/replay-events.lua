#!lua flags=allow-oom
-- Sets an endpoint back to before the first event since a time. Events are numbered without a gap, so the place is found by
-- halving. `ARGV`: endpoint, time in ms. Gives how many events are delivered once more.
--- @include partitions
local endpoint, since = unpack(ARGV)
since = tonumber(since)
-- Nodes say when things happened, each by what it knows of Redis's time: in a partition these are in order almost.
local from = since - 10000
local key, total = P .. 'evc:' .. endpoint, 0
for _, partition in ipairs(PARTITIONS) do
  local stream = P .. 'ev:' .. partition
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then
    local low, high = tonumber(string.sub(first[1], 3)), lastOf(partition) + 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local entry = redis.call('XRANGE', stream, '1-' .. string.format('%.0f', middle), '+', 'COUNT', 1)[1]
      if not entry or atOf(entry) >= from then high = middle else low = middle + 1 end
    end
    local before = tonumber(redis.call('HGET', key, partition) or '0')
    if low - 1 < before then
      total = total + before - (low - 1)
      redis.call('HSET', key, partition, string.format('%.0f', low - 1))
    end
  end
end
redis.call('HINCRBY', key, 'r', 1)
if since < tonumber(redis.call('HGET', key, 'since') or '0') then
  redis.call('HSET', key, 'since', string.format('%.0f', since))
end
return total
