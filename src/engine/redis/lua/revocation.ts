import { script } from './script.js';

/** Somebody or something that is shut out, or no longer. Times `untilMs` are milliseconds since 1970. */
export type Revocation =
  | readonly ['block' | 'unblock', user: string]
  | readonly ['token', jti: string, untilMs: number]
  | readonly ['user', user: string, issuedBefore: number, untilMs: number];

const FORGET_EXPIRED_LUA = String.raw`
local function forgetExpired(time)
  redis.call('ZREMRANGEBYSCORE', P .. 'rev:jti', '-inf', time)
  for _, user in ipairs(redis.call('ZRANGEBYSCORE', P .. 'rev:until', '-inf', time)) do
    redis.call('HDEL', P .. 'rev:user', user)
  end
  redis.call('ZREMRANGEBYSCORE', P .. 'rev:until', '-inf', time)
end
`;

/**
 * Keeps a revocation and tells every node. A second one never takes back what the first did. `ARGV`: node, generation, it
 * as JSON. The generation is for those that Redis runs late: nobody who was blocked since gets in by them. A Redis that is
 * full takes it too: that is when somebody has to be shut out. [A8]
 */
export const REVOKE = script(
  'revoke',
  [
    FORGET_EXPIRED_LUA,
    String.raw`
if not holds(ARGV[1], ARGV[2]) then return redis.error_reply('FENCED') end
local kind, name, one, two = unpack(cjson.decode(ARGV[3]))
local time = now()
local result = 1
forgetExpired(time)
if kind == 'block' then
  redis.call('SADD', P .. 'rev:blocked', name)
elseif kind == 'unblock' then
  result = redis.call('SREM', P .. 'rev:blocked', name)
elseif kind == 'token' then
  redis.call('ZADD', P .. 'rev:jti', 'GT', one, name)
else
  local before = redis.call('HGET', P .. 'rev:user', name)
  if before then
    before = cjson.decode(before)
    if before[2] > time then
      one = math.max(one, before[1])
      two = math.max(two, before[2])
    end
  end
  redis.call('HSET', P .. 'rev:user', name, string.format('[%.0f,%.0f]', one, two))
  redis.call('ZADD', P .. 'rev:until', two, name)
end
for _, node in ipairs(redis.call('ZRANGE', P .. 'nodes', 0, -1)) do tell(node, 'revocation', 'd', ARGV[3]) end
return result
`,
  ],
  'allow-oom',
);

/** Everything that is shut out: users, tokens and until when in turn, users and their revocation in turn. */
export const LOAD_REVOCATIONS = script(
  'loadRevocations',
  [
    FORGET_EXPIRED_LUA,
    String.raw`
forgetExpired(now())
return {
  redis.call('SMEMBERS', P .. 'rev:blocked'),
  redis.call('ZRANGE', P .. 'rev:jti', 0, -1, 'WITHSCORES'),
  redis.call('HGETALL', P .. 'rev:user'),
}
`,
  ],
  'allow-oom',
);
