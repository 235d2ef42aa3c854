#!lua flags=allow-oom
-- `ARGV`: key, owner.
local key = P .. 'idem:' .. ARGV[1]
if redis.call('HGET', key, 'o') == ARGV[2] then redis.call('DEL', key) end
return 1
