#!lua flags=no-writes
-- Reads a partition. `ARGV`: node, generation, partition, after which event, how many. Gives `seq` and text of each; no
-- more than half a MiB, so that what a node holds of a partition is bounded.
--- @include partitions
local node, generation, partition, last, left = unpack(ARGV)
if not holds(node, generation) then return redis.error_reply('FENCED') end
if not owns(node, partition) then return {} end
local entries, bytes, after = {}, 0, '1-' .. last
left = tonumber(left)
repeat
  local page = redis.call('XRANGE', P .. 'ev:' .. partition, '(' .. after, '+', 'COUNT', math.min(left, 50))
  for _, entry in ipairs(page) do
    table.insert(entries, entryOf(entry))
    bytes, after, left = bytes + #entry[2][2], entry[1], left - 1
  end
until #page < 50 or left <= 0 or bytes > 524288
return entries
