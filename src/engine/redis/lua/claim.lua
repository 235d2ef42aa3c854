#!lua
-- Gives a session to the node of whoever wants it, or `busy`, or else why it is not given: `NotGiven` in `sessions.ts`.
-- One that cannot be given whole ends.
--
-- `ARGV`: node, generation, session, user, namespace, epoch of the cursor or '', its place, recovery window in ms,
-- token of a mark for the node's inbox: what stands before it is not for the socket that comes back.
-- Gives the socket ID, its token, how it is in its rooms, whether the cursor is one of this session, and the app's data.
--- @include session
local node, generation, id, user, namespace, cursorEpoch, after, windowMs, token = unpack(ARGV)
after = tonumber(after)
if not holds(node, generation) then return redis.error_reply('FENCED') end
local socketId, ofUser, ofNamespace, holder, state, epoch, ends, known, again =
  unpack(redis.call('HMGET', sessionKey(id), 'sid', 'u', 'ns', 'n', 'st', 'e', 'until', 'k', 'again'))
if not ofUser then return 'unknown_session' end
if ofUser ~= user then return 'other_user' end
if ofNamespace ~= namespace then return 'other_namespace' end
if state == 'claimed' then return 'busy' end
local time = now()
if state == 'waiting' and tonumber(ends) <= time then
  finish(id)
  return 'window_over'
end
local isCovered = epoch == EPOCH
if isCovered and cursorEpoch == EPOCH and after > place() then return 'foreign_cursor' end
if cursorEpoch ~= EPOCH or after < tonumber(known) then
  -- From before the session, which its client still has: it got nothing of this one yet.
  cursorEpoch, after = '', 0
end
-- It was written again: a later cursor may prove what this one does not.
if isCovered and cursorEpoch == '' and again == '1' then return 'log_trimmed' end
for _, part in ipairs(sessionParts(id)) do
  isCovered = isCovered and covers(part[1], math.max(part[2], after))
end
local held = state == 'live' and holder or ''
if not isCovered then
  finish(id)
  return 'log_trimmed'
end
if held ~= '' and held ~= node then tell(held, 'takeOver', 'd', socketId) end
if held ~= '' then
  redis.call('HSET', sessionKey(id), 'until', string.format('%.0f', time + tonumber(windowMs)))
  goAway(id, place())
end
hold(id, node)
redis.call('HSET', sessionKey(id), 'st', 'claimed', 'by', token)
tell(node, 'mark', 'd', token, 'q', EPOCH .. '.' .. string.format('%.0f', place()))
local rooms = {}
for _, room in ipairs(sessionRooms(id)) do
  table.insert(rooms, redis.call('HGET', sessionKey(id), 'r:' .. room))
end
return { socketId, redis.call('HGET', sessionKey(id), 'tok'), rooms, cursorEpoch == '' and 0 or 1,
  redis.call('HGET', sessionKey(id), 'dat') or '' }
