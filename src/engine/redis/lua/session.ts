import { script } from './script.js';
import { SESSION_LUA } from './session-lua.js';

/** One change of a session, which goes by the hash of its ID. Those of a turn are one run, in order. */
export type SessionChange =
  /**
   * `known` is the place up to which the node had read when the session began: no cursor of it is older. `again` when it
   * is written once more because Redis may not know all of it: without a cursor, nobody knows then what was missed.
   */
  | readonly [
      'open',
      id: string,
      socketId: string,
      user: string,
      namespace: string,
      token: string,
      known: number,
      again: 0 | 1,
      data?: string,
    ]
  | readonly ['renewed', id: string, token: string]
  /** With the app's data where that has changed; an empty text is none. */
  | readonly ['joined', id: string, room: string, how: string, data?: string]
  | readonly ['left', id: string, room: string]
  /** The node has its socket: what Redis finds it by when the node dies is there again, if it was lost. */
  | readonly ['check', id: string]
  | readonly ['detach', id: string, data?: string]
  | readonly ['close', id: string]
  /** Takes a claim back, which the token of its mark names: it may not have come to anything. */
  | readonly ['release', id: string, token: string]
  | readonly ['closeOf', kind: 'user' | 'socket', name: string]
  | readonly ['leaveOf', kind: 'user' | 'socket', name: string, room: string];

/**
 * `ARGV`: node, generation, recovery window in ms, changes as JSON.
 *
 * A node changes its own sessions only: what it still says of one that has moved on has no effect. Those of a user or of
 * a socket (`closeOf`, `leaveOf`) are meant wherever they are.
 */
const CHANGES: readonly string[] = [
  SESSION_LUA,
  String.raw`
local node, windowMs = ARGV[1], tonumber(ARGV[3])
if not holds(node, ARGV[2]) then return redis.error_reply('FENCED') end
local function isMine(id) return redis.call('HGET', sessionKey(id), 'n') == node end
local function live(id) redis.call('HSET', sessionKey(id), 'st', 'live') end
local function leave(id, room)
  if redis.call('HDEL', sessionKey(id), 'r:' .. room, 'q:' .. room) > 0 then unwant('r' .. room) end
end
local function sessionsOf(kind, name)
  if kind == 'user' then return redis.call('SMEMBERS', P .. 'us:' .. name) end
  return { redis.call('GET', P .. 'ss:' .. name) or nil }
end
local function keepData(id, data)
  if data == '' then redis.call('HDEL', sessionKey(id), 'dat')
  elseif data then redis.call('HSET', sessionKey(id), 'dat', data) end
end
local run = {}
local writtenAt
function run.open(id, socketId, user, namespace, token, known, again, data)
  if again == 1 and redis.call('EXISTS', sessionKey(id)) == 1 and not isMine(id) then return end
  finish(id)
  -- What its socket got before is not known to be all: only a cursor from behind this place proves anything.
  if again == 1 then
    writtenAt = writtenAt or redis.call('HINCRBY', STATE, 'q', 1)
    known = writtenAt
  end
  redis.call('HSET', sessionKey(id), 'sid', socketId, 'u', user, 'ns', namespace, 'tok', token, 'e', EPOCH,
    'q', string.format('%.0f', place()), 'k', string.format('%.0f', known), 'again', again)
  keepData(id, data)
  redis.call('SADD', P .. 'us:' .. user, id)
  redis.call('SET', P .. 'ss:' .. socketId, id)
  hold(id, node)
  live(id)
  for _, part in ipairs(sessionParts(id)) do want(part[1]) end
end
function run.check(id)
  if isMine(id) and redis.call('HGET', sessionKey(id), 'st') ~= 'waiting' then redis.call('SADD', P .. 'kept:' .. node, id) end
end
function run.renewed(id, token)
  if isMine(id) then redis.call('HSET', sessionKey(id), 'tok', token) end
end
function run.joined(id, room, how, data)
  if not isMine(id) then return end
  keepData(id, data)
  if redis.call('HSET', sessionKey(id), 'r:' .. room, how) == 1 then
    redis.call('HSET', sessionKey(id), 'q:' .. room, string.format('%.0f', place()))
    want('r' .. room)
  end
end
function run.left(id, room)
  if isMine(id) then leave(id, room) end
end
function run.detach(id, data)
  if isMine(id) then keepData(id, data) end
  detach(id, node, now() + windowMs)
end
function run.release(id, token)
  local of = redis.call('HMGET', sessionKey(id), 'by', 'until')
  if isMine(id) and of[1] == token then detach(id, node, tonumber(of[2])) end
end
function run.close(id)
  if isMine(id) then finish(id) end
end
function run.closeOf(kind, name)
  for _, id in ipairs(sessionsOf(kind, name)) do finish(id) end
end
function run.leaveOf(kind, name, room)
  for _, id in ipairs(sessionsOf(kind, name)) do
    local of = redis.call('HMGET', sessionKey(id), 'st', 'r:' .. room)
    if of[1] == 'claimed' and of[2] then finish(id) else leave(id, room) end
  end
end
for _, change in ipairs(cjson.decode(ARGV[4])) do run[change[1]](unpack(change, 2)) end
return 1
`,
];

export const CHANGE_SESSIONS = script('changeSessions', CHANGES);

/** The same for changes that free memory, which a full Redis takes too: who is shut out has no session then. [A8] */
export const END_SESSIONS = script('endSessions', CHANGES, 'allow-oom');

const FREEING: ReadonlySet<SessionChange[0]> = new Set(['left', 'close', 'closeOf', 'leaveOf', 'release']);

export const freesMemory = ([kind]: SessionChange): boolean => FREEING.has(kind);

