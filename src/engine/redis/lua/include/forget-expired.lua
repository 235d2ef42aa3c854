local function forgetExpired(time)
  redis.call('ZREMRANGEBYSCORE', P .. 'rev:jti', '-inf', time)
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', P .. 'rev:until', '-inf', time)) do
    redis.call('HDEL', P .. 'rev:user', user)
  end
  redis.call('ZREMRANGEBYSCORE', P .. 'rev:until', '-inf', time)
end
