#!lua
-- Gives a session to the node of whoever wants it, or `busy`, or else why it is not given: `NotGiven` in `sessions.ts`.
-- One that cannot be given whole ends.
--
-- `ARGV`: node, generation, session, user, namespace, epoch of the cursor or '', its place, recovery window in ms,
-- token of a mark for the node's inbox: what stands before it is not for the socket that comes back.
-- Gives the socket ID, its token, how it is in its rooms, whether the cursor is one of this session, and the app's data.
--- @include session
local node, id, cursorEpoch, after = ARGV[1], ARGV[3], ARGV[6], tonumber(ARGV[7])
if not holds(node, ARGV[2]) then return redis.error_reply('FENCED') end
local of = redis.call('HMGET', sessionKey(id), 'sid', 'u', 'ns', 'n', 'st', 'e', 'until', 'k', 'again')
if not of[2] then return 'unknown_session' end
if of[2] ~= ARGV[4] then return 'other_user' end
if of[3] ~= ARGV[5] then return 'other_namespace' end
if of[5] == 'claimed' then return 'busy' end
local time = now()
if of[5] == 'waiting' and tonumber(of[7]) <= time then
  finish(id)
  return 'window_over'
end
local isCovered = of[6] == EPOCH
if isCovered and cursorEpoch == EPOCH and after > place() then return 'foreign_cursor' end
if cursorEpoch ~= EPOCH or after < tonumber(of[8]) then
  -- From before the session, which its client still has: it got nothing of this one yet.
  cursorEpoch, after = '', 0
end
-- It was written again: a later cursor may prove what this one does not.
if isCovered and cursorEpoch == '' and of[9] == '1' then return 'log_trimmed' end
for _, part in ipairs(sessionParts(id)) do
  isCovered = isCovered and covers(part[1], math.max(part[2], after))
end
local held = of[5] == 'live' and of[4] or ''
if not isCovered then
  finish(id)
  return 'log_trimmed'
end
if held ~= '' and held ~= node then tell(held, 'takeOver', 'd', of[1]) end
if held ~= '' then
  redis.call('HSET', sessionKey(id), 'until', string.format('%.0f', time + tonumber(ARGV[8])))
  goAway(id, place())
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