/**
 * Gives a session to the node of whoever wants it, or nothing, or `busy`. One that cannot be given whole ends.
 *
 * `ARGV`: node, generation, session, user, namespace, epoch of the cursor or '', its place, recovery window in ms,
 * token of a mark for the node's inbox: what stands before it is not for the socket that comes back.
 * Gives the socket ID, its token, how it is in its rooms, whether the cursor is one of this session, and the app's data.
 */
export const CLAIM = script('claim', [
  SESSION_LUA,
  String.raw`
local node, id, cursorEpoch, after = ARGV[1], ARGV[3], ARGV[6], tonumber(ARGV[7])
if not holds(node, ARGV[2]) then return redis.error_reply('FENCED') end
local of = redis.call('HMGET', sessionKey(id), 'sid', 'u', 'ns', 'n', 'st', 'e', 'until', 'k', 'again')
if of[2] ~= ARGV[4] or of[3] ~= ARGV[5] then return false end
if of[5] == 'claimed' then return 'busy' end
local time = now()
if of[5] == 'waiting' and tonumber(of[7]) <= time then
  finish(id)
  return false
end
local isCovered = of[6] == EPOCH
if isCovered and cursorEpoch == EPOCH and after > place() then return false end
if cursorEpoch ~= EPOCH or after < tonumber(of[8]) then
  -- From before the session, which its client still has: it got nothing of this one yet.
  cursorEpoch, after = '', 0
end
-- It was written again: a later cursor may prove what this one does not.
if isCovered and cursorEpoch == '' and of[9] == '1' then return false end
for _, part in ipairs(sessionParts(id)) do
  isCovered = isCovered and covers(part[1], math.max(part[2], after))
end
local held = of[5] == 'live' and of[4] or ''
if not isCovered then
  finish(id)
  return false
end
if held ~= '' and held ~= node then tell(held, 'takeOver', 'd', of[1]) end
if held ~= '' then
  redis.call('HSET', sessionKey(id), 'until', string.format('%.0f', time + tonumber(ARGV[8])))
end
hold(id, node)
redis.call('HSET', sessionKey(id), 'st', 'claimed', 'by', ARGV[9])
tell(node, 'mark', 'd', ARGV[9], 'q', EPOCH .. '.' .. string.format('%.0f', place()))
local rooms = {}
for _, room in ipairs(sessionRooms(id)) do
  table.insert(rooms, redis.call('HGET', sessionKey(id), 'r:' .. room))
end
return { of[1], redis.call('HGET', sessionKey(id), 'tok'), rooms, cursorEpoch == '' and 0 or 1,
  redis.call('HGET', sessionKey(id), 'dat') or '' }
`,
]);

/**
 * Reads what a claimed session missed, and marks in the node's inbox where it was read: what stands before the mark is
 * in it, and what comes after is not.
 *
 * More than 32 MiB are not given: Redis would answer nobody meanwhile, and no client could take it in.
 *
 * `ARGV`: node, generation, session, place of the cursor, token of the mark. Gives nothing when it is no longer whole,
 * else the epoch, the parts with the place since which it wants them, and of each publication place, part, epoch, offset
 * and what was published; the latter only where the place comes first.
 */
export const MISSED = script('missed', [
  SESSION_LUA,
  String.raw`
local node, id, after = ARGV[1], ARGV[3], tonumber(ARGV[4])
if not holds(node, ARGV[2]) then return redis.error_reply('FENCED') end
if redis.call('HGET', sessionKey(id), 'n') ~= node or redis.call('HGET', sessionKey(id), 'st') ~= 'claimed' then
  return false
end
local MOST_BYTES, ENTRY_BYTES = 33554432, 64
local entries, given, parts, bytes = {}, {}, sessionParts(id), 0
for _, part in ipairs(parts) do
  local from = math.max(part[2], after)
  if not covers(part[1], from) then
    finish(id)
    return false
  end
  local epoch = redis.call('HGET', P .. 'meta:' .. part[1], 'e')
  local page
  repeat
    page = redis.call('XRANGE', P .. 'log:' .. part[1], string.format('%.0f', from + 1), '+', 'COUNT', 200)
    for _, entry in ipairs(page) do
      local fields, seq = fieldsOf(entry), placeOf(entry)
      from = seq
      -- Whoever asked for acknowledgements has been told who did not answer.
      if fields.a == '0' then
        bytes = bytes + ENTRY_BYTES + (given[seq] and 0 or #fields.p)
        table.insert(entries, { seq, part[1], epoch, tonumber(fields.o), given[seq] and '' or fields.p })
        given[seq] = true
      end
    end
    if bytes > MOST_BYTES then
      finish(id)
      return false
    end
  until #page < 200
end
redis.call('HSET', sessionKey(id), 'st', 'live')
tell(node, 'mark', 'd', ARGV[5], 'q', EPOCH .. '.' .. string.format('%.0f', place()))
return { EPOCH, parts, entries }
`,
]);

/** Whether a socket ID is that of a session. `ARGV`: the ID. */
export const IS_SOCKET_OF_SESSION = script(
  'isSocketOfSession',
  [String.raw`return redis.call('EXISTS', P .. 'ss:' .. ARGV[1])`],
  'no-writes',
);

/** Ends sessions that nobody came back to. `ARGV`: how many at most. Gives how many it ended. */
export const SWEEP_SESSIONS = script(
  'sweepSessions',
  [
    SESSION_LUA,
    String.raw`
local over = redis.call('ZRANGEBYSCORE', P .. 'waiting', '-inf', now(), 'LIMIT', 0, ARGV[1])
for _, id in ipairs(over) do
  finish(id)
  redis.call('ZREM', P .. 'waiting', id)
end
return #over
`,
  ],
  'allow-oom',
);
