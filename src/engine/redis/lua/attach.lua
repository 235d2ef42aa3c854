#!lua flags=allow-oom
-- Makes a node known, or finds it still known after its connection was cut.
--
-- `ARGV`: node, the generation that what it has here began with or '', its next generation, when it started, lease in ms,
-- a new epoch, the epoch it knows or '', the last place it knows, bytes that all logs may take,
-- how many sessions of a user may wait, where it runs and what it
-- is as JSON. Gives: outcome, epoch, place, how often it has changed
-- the registry, the time, the time that the wall clock of Redis shows; from then on the node has its next generation.
--
-- - `kept`: nothing was lost.
-- - `new`: not known before.
-- - `lost`: these are not the contents this node wrote to: Redis was emptied, or went back to an older copy.
-- - `fenced`: others took this node for dead.
-- - `dying`: the same, and they are not done with it yet.
-- - `stale`: the node has made itself known again since it sent this; nothing was changed.
--
-- The generation changes with `kept` too: what the node sent before, over a connection that it has given up, may run
-- only after what it sends now, and would undo it. What it began with stays, so that a node that never got an answer
-- finds out what became of it all the same.
--
-- A copy that is older than what this node has seen gets a new epoch, because its offsets would be given twice.
local node, from, generation, since, leaseMs, newEpoch, knownEpoch, knownPlace, maxBytes, maxAway, at = unpack(ARGV)
leaseMs, knownPlace = tonumber(leaseMs), tonumber(knownPlace)
-- Where rules of Redis forbid this user messages, it is to be refused here, and not at the end of what it publishes.
redis.call('SPUBLISH', P .. 'inbox:' .. node, '')
local key = P .. 'node:' .. node
local held, heldFrom = unpack(redis.call('HMGET', key, 'g', 'from'))
local function parse(text) return string.match(text or '', '^(.+)%.(%d+)$') end
local heldBase, heldNumber = parse(held)
local base, number = parse(generation)
if heldBase == base and tonumber(heldNumber) >= tonumber(number) then return { 'stale' } end
local epoch = redis.call('HGET', STATE, 'e')
local place = tonumber(redis.call('HGET', STATE, 'q') or '0')
if not epoch or (epoch == knownEpoch and place < knownPlace) then
  epoch = newEpoch
  place = math.max(place, knownEpoch == '' and 0 or knownPlace)
  redis.call('HSET', STATE, 'e', epoch, 'q', place)
end
redis.call('HSET', STATE, 'max', maxBytes, 'away', maxAway)
if held == 'dead' then return { 'dying' } end
local outcome = 'new'
if from ~= '' then
  outcome = epoch ~= knownEpoch and 'lost' or (heldFrom == from and 'kept' or 'fenced')
end
if outcome == 'kept' then
  redis.call('HSET', key, 'g', generation)
else
  local inbox = P .. 'inbox:' .. node
  redis.call('DEL', key, inbox)
  redis.call('HSET', key, 'g', generation, 'from', generation, 'since', since, 'at', at)
  redis.call('XADD', inbox, '1-0', 'd', 'begin')
end
-- A node that was not there before does not tell by its silence that Redis was away.
-- Nor do contents that begin anew tell by having no beat that it was not: it may go away before the first renewal.
redis.call(outcome == 'new' and 'HSET' or 'HSETNX', STATE, 'beat', now())
redis.call('ZADD', P .. 'nodes', now() + leaseMs, node)
local time = now()
return { outcome, epoch, place, tonumber(redis.call('HGET', key, 'w') or '0'), string.format('%.0f', time),
  string.format('%.0f', time - shift) }
