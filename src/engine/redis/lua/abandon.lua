#!lua flags=allow-oom
-- `ARGV`: key, owner.
local request, owner = unpack(ARGV)
local key = P .. 'idem:' .. request
if redis.call('HGET', key, 'o') == owner then redis.call('DEL', key) end
return 1
