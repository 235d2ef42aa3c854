#!lua flags=no-writes
-- Rooms by name. `ARGV`: prefix, after which name or '', limit. Gives total, whether there are more, and rooms.
local prefix, after, limit = unpack(ARGV)
limit = tonumber(limit)
local last = prefix == '' and '+' or '(' .. prefix .. string.char(255)
local first = prefix == '' and '-' or '[' .. prefix
local total = redis.call('ZLEXCOUNT', P .. 'rooms', first, last)
if after ~= '' and after >= prefix then first = '(' .. after end
local names = redis.call('ZRANGEBYLEX', P .. 'rooms', first, last, 'LIMIT', 0, limit + 1)
local rooms = {}
for index = 1, math.min(#names, limit) do
  local room = names[index]
  table.insert(rooms, { room, redis.call('ZCARD', P .. 'rs:' .. room), redis.call('ZCARD', P .. 'ru:' .. room) })
end
return { total, #names > limit and 1 or 0, rooms }
