#!lua flags=no-writes
-- The episodes of a user, an address or a socket, newest first. `ARGV`: which of them, its name.
local kind, name = unpack(ARGV)
local texts = {}
for _, id in ipairs(redis.call('LRANGE', P .. 'fl:' .. kind .. ':' .. name, 0, -1)) do
  texts[#texts + 1] = redis.call('GET', P .. 'fl:e:' .. id) or nil
end
return texts
