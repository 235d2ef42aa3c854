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
-- `ARGV`: node, generation, recovery window in ms and, behind it on a line of their own, orders of publications that are
-- not plain as JSON; then two for each publication: its order, and the publication. The order is nothing for one that is not
-- plain; else its part, and behind it, a line each and both or none, the user whose quota it counts for, and its ID where its
-- publisher is to find its place in its own inbox. Gives a reply for each; where there is one and it was plain, that alone.
--- @include common
--- @include queue
local me, generation, forOthers = unpack(ARGV, 1, 3)
if redis.call('HGET', P .. 'node:' .. me, 'g') ~= generation then return redis.error_reply('FENCED') end
local EPOCH = redis.call('HGET', STATE, 'e') or ''
local count = (#ARGV - 3) / 2
local reply, replies, marks
local publish, windowMs, others, next
for index = 1, count do
  local part, payload, publisher, id = ARGV[2 + index * 2], ARGV[3 + index * 2], '', ''
  if string.find(part, '\n', 1, true) then
    part, publisher, id = string.match(part, '^([^\n]*)\n([^\n]*)\n(.*)$')
  end
  if part == '' or redis.call('HEXISTS', P .. 'meta:' .. part, 'w') == 1 then
    replies = replies or {}
    publish = publish or (function()
      windowMs, others = string.match(forOthers, '^([^\n]*)\n(.*)$')
      --- @include clock
      --- @include tell
      --- @include publish-any
      return publish
    end)()
    if part == '' then
      if not next then others, next = cjson.decode(others), 0 end
      next = next + 1
      publish(index, payload, unpack(others[next]))
    else
      -- A session wants it: it is kept.
      publish(index, payload, id, 0, '', 0, { { part, 0, 0 } }, {}, id == '' and 0 or 1, publisher, 0)
    end
  else
    local cursor = EPOCH .. string.format('.%d', redis.call('HINCRBY', STATE, 'q', '1'))
    local text = 'publication\nq\n' .. cursor .. '\nx\n\nd\n' .. payload
    local kind, name = string.byte(part), string.sub(part, 2)
    local counts
    if kind == 114 then counts = redis.call('HGETALL', P .. 'rn:' .. name)
    elseif kind == 97 then counts = redis.call('HGETALL', P .. 'rn')
    else
      counts = {}
      for _, socket in ipairs(kind == 115 and { name } or redis.call('ZRANGE', P .. 'u:' .. name, 0, -1)) do
        local node = redis.call('HGET', P .. 's:' .. socket, 'n')
        if node then
          counts[#counts + 1] = node
          counts[#counts + 1] = '1'
        end
      end
    end
    -- A node counts each of its namespaces, whose names stand behind its own.
    -- What is a text is not made a number and a text again.
    local matched, told = '0', #counts > 2 and {}
    for field = 1, #counts, 2 do
      local node = counts[field]
      local space = string.find(node, ' ', 1, true)
      if space then node = string.sub(node, 1, space - 1) end
      if node ~= me then
        local there = counts[field + 1]
        matched = matched == '0' and there or matched + there
        if not (told and told[node]) then
          if count == 1 and not firstNode then
            firstNode, firstText = node, text
          else
            queue[#queue + 1] = node
            queue[#queue + 1] = text
          end
        end
        if told then told[node] = true end
      end
    end
    if id ~= '' then
      marks = marks or {}
      marks[#marks + 1] = { id, cursor, '' }
    end
    reply = cursor .. ' ' .. matched
    if count > 1 then
      replies = replies or {}
      replies[index] = reply
    end
  end
end
if marks then
  queue[#queue + 1] = me
  queue[#queue + 1] = 'marks\nd\n' .. cjson.encode(marks)
end
--- @include deliver
return replies or reply
