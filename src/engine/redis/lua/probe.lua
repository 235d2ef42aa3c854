#!lua
-- Writes, to find out whether that is possible again.
return redis.call('HSET', STATE, 'probe', now())
