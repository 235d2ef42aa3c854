import { REGISTRY_LUA } from './registry-lua.js';
import { script } from './script.js';
import { SESSION_LUA_ONLY } from './session-lua.js';

/**
 * Makes a node known, or finds it still known after its connection was cut.
 *
 * `ARGV`: node, the generation that what it has here began with or '', its next generation, when it started, lease in ms,
 * a new epoch, the epoch it knows or '', the last place it knows, bytes that all logs may take,
 * how many sessions of a user may wait, where it runs and what it
 * is as JSON. Gives: outcome, epoch, place, how often it has changed
 * the registry, the time; from then on the node has its next generation.
 *
 * - `kept`: nothing was lost.
 * - `new`: not known before.
 * - `lost`: these are not the contents this node wrote to: Redis was emptied, or went back to an older copy.
 * - `fenced`: others took this node for dead.
 * - `dying`: the same, and they are not done with it yet.
 * - `stale`: the node has made itself known again since it sent this; nothing was changed.
 *
 * The generation changes with `kept` too: what the node sent before, over a connection that it has given up, may run
 * only after what it sends now, and would undo it. What it began with stays, so that a node that never got an answer
 * finds out what became of it all the same.
 *
 * A copy that is older than what this node has seen gets a new epoch, because its offsets would be given twice.
 */
export const ATTACH = script(
  'attach',
  [
    String.raw`
local node, from, generation, leaseMs = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5])
-- Where rules of Redis forbid this user messages, it is to be refused here, and not at the end of what it publishes.
redis.call('SPUBLISH', P .. 'inbox:' .. node, '')
local knownEpoch, knownPlace = ARGV[7], tonumber(ARGV[8])
local key = P .. 'node:' .. node
local held, heldFrom = unpack(redis.call('HMGET', key, 'g', 'from'))
local function parse(text) return string.match(text or '', '^(.+)%.(%d+)$') end
local heldBase, heldNumber = parse(held)
local base, number = parse(generation)
if heldBase == base and tonumber(heldNumber) >= tonumber(number) then return { 'stale' } end
local epoch = redis.call('HGET', STATE, 'e')
local place = tonumber(redis.call('HGET', STATE, 'q') or '0')
if not epoch or (epoch == knownEpoch and place < knownPlace) then
  epoch = ARGV[6]
  place = math.max(place, knownEpoch == '' and 0 or knownPlace)
  redis.call('HSET', STATE, 'e', epoch, 'q', place)
end
redis.call('HSET', STATE, 'max', ARGV[9], 'away', ARGV[10])
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
  redis.call('HSET', key, 'g', generation, 'from', generation, 'since', ARGV[4], 'at', ARGV[11])
  redis.call('XADD', inbox, '1-0', 'd', 'begin')
end
-- A node that was not there before does not tell by its silence that Redis was away.
-- Nor do contents that begin anew tell by having no beat that it was not: it may go away before the first renewal.
redis.call(outcome == 'new' and 'HSET' or 'HSETNX', STATE, 'beat', now())
redis.call('ZADD', P .. 'nodes', now() + leaseMs, node)
return { outcome, epoch, place, tonumber(redis.call('HGET', key, 'w') or '0'), string.format('%.0f', now()) }
`,
  ],
  'allow-oom',
);

/**
 * Renews a node's lease, drops what it has read of its inbox and says whose lease has lapsed.
 *
 * When no lease at all was renewed for a while, it was Redis or the network that was away and not the nodes: everyone
 * gets one more lease before anyone is taken for dead.
 *
 * `ARGV`: node, generation, lease in ms, last inbox ID read, epoch, last place it knows, the time that its last renewal
 * gave or '', how many ms ago it was by the clock of the node.
 * Gives `lost`, `fenced`, or `ok`, nodes whose lease has lapsed, how many sessions have waited long enough, and how many
 * users that are held for their return, how many logs may have lapsed, the time, and how many that events wait for
 * did not come back.
 */
