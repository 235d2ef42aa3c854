#!lua
-- Keeps ended episodes for a day. `ARGV`: how many bytes all of them may take, then of each user, claimed user, address,
-- socket, '' where there is none, and the text.
--
-- What is over the limit goes, the oldest first; so do the places of texts that are over by themselves.
local maxBytes = unpack(ARGV, 1, 1)
maxBytes = tonumber(maxBytes)
local DAY, MOST, MOST_CLAIMS, MOST_SWEPT = 86400000, 50, 10, 400
local all, bytes = P .. 'fl:all', tonumber(redis.call('GET', P .. 'fl:bytes') or '0')
local function list(kind, name, id, most)
  if name == '' then return end
  local key = P .. 'fl:' .. kind .. ':' .. name
  redis.call('LPUSH', key, id)
  redis.call('LTRIM', key, 0, most - 1)
  redis.call('PEXPIRE', key, DAY)
end
for index = 2, #ARGV, 5 do
  local user, claimed, address, socket, text = unpack(ARGV, index, index + 4)
  local id = string.format('%.0f', redis.call('INCR', P .. 'fl:n'))
  redis.call('SET', P .. 'fl:e:' .. id, text, 'PX', DAY)
  redis.call('RPUSH', all, id .. ':' .. #text)
  bytes = bytes + #text
  list('user', user, id, MOST)
  list('claimed', claimed, id, MOST_CLAIMS)
  list('address', address, id, MOST)
  list('socket', socket, id, MOST)
end
for _ = 1, MOST_SWEPT do
  local oldest = redis.call('LINDEX', all, 0)
  if not oldest then break end
  local id, size = string.match(oldest, '^(%d+):(%d+)$')
  if bytes <= maxBytes and redis.call('EXISTS', P .. 'fl:e:' .. id) == 1 then break end
  redis.call('LPOP', all)
  redis.call('DEL', P .. 'fl:e:' .. id)
  bytes = bytes - tonumber(size)
end
redis.call('SET', P .. 'fl:bytes', string.format('%.0f', math.max(0, bytes)))
return bytes
