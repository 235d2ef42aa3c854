#!lua flags=allow-oom
-- Gives partitions back. `ARGV`: node, generation, partitions as a text of hexadecimal digits.
--- @include partitions
for partition in string.gmatch(ARGV[3], '.') do
  if owns(ARGV[1], partition) then redis.call('HDEL', P .. 'evo', partition) end
end
return 1
