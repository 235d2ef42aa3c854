#!lua flags=no-writes
-- The live nodes: name, ms until its lease lapses, when it started, sockets.
local nodes = {}
local listed = redis.call('ZRANGE', P .. 'nodes', 0, -1, 'WITHSCORES')
local time = now()
for index = 1, #listed, 2 do
  local node = listed[index]
  local of = redis.call('HMGET', P .. 'node:' .. node, 'g', 'since', 'at')
  local left = tonumber(listed[index + 1]) - time
  if of[1] and of[1] ~= 'dead' then
    table.insert(nodes, { node, math.max(0, left), of[2], redis.call('SCARD', P .. 'held:' .. node), of[3] or '' })
  end
end
return nodes
