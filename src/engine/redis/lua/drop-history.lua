#!lua flags=allow-oom
-- Forgets what a history holds; offsets go on. `ARGV`: part, time of its rule in ms.
--- @include log
local part, ttlMs = unpack(ARGV)
known(part)
local meta = P .. 'meta:' .. part
redis.call('HSET', meta, 'd', redis.call('HGET', meta, 'o'))
cut(part)
keepKnown(part, tonumber(ttlMs))
return 1
