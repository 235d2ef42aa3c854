import { ATTEMPTS_KEPT, KEEP_EVENTS_MS, KEY_OF_GATEWAY } from '../../outbox.js';
import { LOG_LUA } from './log-lua.js';
import { OUTBOX_LUA } from './outbox-lua.js';
import { script } from './script.js';

/** What a node wants, as the scripts read it. */
export interface WrittenWants {
  readonly n: string;
  readonly e: object;
  /** Whether it hears of users. */
  readonly h: boolean;
  /** Whether it sends to endpoints. */
  readonly s: boolean;
}

/** Who owns a partition, what stands in it, and where endpoints are. */
const PLACES_LUA = String.raw`
local function lastOf(partition)
  local newest = redis.call('XREVRANGE', P .. 'ev:' .. partition, '+', '-', 'COUNT', 1)[1]
  return newest and tonumber(string.sub(newest[1], 3)) or 0
end
local function isAlive(node)
  local generation = redis.call('HGET', P .. 'node:' .. node, 'g')
  if not generation or generation == 'dead' then return false end
  local lapses = tonumber(redis.call('ZSCORE', P .. 'nodes', node) or '0')
  return lapses > now() or tonumber(redis.call('HGET', STATE, 'grace') or '0') > now()
end
local function owns(node, partition) return redis.call('HGET', P .. 'evo', partition) == node end
local function atOf(entry) return tonumber(string.match(entry[2][2], '"at":(%d+),"d":{')) end
local function entryOf(entry) return { tonumber(string.sub(entry[1], 3)), entry[2][2] } end
`;

/**
 * Says what a node wants, before it writes what it holds. An endpoint that was not there before begins behind the last
 * event; contents that are new begin with `gateway.started`.
 *
 * `ARGV`: node, generation, what it wants as JSON or '', its endpoints as JSON.
 */
export const WANT_EVENTS = script(
  'wantEvents',
  [
    LOG_LUA,
    OUTBOX_LUA,
    PLACES_LUA,
    String.raw`
local node = ARGV[1]
if not holds(node, ARGV[2]) then return redis.error_reply('FENCED') end
if ARGV[3] == '' then redis.call('HDEL', P .. 'evw', node) else redis.call('HSET', P .. 'evw', node, ARGV[3]) end
gatherWanted()
local names = cjson.decode(ARGV[4])
for _, name in ipairs(names) do
  for index = 1, 16 do
    local partition = string.sub(HEX, index, index)
    redis.call('HSETNX', P .. 'evc:' .. name, partition, lastOf(partition))
  end
end
if #names > 0 and redis.call('HGET', P .. 'evo', 'epoch') ~= EPOCH then
  redis.call('HSET', P .. 'evo', 'epoch', EPOCH)
  keep('gateway.started', '${KEY_OF_GATEWAY}', '')
end
return 1
`,
  ],
  'allow-oom',
);

/** Where the outbox stands: see the script. Numbers of partitions are in their order. */
export type StandingReply = readonly [
  epoch: string,
  share: number,
  owned: readonly number[],
  last: readonly number[],
  endpoints: readonly (readonly [delivered: readonly number[], replays: number, stoppedAs: string])[],
];

/**
 * Takes partitions up to the node's share, and says where everything stands. One whose owner is dead is nobody's. Drops
 * events that are too old, when asked to.
 *
 * `ARGV`: node, generation, endpoints as JSON, whether to take any, whether to drop.
 */
