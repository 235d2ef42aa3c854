#!lua flags=no-writes
-- When the first event after a place was written, by partition; `0` for none. `ARGV`: places as JSON.
--- @include partitions
local places = unpack(ARGV)
local oldest = {}
for index, place in ipairs(cjson.decode(places)) do
  local stream = P .. 'ev:' .. string.format('%x', index - 1)
  local entry = redis.call('XRANGE', stream, '(1-' .. string.format('%.0f', place), '+', 'COUNT', 1)[1]
  oldest[index] = entry and atOf(entry) or 0
end
return oldest
