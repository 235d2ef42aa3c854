#!lua flags=allow-oom
-- Commands without a publication among them, which a Redis that is full takes too: that is when somebody has to be sent
-- away. [A8]
--
-- `ARGV`: node, generation, orders as JSON, then the commands. Gives the nodes that each was told to.
--- @include command
local me = ARGV[1]
if not holds(me, ARGV[2]) then return redis.error_reply('FENCED') end
local replies = {}
for index, order in ipairs(cjson.decode(ARGV[3])) do
  replies[index] = command(me, order[2], order[3], order[4], ARGV[3 + index])
end
return replies
