#!lua flags=allow-oom
-- Everything that is shut out: users, tokens and until when in turn, users and their revocation in turn.
--- @include forget-expired
forgetExpired(now())
return {
  redis.call('SMEMBERS', P .. 'rev:blocked'),
  redis.call('ZRANGE', P .. 'rev:jti', 0, -1, 'WITHSCORES'),
  redis.call('HGETALL', P .. 'rev:user'),
}
