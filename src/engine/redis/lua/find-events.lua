#!lua flags=no-writes
-- The newest events of a key, newest first, among 5,000 of its partition: Redis has others to answer in between.
-- `ARGV`: key, how many at most, before which `seq`, or '+'.
-- Gives `seq` and text of each, and before which `seq` to look on, or '' when there are no others.
--- @include partitions
local key, limit, before = unpack(ARGV)
limit = tonumber(limit)
local word, found = '"k":' .. cjson.encode(key) .. ',"at":', {}
local stream = P .. 'ev:' .. string.sub(redis.sha1hex(key), 1, 1)
local from = before == '+' and before or '(1-' .. before
for _ = 1, 50 do
  local page = redis.call('XREVRANGE', stream, from, '-', 'COUNT', 100)
  for _, entry in ipairs(page) do
    if string.find(entry[2][2], word, 1, true) then table.insert(found, entryOf(entry)) end
    if #found == limit then return { found, '' } end
    from = '(' .. entry[1]
  end
  if #page < 100 then return { found, '' } end
end
return { found, string.sub(from, 4) }
