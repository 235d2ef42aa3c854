-- What its token says of a socket's user, out of its entry.
local function infoOf(id)
  local of = redis.call('HMGET', P .. 's:' .. id, 'i', 'l')
  return of[1] and redis.call('GETRANGE', P .. 'e:' .. id, of[1], of[2] - 1)
end
