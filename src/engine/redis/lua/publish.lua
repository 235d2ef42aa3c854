#!lua
-- Puts publications in their place: gives each the next place, keeps it where it has to be kept, and tells every other
-- node that holds recipients. A publisher that asks for it is told the places in its own inbox, between what others
-- published.
--
-- Most publications are plain: one part without a history, no socket of other nodes taken off, no acknowledgements. What those take is done without any of the functions that the others need, which Lua would make
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
  local nodes, matched = {}, 0
  local kind, name = string.sub(part, 1, 1), string.sub(part, 2)
  if kind == 'r' or kind == 'a' then
    local counts = redis.call('HGETALL', kind == 'a' and P .. 'rn' or P .. 'rn:' .. name)
    for field = 1, #counts, 2 do
      local node = string.match(counts[field], '^%S+')
      if node ~= me then
        nodes[node] = true
        matched = matched + counts[field + 1]
      end
    end
  else
    for _, socket in ipairs(kind == 's' and { name } or redis.call('ZRANGE', P .. 'u:' .. name, 0, -1)) do
      local node = redis.call('HGET', P .. 's:' .. socket, 'n')
      if node and node ~= me then
        nodes[node] = true
        matched = matched + 1
      end
    end
  end
  for node in pairs(nodes) do put(node, text) end
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
