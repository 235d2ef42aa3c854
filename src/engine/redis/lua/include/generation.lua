-- Whether a node has not been taken for dead, nor made itself known anew, since it sent this.
local function holds(node, generation)
  return redis.call('HGET', P .. 'node:' .. node, 'g') == generation
end
