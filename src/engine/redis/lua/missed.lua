#!lua
-- Reads what a claimed session missed, and marks in the node's inbox where it was read: what stands before the mark is
-- in it, and what comes after is not.
--
-- More than 32 MiB are not given: Redis would answer nobody meanwhile, and no client could take it in.
--
-- `ARGV`: node, generation, session, place of the cursor, token of the mark. When it is no longer whole it gives why,
-- else the epoch, the parts with the place since which it wants them, of each publication place, part, epoch, offset and
-- what was published, the latter only where the place comes first, and its past stays.
--- @include session
local node, generation, id, after, token = unpack(ARGV)
after = tonumber(after)
if not holds(node, generation) then return redis.error_reply('FENCED') end
if redis.call('HGET', sessionKey(id), 'n') ~= node or redis.call('HGET', sessionKey(id), 'st') ~= 'claimed' then
  return 'unknown_session'
end
local MOST_BYTES, ENTRY_BYTES = 33554432, 64
local forgotten = tonumber(redis.call('HGET', sessionKey(id), 'lf') or '0')
local function takesRoomsOff(payload)
  return string.find(payload, '"x":{', 1, true) and (cjson.decode(payload).x or {}).rooms
end
local entries, given, parts, bytes = {}, {}, sessionParts(id), 0
for _, part in ipairs(parts) do
  local from = math.max(part[2], after)
  if not covers(part[1], from) then
    finish(id)
    return 'log_trimmed'
  end
  local epoch = redis.call('HGET', P .. 'meta:' .. part[1], 'e')
  local page
  repeat
    page = redis.call('XRANGE', P .. 'log:' .. part[1], string.format('%.0f', from + 1), '+', 'COUNT', 200)
    for _, entry in ipairs(page) do
      local fields, seq = fieldsOf(entry), placeOf(entry)
      from = seq
      if seq <= forgotten and takesRoomsOff(fields.p) then
        finish(id)
        return 'log_trimmed'
      end
      -- Whoever asked for acknowledgements has been told who did not answer.
      if fields.a == '0' then
        bytes = bytes + ENTRY_BYTES + (given[seq] and 0 or #fields.p)
        table.insert(entries, { seq, part[1], epoch, tonumber(fields.o), given[seq] and '' or fields.p })
        given[seq] = true
      end
    end
    if bytes > MOST_BYTES then
      finish(id)
      return 'too_much_missed'
    end
  until #page < 200
end
redis.call('HSET', sessionKey(id), 'st', 'live')
redis.call('HDEL', sessionKey(id), 'gone')
tell(node, 'mark', 'd', token, 'q', EPOCH .. '.' .. string.format('%.0f', place()))
return { EPOCH, parts, entries, pastStays(id) }
