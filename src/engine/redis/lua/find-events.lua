#!lua flags=no-writes
-- The newest events of a key, newest first, among the last 10,000 of its partition. `ARGV`: key, how many at most.
-- Gives `seq` and text of each.
--- @include partitions
local key, limit = unpack(ARGV)
limit = tonumber(limit)
local word, found, before = '"k":' .. cjson.encode(key) .. ',"at":', {}, '+'
local stream = P .. 'ev:' .. string.sub(redis.sha1hex(key), 1, 1)
for _ = 1, 100 do
  local page = redis.call('XREVRANGE', stream, before, '-', 'COUNT', 100)
  for _, entry in ipairs(page) do
    if string.find(entry[2][2], word, 1, true) then table.insert(found, entryOf(entry)) end
    if #found == limit then return found end
    before = '(' .. entry[1]
  end
  if #page < 100 then break end
end
return found
