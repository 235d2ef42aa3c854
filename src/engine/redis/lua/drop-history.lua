#!lua flags=allow-oom
-- Forgets what a history holds; offsets go on. `ARGV`: part, time of its rule in ms.
--- @include log
known(ARGV[1])
local meta = P .. 'meta:' .. ARGV[1]
redis.call('HSET', meta, 'd', redis.call('HGET', meta, 'o'))
cut(ARGV[1])
keepKnown(ARGV[1], tonumber(ARGV[2]))
return 1
