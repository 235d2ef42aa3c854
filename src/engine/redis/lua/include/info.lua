-- What its token says of a socket's user, out of its entry.
local function infoOf(id)
  local first, ends = unpack(redis.call('HMGET', P .. 's:' .. id, 'i', 'l'))
  return first and redis.call('GETRANGE', P .. 'e:' .. id, first, ends - 1)
end
