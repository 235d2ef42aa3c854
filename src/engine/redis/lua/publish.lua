#!lua
-- Puts publications in their place: gives each the next place, keeps it where it has to be kept, and tells every other
-- node that holds recipients. A publisher that asks for it is told the places in its own inbox, between what others
-- published.
--
-- Most publications are plain: one part without a history, no socket of other nodes taken off, no acknowledgements. What
-- those take is done without JSON, and without any function: Lua would make each anew in every run, with all that it uses.
--
-- Commands to other nodes go by a script of their own over the same connection: what one node publishes and orders
-- reaches the others in its order.
--
-- `ARGV`: node, generation, recovery window in ms, orders of publications that are not plain as JSON, or nothing; then
-- two for each publication: its order, and the publication. The order is nothing for one that is not plain; else its part,
-- and behind it, a line each and both or none, the user whose quota it counts for, and its ID where its publisher is to
-- find its place in its own inbox.
--- @include common
--- @include queue
local me, generation, windowMs, orders = unpack(ARGV, 1, 4)
if redis.call('HGET', P .. 'node:' .. me, 'g') ~= generation then return redis.error_reply('FENCED') end
local EPOCH = redis.call('HGET', STATE, 'e') or ''
local replies, marks = {}, nil
local publish, others, next
for index = 1, (#ARGV - 4) / 2 do
  local part, payload, publisher, id = ARGV[3 + index * 2], ARGV[4 + index * 2], '', ''
  if string.find(part, '\n', 1, true) then
    part, publisher, id = string.match(part, '^([^\n]*)\n([^\n]*)\n(.*)$')
  end
  local isPlain = part ~= '' and redis.call('HEXISTS', P .. 'meta:' .. part, 'w') == 0
  if not isPlain then
    publish = publish or (function()
      --- @include clock
      --- @include tell
      --- @include publish-any
      return publish
    end)()
    if part == '' then
      others, next = others or cjson.decode(orders), (next or 0) + 1
      publish(index, payload, unpack(others[next]))
    else
      -- A session wants it: it is kept.
      publish(index, payload, id, 0, '', 0, { { part, 0, 0 } }, {}, id == '' and 0 or 1, publisher, 0)
    end
  else
    local cursor = EPOCH .. '.' .. string.format('%.0f', redis.call('HINCRBY', STATE, 'q', '1'))
    local text = 'publication\nq\n' .. cursor .. '\nx\n\nd\n' .. payload
    local kind, name = string.sub(part, 1, 1), string.sub(part, 2)
    local counts
    if kind == 'r' then counts = redis.call('HGETALL', P .. 'rn:' .. name)
    elseif kind == 'a' then counts = redis.call('HGETALL', P .. 'rn')
    else
      counts = {}
      for _, socket in ipairs(kind == 's' and { name } or redis.call('ZRANGE', P .. 'u:' .. name, 0, -1)) do
        local node = redis.call('HGET', P .. 's:' .. socket, 'n')
        if node then
          counts[#counts + 1] = node
          counts[#counts + 1] = 1
        end
      end
    end
    -- A node counts each of its namespaces.
    local matched, told = 0, #counts > 2 and {}
    for field = 1, #counts, 2 do
      local node = string.match(counts[field], '^%S+')
      if node ~= me then
        matched = matched + counts[field + 1]
        if not (told and told[node]) then
          queue[#queue + 1] = node
          queue[#queue + 1] = text
        end
        if told then told[node] = true end
      end
    end
    if id ~= '' then
      marks = marks or {}
      marks[#marks + 1] = { id, cursor, '' }
    end
    replies[index] = cursor .. ' ' .. matched
  end
end
if marks then
  queue[#queue + 1] = me
  queue[#queue + 1] = 'marks\nd\n' .. cjson.encode(marks)
end
--- @include deliver
return replies