export const RENEW = script(
  'renew',
  [
    String.raw`
local node, leaseMs = ARGV[1], tonumber(ARGV[3])
local place = tonumber(redis.call('HGET', STATE, 'q') or '0')
if redis.call('HGET', STATE, 'e') ~= ARGV[5] or place < tonumber(ARGV[6]) then return { 'lost' } end
if not holds(node, ARGV[2]) then return { 'fenced' } end
local time = now()
-- Less than a minute may be a request that was long on its way.
local expected = ARGV[7] ~= '' and tonumber(ARGV[7]) + tonumber(ARGV[8]) or time
if math.abs(time - expected) > 60000 then
  redis.call('HSET', STATE, 'shift', string.format('%.0f', shift + expected - time))
  time = expected
end
local state = redis.call('HMGET', STATE, 'beat', 'grace')
local grace = tonumber(state[2] or '0')
if time - tonumber(state[1] or time) > leaseMs / 2 then
  grace = time + leaseMs
  redis.call('HSET', STATE, 'grace', grace)
end
redis.call('HSET', STATE, 'beat', time)
redis.call('ZADD', P .. 'nodes', time + leaseMs, node)
redis.call('XTRIM', P .. 'inbox:' .. node, 'MINID', ARGV[4])
local lapsed, overdue, away = {}, 0, 0
-- Nor has anybody failed to come back: their nodes may only just be able to say so.
if time > grace then
  lapsed = redis.call('ZRANGEBYSCORE', P .. 'nodes', '-inf', time, 'LIMIT', 0, 10)
  overdue = redis.call('ZCOUNT', P .. 'absent', '-inf', time)
  away = redis.call('ZCOUNT', P .. 'away', '-inf', time)
end
local lapsing = redis.call('ZCOUNT', P .. 'lapsing', '-inf', time)
return { 'ok', lapsed, redis.call('ZCOUNT', P .. 'waiting', '-inf', time), overdue, lapsing, string.format('%.0f', time), away }
`,
  ],
  'allow-oom',
);

/**
 * Takes one batch of what a node holds out: of a dead one, or of one that stops by itself.
 *
 * The first batch ends the node's generation, so that whatever it still writes is refused. Whoever runs the last batch
 * is told the total; everyone else is not, so that a death is counted once.
 *
 * `ARGV`: node, its generation when it stops by itself or '', batch size, recovery window in ms, how long logs of
 * sessions are kept in ms.
 * Gives how many sockets it held once nothing is left, else -1; -2 when there is nothing to take.
 */
export const REAP = script(
  'reap',
  [
    REGISTRY_LUA,
    SESSION_LUA_ONLY,
    String.raw`
local node, batch = ARGV[1], tonumber(ARGV[3])
local key = P .. 'node:' .. node
local lapses = redis.call('ZSCORE', P .. 'nodes', node)
if not lapses then return -2 end
if ARGV[2] ~= '' then
  local generation = redis.call('HGET', key, 'g')
  if generation ~= ARGV[2] and generation ~= 'dead' then return -2 end
elseif tonumber(lapses) > now() or tonumber(redis.call('HGET', STATE, 'grace') or '0') > now() then
  return -2
end
redis.call('HSET', key, 'g', 'dead')
redis.call('ZADD', P .. 'nodes', 0, node)
redis.call('DEL', P .. 'inbox:' .. node)
awayMs = tonumber(ARGV[4])
local sockets = redis.call('SPOP', P .. 'held:' .. node, batch)
for _, id in ipairs(sockets) do remove(id, 'broken', ARGV[2] == '' and 'node lost' or 'node stopped') end
local total = redis.call('HINCRBY', key, 'reaped', #sockets)
local sessions = redis.call('SPOP', P .. 'kept:' .. node, batch)
for _, id in ipairs(sessions) do detach(id, node, now() + tonumber(ARGV[4])) end
local watched = redis.call('SPOP', P .. 'wn:' .. node, batch)
for _, room in ipairs(watched) do redis.call('SREM', P .. 'rw:' .. room, node) end
tellPresence(tonumber(ARGV[4]), tonumber(ARGV[5]))
if #sockets == batch or #sessions == batch or #watched == batch then return -1 end
redis.call('DEL', key)
redis.call('ZREM', P .. 'nodes', node)
if wanted and ARGV[2] == '' and wanted.e['node.lost'] then
  keep('node.lost', 'n' .. node, '"node":' .. cjson.encode(node) .. ',"sockets":' .. total)
end
if wanted and redis.call('HDEL', P .. 'evw', node) == 1 then gatherWanted() end
return total
`,
  ],
  'allow-oom',
);

/** The live nodes: name, ms until its lease lapses, when it started, sockets. */
export const NODES = script(
  'nodes',
  [
    String.raw`
local nodes = {}
local listed = redis.call('ZRANGE', P .. 'nodes', 0, -1, 'WITHSCORES')
local time = now()
for index = 1, #listed, 2 do
  local node = listed[index]
  local of = redis.call('HMGET', P .. 'node:' .. node, 'g', 'since', 'at')
  local left = tonumber(listed[index + 1]) - time
  if of[1] and of[1] ~= 'dead' then
    table.insert(nodes, { node, math.max(0, left), of[2], redis.call('SCARD', P .. 'held:' .. node), of[3] or '' })
  end
end
return nodes
`,
  ],
  'no-writes',
);

/** Writes, to find out whether that is possible again. */
export const PROBE = script('probe', [String.raw`return redis.call('HSET', STATE, 'probe', now())`]);
