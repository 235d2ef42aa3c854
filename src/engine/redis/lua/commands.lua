#!lua flags=allow-oom
-- Commands without a publication among them, which a Redis that is full takes too: that is when somebody has to be sent
-- away. [A8]
--
-- `ARGV`: node, generation, orders as JSON, then the commands. Gives the nodes that each was told to.
--- @include command
local me, generation, orders = unpack(ARGV, 1, 3)
if not holds(me, generation) then return redis.error_reply('FENCED') end
local replies = {}
for index, order in ipairs(cjson.decode(orders)) do
  local _, kind, name, call = unpack(order)
  replies[index] = command(me, kind, name, call, ARGV[3 + index])
end
return replies
