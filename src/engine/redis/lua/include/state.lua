-- What is read of the state first of all.
local EPOCH, MAX_BYTES, WANT = unpack(redis.call('HMGET', STATE, 'e', 'max', 'want'))
EPOCH, MAX_BYTES = EPOCH or '', tonumber(MAX_BYTES or '1e15')
