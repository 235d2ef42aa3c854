local function place() return tonumber(redis.call('HGET', STATE, 'q') or '0') end
