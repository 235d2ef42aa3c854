#!lua flags=allow-oom
-- Renews a node's lease, drops what it has read of its inbox and says whether there is more in it, and whose lease has
-- lapsed.
--
-- When no lease at all was renewed for a while, it was Redis or the network that was away and not the nodes: everyone
-- gets one more lease before anyone is taken for dead.
--
-- `ARGV`: node, generation, lease in ms, last inbox ID read, epoch, last place it knows, the time that its last renewal
-- gave or '', how many ms ago it was by the clock of the node, last inbox ID that it has.
-- Gives `lost`, `fenced`, or `ok`, nodes whose lease has lapsed, how many sessions have waited long enough, and how many
-- users that are held for their return, how many logs may have lapsed, the time, how many that events wait for
-- did not come back, how many publications sessions have ended without since somebody was told that, the time that
-- the wall clock of Redis shows, the beginning of its inbox, and 1 where that has more than the node has, else 0.
local node, generation, leaseMs, lastRead, epoch, knownPlace, lastTime, sinceMs, lastTaken = unpack(ARGV)
leaseMs = tonumber(leaseMs)
local key, inbox = P .. 'node:' .. node, P .. 'inbox:' .. node
local heldEpoch, place, beat, grace, over = unpack(redis.call('HMGET', STATE, 'e', 'q', 'beat', 'grace', 'over'))
if heldEpoch ~= epoch or tonumber(place or '0') < tonumber(knownPlace) then return { 'lost' } end
local held, beginning = unpack(redis.call('HMGET', key, 'g', 'from'))
if held ~= generation then return { 'fenced' } end
local time = now()
local wallTime = string.format('%.0f', time - shift)
-- Less than a minute may be a request that was long on its way.
local expected = lastTime ~= '' and tonumber(lastTime) + tonumber(sinceMs) or time
if math.abs(time - expected) > 60000 then
  redis.call('HSET', STATE, 'shift', string.format('%.0f', shift + expected - time))
  time = expected
end
grace = tonumber(grace or '0')
if time - tonumber(beat or time) > leaseMs / 2 then
  grace = time + leaseMs
  redis.call('HSET', STATE, 'grace', grace)
end
redis.call('HSET', STATE, 'beat', time)
redis.call('ZADD', P .. 'nodes', time + leaseMs, node)
redis.call('XTRIM', inbox, 'MINID', lastRead)
local hasMore = #redis.call('XRANGE', inbox, '(' .. lastTaken, '+', 'COUNT', 1)
-- When it dies, what comes behind this is what its clients did not get.
redis.call('HSET', key, 'seen', knownPlace)
if over then redis.call('HDEL', STATE, 'over') end
local lapsed, overdue, away = {}, 0, 0
-- Nor has anybody failed to come back: their nodes may only just be able to say so.
if time > grace then
  lapsed = redis.call('ZRANGEBYSCORE', P .. 'nodes', '-inf', time, 'LIMIT', 0, 10)
  overdue = redis.call('ZCOUNT', P .. 'absent', '-inf', time)
  away = redis.call('ZCOUNT', P .. 'away', '-inf', time)
end
local lapsing = redis.call('ZCOUNT', P .. 'lapsing', '-inf', time)
return { 'ok', lapsed, redis.call('ZCOUNT', P .. 'waiting', '-inf', time), overdue, lapsing, string.format('%.0f', time), away,
  tonumber(over or '0'), wallTime, beginning or '', hasMore }
