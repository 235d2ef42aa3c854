/**
 * The log of a part: a stream whose entries carry contiguous offsets, and beside it what is known of it.
 *
 * Something is appended when the part keeps history or a session wants it. The last place that was trimmed stays known,
 * which is what proves that nothing after a position has gone.
 */
export const LOG_LUA = String.raw`
local DAY = 86400000
local EPOCH = redis.call('HGET', STATE, 'e') or ''
local function place() return tonumber(redis.call('HGET', STATE, 'q') or '0') end
-- Gives the epoch of a part. One that belongs to other contents of Redis starts anew.
local function known(part)
  local meta = P .. 'meta:' .. part
  local epoch = redis.call('HGET', meta, 'e')
  if epoch and string.sub(epoch, 1, #EPOCH + 1) == EPOCH .. '-' then return epoch end
  epoch = EPOCH .. '-' .. string.format('%.0f', place())
  redis.call('HSET', meta, 'e', epoch, 'o', 0, 'l', 0, 'x', 0, 'd', 0, 'b', 0)
  redis.call('DEL', P .. 'log:' .. part)
  return epoch
end
-- Offsets of a part that somebody was told stay right: what is known of it outlives what is kept of it by a day. A session
-- that wants the part keeps it anyway.
local function keepKnown(meta, ms)
  redis.call('HSET', meta, 'h', 1)
  if redis.call('HEXISTS', meta, 'w') == 0 then redis.call('PEXPIRE', meta, ms + DAY) end
end
local function placeOf(entry) return tonumber(string.match(entry[1], '^(%d+)')) end
local function fieldsOf(entry)
  local fields = {}
  for index = 1, #entry[2], 2 do fields[entry[2][index]] = entry[2][index + 1] end
  return fields
end
-- What is kept only because a session may come back for it.
local SESSION_ENTRIES, SESSION_BYTES = 5000, 33554432
local function append(part, size, ttlMs, windowMs, seq, payload, isAsked)
  local epoch = known(part)
  local meta, log = P .. 'meta:' .. part, P .. 'log:' .. part
  local isWanted = redis.call('HGET', meta, 'w')
  local limit = isWanted and math.max(size, SESSION_ENTRIES) or size
  local keepMs = isWanted and math.max(ttlMs, windowMs) or ttlMs
  local time = now()
  local offset = redis.call('HINCRBY', meta, 'o', 1)
  redis.call('XADD', log, seq .. '-0', 'o', offset, 't', time, 'p', payload, 'a', isAsked and 1 or 0)
  local length = redis.call('XLEN', log)
  local bytes = redis.call('HINCRBY', meta, 'b', #payload)
  if length == 1 then
    -- A log whose time was over has gone as a whole.
    bytes = #payload
    redis.call('HSET', meta, 'x', redis.call('HGET', meta, 'l'), 'b', bytes)
  end
  local over = math.min(length - limit, 500)
  local trimmed
  for index, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', math.max(over, 0) + 1)) do
    local fields = fieldsOf(entry)
    local isTooMuch = index <= over or (bytes > SESSION_BYTES and length - index >= size)
    if not isTooMuch and tonumber(fields.t) >= time - keepMs then break end
    trimmed = placeOf(entry)
    bytes = bytes - #fields.p
  end
  if size > 0 then redis.call('HSET', meta, 'l', seq, 'h', 1) else redis.call('HSET', meta, 'l', seq) end
  if trimmed then
    redis.call('HSET', meta, 'x', trimmed, 'b', bytes)
    redis.call('XTRIM', log, 'MINID', string.format('%.0f', trimmed + 1))
  end
  redis.call('PEXPIRE', log, keepMs)
  if isWanted then redis.call('PERSIST', meta) else redis.call('PEXPIRE', meta, keepMs + DAY) end
  return epoch, offset
end
-- Whether everything after a place is still kept.
local function covers(part, after)
  local meta = redis.call('HMGET', P .. 'meta:' .. part, 'l', 'x')
  if tonumber(meta[1] or '0') <= after then return true end
  return redis.call('EXISTS', P .. 'log:' .. part) == 1 and tonumber(meta[2] or '0') <= after
end
`;