export const CLAIM_PARTITIONS = script(
  'claimPartitions',
  [
    LOG_LUA,
    OUTBOX_LUA,
    PLACES_LUA,
    String.raw`
local node, isTaking, isDropping = ARGV[1], ARGV[4] == '1', ARGV[5] == '1'
if not holds(node, ARGV[2]) then return redis.error_reply('FENCED') end
local senders, alive = 0, {}
local wants = redis.call('HGETALL', P .. 'evw')
for index = 1, #wants, 2 do
  alive[wants[index]] = isAlive(wants[index])
  if alive[wants[index]] and string.find(wants[index + 1], '"s":true', 1, true) then senders = senders + 1 end
end
local share = math.ceil(16 / math.max(senders, 1))
local owner, owned = {}, 0
for index = 1, 16 do
  local partition = string.sub(HEX, index, index)
  owner[index] = redis.call('HGET', P .. 'evo', partition)
  if owner[index] == node then owned = owned + 1 end
end
local mine, last = {}, {}
for index = 1, 16 do
  local partition = string.sub(HEX, index, index)
  if isTaking and owner[index] ~= node and owned < share and not (owner[index] and alive[owner[index]]) then
    redis.call('HSET', P .. 'evo', partition, node)
    owner[index], owned = node, owned + 1
  end
  if owner[index] == node then table.insert(mine, index - 1) end
  last[index] = lastOf(partition)
end
if isDropping then
  for _, place in ipairs(mine) do
    local key = P .. 'ev:' .. string.sub(HEX, place + 1, place + 1)
    for _ = 1, 20 do
      local page = redis.call('XRANGE', key, '-', '+', 'COUNT', 101)
      local old
      for index = 1, #page - 1 do
        if atOf(page[index]) < now() - ${KEEP_EVENTS_MS} then old = page[index + 1][1] else break end
      end
      if not old then break end
      redis.call('XTRIM', key, 'MINID', old)
    end
  end
end
local endpoints = {}
for _, name in ipairs(cjson.decode(ARGV[3])) do
  local of = redis.call('HMGET', P .. 'evc:' .. name, '0', '1', '2', '3', '4', '5', '6', '7', '8', '9',
    'a', 'b', 'c', 'd', 'e', 'f', 'r', 'stopped')
  local delivered = {}
  for index = 1, 16 do delivered[index] = tonumber(of[index] or '0') end
  table.insert(endpoints, { delivered, tonumber(of[17] or '0'), of[18] or '' })
end
return { EPOCH, share, mine, last, endpoints }
`,
  ],
  'allow-oom',
);

/** Gives partitions back. `ARGV`: node, generation, partitions as a text of hexadecimal digits. */
export const RELEASE_PARTITIONS = script(
  'releasePartitions',
  [
    PLACES_LUA,
    String.raw`
for partition in string.gmatch(ARGV[3], '.') do
  if owns(ARGV[1], partition) then redis.call('HDEL', P .. 'evo', partition) end
end
return 1
`,
  ],
  'allow-oom',
);

/**
 * Reads a partition. `ARGV`: node, generation, partition, after which event, how many. Gives `seq` and text of each; no
 * more than half a MiB, so that what a node holds of a partition is bounded.
 */
export const READ_EVENTS = script(
  'readEvents',
  [
    PLACES_LUA,
    String.raw`
if not holds(ARGV[1], ARGV[2]) then return redis.error_reply('FENCED') end
if not owns(ARGV[1], ARGV[3]) then return {} end
local entries, bytes, after, left = {}, 0, '1-' .. ARGV[4], tonumber(ARGV[5])
repeat
  local page = redis.call('XRANGE', P .. 'ev:' .. ARGV[3], '(' .. after, '+', 'COUNT', math.min(left, 50))
  for _, entry in ipairs(page) do
    table.insert(entries, entryOf(entry))
    bytes, after, left = bytes + #entry[2][2], entry[1], left - 1
  end
until #page < 50 or left <= 0 or bytes > 524288
return entries
`,
  ],
  'no-writes',
);

/**
 * Notes how far endpoints were delivered to, unless the partition is another node's by now or they are sent once more.
 *
 * `ARGV`: node, generation, `[endpoint, partition, seq, replays]` each as JSON, then endpoint and attempt in turn.
 */
export const NOTE_DELIVERED = script(
  'noteDelivered',
  [
    PLACES_LUA,
    String.raw`
if not holds(ARGV[1], ARGV[2]) then return redis.error_reply('FENCED') end
for index = 4, #ARGV, 2 do
  local key = P .. 'eva:' .. ARGV[index]
  redis.call('LPUSH', key, ARGV[index + 1])
  redis.call('LTRIM', key, 0, ${ATTEMPTS_KEPT - 1})
end
local noted = {}
for index, mark in ipairs(cjson.decode(ARGV[3])) do
  local key = P .. 'evc:' .. mark[1]
  local isNoted = owns(ARGV[1], mark[2]) and tonumber(redis.call('HGET', key, 'r') or '0') == mark[4]
  if isNoted then redis.call('HSET', key, mark[2], mark[3]) end
  noted[index] = isNoted and 1 or 0
end
return noted
`,
  ],
  'allow-oom',
);

