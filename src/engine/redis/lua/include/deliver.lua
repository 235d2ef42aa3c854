-- What a node is told stands in its inbox, as one text: what it is, then names and values, a line each. The ID is numbered
-- from `1-1` on by Redis. At the end of the script all of it goes to the node as one message: the beginning of its inbox,
-- then ID and text of each entry, behind carriage returns. No part holds either character: they are JSON, or names of our
-- own.
--
-- A dead node has no inbox. One that lives and has none any longer learns from its lease that it was forgotten.
local messages
local node, text, at = firstNode, firstText, 1
if not node then node, text, at = queue[1], queue[2], 3 end
while node do
  local inbox = P .. 'inbox:' .. node
  -- A node that reads nothing takes no more than 256 MiB of Redis until its lease lapses. [Q7]
  local most = '50000'
  if #text > 5368 then most = math.max(math.floor(268435456 / #text), 1000) end
  local id = redis.call('XADD', inbox, 'NOMKSTREAM', 'MAXLEN', '~', most, '1-*', 'd', text)
  if not id then
    local key = P .. 'node:' .. node
    if redis.call('HGET', key, 'g') ~= 'dead' then redis.call('HDEL', key, 'g', 'from') end
  elseif messages and messages[node] then
    local message = messages[node]
    message[#message + 1] = '\r' .. id .. '\n' .. text
  else
    local from = redis.call('HGET', P .. 'node:' .. node, 'from')
    -- Most of the time it is all there is.
    if not messages and not queue[at] then redis.call('SPUBLISH', inbox, from .. '\r' .. id .. '\n' .. text)
    else
      messages = messages or {}
      messages[node] = { from, '\r' .. id .. '\n' .. text }
    end
  end
  node, text, at = queue[at], queue[at + 1], at + 2
end
if messages then
  for node, message in pairs(messages) do redis.call('SPUBLISH', P .. 'inbox:' .. node, table.concat(message)) end
end
