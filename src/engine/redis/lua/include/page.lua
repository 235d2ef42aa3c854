-- One page of a list that is sorted by order.
local function page(key, after, limit, give)
  local items = {}
  local listed = redis.call('ZRANGEBYSCORE', key, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
  for index = 1, math.min(#listed, limit * 2), 2 do
    table.insert(items, { listed[index + 1], give(listed[index]) })
  end
  return { redis.call('ZCARD', key), #listed > limit * 2 and 1 or 0, items }
end
