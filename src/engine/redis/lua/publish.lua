#!lua
-- Puts publications in their place: gives each the next place, keeps it where it has to be kept, and tells every other
-- node that holds recipients. A publisher that asks for it is told the places in its own inbox, between what others
-- published.
--
-- Most publications are plain: one part that is a room without a history or everybody, no socket of other nodes taken
-- off, no acknowledgements. What those take is done without any of the functions that the others need, which Lua would make
-- anew in every run, and without JSON.
--
-- Commands to other nodes go by a script of their own over the same connection: what one node publishes and orders
-- reaches the others in its order.
--
-- `ARGV`: node, generation, recovery window in ms, orders of publications that are not plain as JSON, or nothing; then
-- two for each publication: its order, and the publication. The order is nothing for one that is not plain; else its part,
-- and behind it, a line each and both or none, the user whose quota it counts for, and its ID where its publisher is to
-- find its place in its own inbox.
local me, generation, windowMs, orders = unpack(ARGV, 1, 4)
windowMs = tonumber(windowMs)
if not holds(me, generation) then return redis.error_reply('FENCED') end
local EPOCH = redis.call('HGET', STATE, 'e') or ''
local replies, marks = {}, {}
local made_publish
local function any()
  if made_publish then return made_publish end
  --- @include publish-any
  made_publish = publish
  return made_publish
end
local function plain(index, payload, order)
  local part, publisher, id = order, '', ''
  if string.find(order, '\n', 1, true) then
    part, publisher, id = string.match(order, '^([^\n]*)\n([^\n]*)\n(.*)$')
  end
  if redis.call('HEXISTS', P .. 'meta:' .. part, 'w') == 1 then
    -- A session wants it: it is kept.
    any()(index, payload, id, 0, '', 0, { { part, 0, 0 } }, {}, id == '' and 0 or 1, publisher, 0)
    return
  end
  local cursor = EPOCH .. '.' .. string.format('%.0f', redis.call('HINCRBY', STATE, 'q', 1))
  local text = 'publication\nq\n' .. cursor .. '\nx\n\nd\n' .. payload
  local counts = redis.call('HGETALL', part == 'a' and P .. 'rn' or P .. 'rn:' .. string.sub(part, 2))
  local nodes, matched = {}, 0
  for field = 1, #counts, 2 do
    local node = string.match(counts[field], '^%S+')
    if node ~= me then
      matched = matched + counts[field + 1]
      if not nodes[node] then
        nodes[node] = true
        put(node, text)
      end
    end
  end
  if id ~= '' then table.insert(marks, { id, cursor, '' }) end
  replies[index] = cursor .. ' ' .. matched
end
local others, next = nil, 0
for index = 1, (#ARGV - 4) / 2 do
  local order, payload = ARGV[3 + index * 2], ARGV[4 + index * 2]
  if order == '' then
    others, next = others or cjson.decode(orders), next + 1
    any()(index, payload, unpack(others[next]))
  else
    plain(index, payload, order)
  end
end
if #marks > 0 then tell(me, 'marks', 'd', cjson.encode(marks)) end
return replies
