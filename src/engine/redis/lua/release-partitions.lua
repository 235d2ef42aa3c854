#!lua flags=allow-oom
-- Gives partitions back. `ARGV`: node, generation, partitions as a text of hexadecimal digits.
--- @include partitions
local node, generation, partitions = unpack(ARGV)
for partition in string.gmatch(partitions, '.') do
  if owns(node, partition) then redis.call('HDEL', P .. 'evo', partition) end
end
return 1
