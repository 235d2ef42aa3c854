local EPOCH, MAX_BYTES, WANT = unpack(redis.call('HMGET', STATE, 'e', 'max', 'want'))
EPOCH, MAX_BYTES = EPOCH or '', tonumber(MAX_BYTES or '1e15')
--- @include place
--- @include log-functions
