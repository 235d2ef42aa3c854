#!lua flags=no-writes
-- The episodes of a user, an address or a socket, newest first; those of clients that only claimed to be the user are the
-- last. `ARGV`: which of them, its name.
local kind, name = unpack(ARGV)
local texts = {}
local function read(list)
  for _, id in ipairs(redis.call('LRANGE', P .. 'fl:' .. list .. ':' .. name, 0, -1)) do
    texts[#texts + 1] = redis.call('GET', P .. 'fl:e:' .. id) or nil
  end
end
read(kind)
if kind == 'user' then read('claimed') end
return texts
