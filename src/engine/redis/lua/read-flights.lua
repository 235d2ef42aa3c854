#!lua flags=no-writes
-- The episodes of a user, an address or a socket, newest first. `ARGV`: which of them, its name.
local texts = {}
for _, id in ipairs(redis.call('LRANGE', P .. 'fl:' .. ARGV[1] .. ':' .. ARGV[2], 0, -1)) do
  texts[#texts + 1] = redis.call('GET', P .. 'fl:e:' .. id) or nil
end
return texts
