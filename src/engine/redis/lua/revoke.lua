#!lua flags=allow-oom
-- Keeps a revocation and tells every node. A second one never takes back what the first did. `ARGV`: node, generation, it
-- as JSON. The generation is for those that Redis runs late: nobody who was blocked since gets in by them. A Redis that is
-- full takes it too: that is when somebody has to be shut out. [A8]
--- @include forget-expired
local me, generation, revocation = unpack(ARGV)
if not holds(me, generation) then return redis.error_reply('FENCED') end
local kind, name, one, two = unpack(cjson.decode(revocation))
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
for _, node in ipairs(redis.call('ZRANGE', P .. 'nodes', 0, -1)) do tell(node, 'revocation', 'd', revocation) end
return result