/** Stops an endpoint, or has it go on. `ARGV`: endpoint, what it was stopped with or ''. */
export const STOP_ENDPOINT = script(
  'stopEndpoint',
  [
    String.raw`
local key = P .. 'evc:' .. ARGV[1]
if ARGV[2] == '' then return redis.call('HDEL', key, 'stopped') end
return redis.call('HSET', key, 'stopped', ARGV[2])
`,
  ],
  'allow-oom',
);

/**
 * Sets an endpoint back to before the first event since a time. Events are numbered without a gap, so the place is found by
 * halving. `ARGV`: endpoint, time in ms. Gives how many events are delivered once more.
 */
export const REPLAY_EVENTS = script(
  'replayEvents',
  [
    PLACES_LUA,
    String.raw`
local key, since, total = P .. 'evc:' .. ARGV[1], tonumber(ARGV[2]), 0
for partition in string.gmatch('0123456789abcdef', '.') do
  local stream = P .. 'ev:' .. partition
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then
    local low, high = tonumber(string.sub(first[1], 3)), lastOf(partition) + 1
    while low < high do
      local middle = math.floor((low + high) / 2)
      local entry = redis.call('XRANGE', stream, '1-' .. string.format('%.0f', middle), '+', 'COUNT', 1)[1]
      if not entry or atOf(entry) >= since then high = middle else low = middle + 1 end
    end
    local before = tonumber(redis.call('HGET', key, partition) or '0')
    if low - 1 < before then
      total = total + before - (low - 1)
      redis.call('HSET', key, partition, string.format('%.0f', low - 1))
    end
  end
end
redis.call('HINCRBY', key, 'r', 1)
return total
`,
  ],
  'allow-oom',
);

/** The last attempts of an endpoint, newest first. `ARGV`: endpoint. */
export const READ_ATTEMPTS = script(
  'readAttempts',
  [String.raw`return redis.call('LRANGE', P .. 'eva:' .. ARGV[1], 0, -1)`],
  'no-writes',
);

/**
 * The newest events of a key, newest first, among the last 10,000 of its partition. `ARGV`: key, how many at most.
 * Gives `seq` and text of each.
 */
export const FIND_EVENTS = script(
  'findEvents',
  [
    PLACES_LUA,
    String.raw`
local word, found, before = '"k":' .. cjson.encode(ARGV[1]) .. ',"at":', {}, '+'
local stream = P .. 'ev:' .. string.sub(redis.sha1hex(ARGV[1]), 1, 1)
for _ = 1, 100 do
  local page = redis.call('XREVRANGE', stream, before, '-', 'COUNT', 100)
  for _, entry in ipairs(page) do
    if string.find(entry[2][2], word, 1, true) then table.insert(found, entryOf(entry)) end
    if #found == tonumber(ARGV[2]) then return found end
    before = '(' .. entry[1]
  end
  if #page < 100 then break end
end
return found
`,
  ],
  'no-writes',
);

/** When the first event after a place was written, by partition; `0` for none. `ARGV`: places as JSON. */
export const OLDEST_EVENTS = script(
  'oldestEvents',
  [
    PLACES_LUA,
    String.raw`
local oldest = {}
for index, place in ipairs(cjson.decode(ARGV[1])) do
  local stream = P .. 'ev:' .. string.format('%x', index - 1)
  local entry = redis.call('XRANGE', stream, '(1-' .. string.format('%.0f', place), '+', 'COUNT', 1)[1]
  oldest[index] = entry and atOf(entry) or 0
end
return oldest
`,
  ],
  'no-writes',
);

/**
 * Users and members that did not come back in time are gone. `ARGV`: how many at most. Gives how many there were.
 */
export const SWEEP_AWAY = script(
  'sweepAway',
  [
    LOG_LUA,
    OUTBOX_LUA,
    String.raw`
local over = redis.call('ZRANGEBYSCORE', P .. 'away', '-inf', now(), 'LIMIT', 0, ARGV[1])
for _, what in ipairs(over) do
  redis.call('ZREM', P .. 'away', what)
  if string.sub(what, 1, 1) == 'u' then
    local user = string.sub(what, 2)
    if wanted and redis.call('EXISTS', P .. 'u:' .. user) == 0 then userGone(user, 'lost') end
  else
    local room, user = string.match(what, '^m(%S+) (.*)$')
    redis.call('SREM', P .. 'rh:' .. room, user)
    if wanted and redis.call('HEXISTS', P .. 'rc:' .. room, user) == 0 then memberLeft(room, user, 'lost') end
  end
end
return #over
`,
  ],
  'allow-oom',
);
