#!lua flags=no-writes
-- Answers questions. `ARGV`: the questions, one after the other. Gives a JSON text for each.
--
-- Entries are kept as JSON without the bracket that closes it, and are put together as they are: to take them apart in
-- Lua would cost more than all else.
-- Long texts are put together once: what stands before and after is added to the first and the last.
local E = P .. 'e:'
local function entries(ids, before, after)
  if #ids == 0 then return before .. '[]' .. after end
  local texts = {}
  -- Lua cannot pass on more than 8,000 arguments.
  for first = 1, #ids, 1000 do
    local keys = {}
    for index = first, math.min(first + 999, #ids) do keys[#keys + 1] = E .. ids[index] end
    local some = redis.call('MGET', unpack(keys))
    if #ids <= 1000 then texts = some else
      for index = 1, #some do texts[#texts + 1] = some[index] end
    end
  end
  texts[1] = before .. '[' .. texts[1]
  texts[#texts] = texts[#texts] .. ']]' .. after
  return table.concat(texts, '],')
end
local function counts(...)
  local numbers = {}
  for index, key in ipairs({ ... }) do numbers[index] = redis.call('ZCARD', P .. key) end
  return '[' .. table.concat(numbers, ',') .. ']'
end
local answer = {}
function answer.socket(id)
  local text = redis.call('GET', E .. id)
  return text and text .. ']' or 'null'
end
function answer.user(user) return entries(redis.call('ZRANGE', P .. 'u:' .. user, 0, -1), '', '') end
function answer.sockets(room, after, limit)
  local key = P .. (room == '' and 'sockets' or 'rs:' .. room)
  limit = tonumber(limit)
  local ids = redis.call('ZRANGEBYSCORE', key, '(' .. after, '+inf', 'LIMIT', 0, limit + 1)
  local last, total = 'null', #ids
  if after ~= '0' or #ids > limit then total = redis.call('ZCARD', key) end
  if #ids > limit then
    ids[#ids] = nil
    last = '"' .. redis.call('ZSCORE', key, ids[limit]) .. '"'
  end
  return entries(ids, '[' .. total .. ',' .. last .. ',', ']')
end
function answer.room(room) return counts('rs:' .. room, 'ru:' .. room) end
function answer.counts() return counts('sockets', 'users', 'rooms') end
local ARGUMENTS = { socket = 1, user = 1, sockets = 3, room = 1, counts = 0 }
local answers, at = {}, 1
while at <= #ARGV do
  local kind = ARGV[at]
  answers[#answers + 1] = answer[kind](ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  at = at + 1 + ARGUMENTS[kind]
end
return answers
