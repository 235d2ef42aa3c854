#!lua flags=no-writes
-- Reads a partition. `ARGV`: node, generation, partition, after which event, how many. Gives `seq` and text of each; no
-- more than half a MiB, so that what a node holds of a partition is bounded.
--- @include partitions
if not holds(ARGV[1], ARGV[2]) then return redis.error_reply('FENCED') end
if not owns(ARGV[1], ARGV[3]) then return {} end
local entries, bytes, after, left = {}, 0, '1-' .. ARGV[4], tonumber(ARGV[5])
repeat
  local page = redis.call('XRANGE', P .. 'ev:' .. ARGV[3], '(' .. after, '+', 'COUNT', math.min(left, 50))
  for _, entry in ipairs(page) do
    table.insert(entries, entryOf(entry))
    bytes, after, left = bytes + #entry[2][2], entry[1], left - 1
  end
until #page < 50 or left <= 0 or bytes > 524288
return entries
