#!lua flags=no-writes
-- The live nodes: name, ms until its lease lapses, when it started, sockets.
local nodes = {}
local listed = redis.call('ZRANGE', P .. 'nodes', 0, -1, 'WITHSCORES')
local time = now()
for index = 1, #listed, 2 do
  local node = listed[index]
  local generation, since, at = unpack(redis.call('HMGET', P .. 'node:' .. node, 'g', 'since', 'at'))
  local left = tonumber(listed[index + 1]) - time
  if generation and generation ~= 'dead' then
    table.insert(nodes, { node, math.max(0, left), since, redis.call('SCARD', P .. 'held:' .. node), at or '' })
  end
end
return nodes
