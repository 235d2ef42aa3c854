-- Time is that of Redis, whose wall clock may be set: what it was set by is taken off, as soon as a node that renews its
-- lease finds that more or less has passed than by its own monotonic clock. [A11]
local shift
local function now()
  shift = shift or tonumber(redis.call('HGET', STATE, 'shift') or '0')
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) + shift
end
