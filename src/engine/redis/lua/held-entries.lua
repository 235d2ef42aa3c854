#!lua flags=no-writes
-- The entries of sockets that a node holds, as they are written: see `entry-fields.ts`. `ARGV`: the node, how many.
local node, limit = unpack(ARGV)
local texts = {}
for _, id in ipairs(redis.call('SRANDMEMBER', P .. 'held:' .. node, tonumber(limit))) do
  local text = redis.call('GET', P .. 'e:' .. id)
  if text then texts[#texts + 1] = text .. ']' end
end
return texts
