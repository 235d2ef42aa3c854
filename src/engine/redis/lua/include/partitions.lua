-- Who owns a partition, what stands in it, and where endpoints are.
local PARTITIONS = { '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f' }
local function lastOf(partition)
  local newest = redis.call('XREVRANGE', P .. 'ev:' .. partition, '+', '-', 'COUNT', 1)[1]
  return newest and tonumber(string.sub(newest[1], 3)) or 0
end
local function msLeft(node)
  local lapses = tonumber(redis.call('ZSCORE', P .. 'nodes', node) or '0')
  return math.max(lapses, tonumber(redis.call('HGET', STATE, 'grace') or '0')) - now()
end
local function isAlive(node)
  local generation = redis.call('HGET', P .. 'node:' .. node, 'g')
  return generation and generation ~= 'dead' and msLeft(node) > 0
end
local function owns(node, partition) return redis.call('HGET', P .. 'evo', partition) == node end
local function atOf(entry) return tonumber(string.match(entry[2][2], '"at":(%d+),"d":{')) end
local function entryOf(entry) return { tonumber(string.sub(entry[1], 3)), entry[2][2] } end
