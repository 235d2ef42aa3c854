-- The log of a part: a stream whose entries carry contiguous offsets, and beside it what is known of it.
--
-- Something is appended when the part keeps history or a session wants it. The last place that was trimmed stays known,
-- which is what proves that nothing after a position has gone.
--
-- Bounds [Q7]: what all logs take is counted, each by what it holds and in total. A log of more than its share loses its
-- oldest entries; above the total the oldest entry of all goes first, whatever log it is in. `logs` names the place of
-- the oldest entry of each log as it was when last looked at: a log only ever loses its oldest, so the lowest score that is
-- still right is the oldest of all, and an append need not touch it. `lapsing` is kept up in the same way.
local DAY = 86400000
local MIB = 1048576
local LOG_SHARE = math.max(MAX_BYTES / 4, MIB)
-- What a log and an entry take beside the publication.
local LOG_BYTES, ENTRY_BYTES = 512, 128
-- Parts whose offsets somebody was told, whatever is kept of them: their names come from clients.
local MAX_TOLD = 100000
-- A whole number as text: Redis writes a number that it is given with 17 digits, which costs it more than the command.
local function text(number) return string.format('%d', number) end
local function placeOf(entry) return tonumber(string.match(entry[1], '^(%d+)')) end
local function fieldsOf(entry)
  local fields = {}
  for index = 1, #entry[2], 2 do fields[entry[2][index]] = entry[2][index + 1] end
  return fields
end
-- Counts what a log takes from now on; gives what all of them take. A new one begins at a place, and lapses at a time.
local function count(part, bytes, at, lapsesAt)
  local before = tonumber(redis.call('HGET', P .. 'bytes', part) or '0')
  if bytes > 0 then
    redis.call('HSET', P .. 'bytes', part, bytes)
    if before == 0 then
      redis.call('ZADD', P .. 'logs', 'NX', at or 0, part)
      redis.call('ZADD', P .. 'lapsing', 'NX', lapsesAt or 0, part)
    end
  elseif before > 0 then
    redis.call('HDEL', P .. 'bytes', part)
    redis.call('ZREM', P .. 'logs', part)
    redis.call('ZREM', P .. 'lapsing', part)
  end
  return redis.call('HINCRBY', P .. 'bytes', '*', bytes - before)
end
-- The same for a log that there was before and that takes so many bytes more. One that was lost is counted as a new one.
local function countMore(part, more, bytes, at, lapsesAt)
  local moreText = text(more)
  if redis.call('HINCRBY', P .. 'bytes', part, moreText) == bytes then
    return redis.call('HINCRBY', P .. 'bytes', '*', moreText)
  end
  redis.call('HINCRBY', P .. 'bytes', part, text(-more))
  return count(part, bytes, at, lapsesAt)
end
local function dropLog(part)
  redis.call('DEL', P .. 'log:' .. part)
  return count(part, 0)
end
-- Gives the epoch of a part, and what is known of it. One that belongs to other contents of Redis starts anew, and so does one that has lost a
-- part of what is known of it.
local function known(part)
  local meta = P .. 'meta:' .. part
  local epoch, o, l, x, d, b, w, h, u = unpack(redis.call('HMGET', meta, 'e', 'o', 'l', 'x', 'd', 'b', 'w', 'h', 'u'))
  local isWhole = epoch and o and l and x and d and b
  if isWhole and string.sub(epoch, 1, #EPOCH + 1) == EPOCH .. '-' then
    return epoch, { offset = tonumber(o), last = l, trimmed = x, bytes = tonumber(b), isWanted = w, isTold = h, oldestAt = tonumber(u or '0') }
  end
  -- What was published before is not known to be kept.
  local at = string.format('%.0f', place())
  epoch = EPOCH .. '-' .. at
  redis.call('HSET', meta, 'e', epoch, 'o', 0, 'l', at, 'x', at, 'd', 0, 'b', 0)
  dropLog(part)
  return epoch, { offset = 0, last = at, trimmed = at, bytes = 0, isWanted = w, isTold = h, oldestAt = 0 }
end
-- Forgets parts that were used longest ago, when there are too many: their epoch and last offset.
local function forgetTold()
  for _, part in ipairs(redis.call('ZRANGE', P .. 'told', 0, 9)) do
    local meta = P .. 'meta:' .. part
    if redis.call('EXISTS', P .. 'log:' .. part) == 1 or redis.call('HEXISTS', meta, 'w') == 1 then
      redis.call('ZADD', P .. 'told', now(), part)
    else
      redis.call('ZREM', P .. 'told', part)
      redis.call('DEL', meta)
    end
  end
end
local function noteTold(part)
  redis.call('ZADD', P .. 'told', now(), part)
  if redis.call('ZCARD', P .. 'told') > MAX_TOLD then forgetTold() end
end
-- Offsets of a part that somebody was told stay right: what is known of it outlives what is kept of it by a day. A session
-- that wants the part keeps it anyway.
local function keepKnown(part, ms, isRead)
  local meta = P .. 'meta:' .. part
  if redis.call('HSET', meta, 'h', 1) == 1 or isRead then noteTold(part) end
  if redis.call('HEXISTS', meta, 'w') == 0 then redis.call('PEXPIRE', meta, ms + DAY) end
end
-- Drops the oldest entries of a log up to a place, or as many as it takes to come down to so many bytes.
local function dropOldest(part, upTo, tooMuch)
  local log, meta = P .. 'log:' .. part, P .. 'meta:' .. part
  local bytes, last, length = tonumber(redis.call('HGET', meta, 'b') or '0'), nil, redis.call('XLEN', log)
  for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', 20)) do
    if placeOf(entry) > upTo or tooMuch <= 0 then break end
    local size = #fieldsOf(entry).p
    last, bytes, length, tooMuch = placeOf(entry), bytes - size, length - 1, tooMuch - size - ENTRY_BYTES
  end
  if not last then return end
  redis.call('HSET', meta, 'x', last, 'b', bytes)
  if length == 0 then return dropLog(part) end
  redis.call('XTRIM', log, 'MINID', string.format('%.0f', last + 1))
  return count(part, bytes + LOG_BYTES + length * ENTRY_BYTES)
end
-- Drops the oldest entries of all until the total is kept, or, so that others are answered in between, enough for now.
local function keepTotal(total)
  local steps = 0
  while total > MAX_BYTES and steps < 100 do
    steps = steps + 1
    local oldest = redis.call('ZRANGE', P .. 'logs', 0, 1, 'WITHSCORES')
    local part, at, nextAt = oldest[1], tonumber(oldest[2]), tonumber(oldest[4] or '1e15')
    -- What is counted is in no log: it was lost with what named it.
    if not part then return redis.call('DEL', P .. 'bytes') end
    local first = redis.call('XRANGE', P .. 'log:' .. part, '-', '+', 'COUNT', 1)[1]
    if not first then
      total = dropLog(part)
    elseif placeOf(first) > nextAt then
      redis.call('ZADD', P .. 'logs', placeOf(first), part)
    else
      total = dropOldest(part, nextAt, total - MAX_BYTES) or total
    end
  end
end
-- What is known of a log holds a time that none of its entries is older than: the oldest is looked at only when it may be
-- too old, or when something has to go anyway.
-- What is kept only because a session may come back for it.
local SESSION_ENTRIES, SESSION_BYTES = 5000, 33554432
local function append(part, size, ttlMs, windowMs, seq, payload, isAsked)
  local meta, log = P .. 'meta:' .. part, P .. 'log:' .. part
  local epoch, of = known(part)
  local isWanted = of.isWanted
  local limit = isWanted and math.max(size, SESSION_ENTRIES) or size
  local keepMs = isWanted and math.max(ttlMs, windowMs) or ttlMs
  local time = now()
  local offset = of.offset + 1
  local offsetText, keepText = text(offset), text(keepMs)
  redis.call('XADD', log, seq .. '-0', 'o', offsetText, 't', text(time), 'p', payload, 'a', isAsked and '1' or '0')
  local length = redis.call('XLEN', log)
  local isNew, before = length == 1, of.bytes + LOG_BYTES + (length - 1) * ENTRY_BYTES
  local bytes = of.bytes + #payload
  local trimmed, oldestAt
  if isNew then
    -- A log whose time was over has gone as a whole.
    bytes = #payload
    trimmed, oldestAt = of.last, time
  elseif length > limit or bytes > SESSION_BYTES or of.oldestAt < time - keepMs then
    local over = math.min(length - limit, 500)
    for index, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', math.max(over, 0) + 1)) do
      local fields = fieldsOf(entry)
      local isTooMuch = index <= over or (bytes > SESSION_BYTES and length > size)
      if not isTooMuch and tonumber(fields.t) >= time - keepMs then
        oldestAt = tonumber(fields.t)
        break
      end
      trimmed = placeOf(entry)
      bytes = bytes - #fields.p
      length = length - 1
    end
    if trimmed then redis.call('XTRIM', log, 'MINID', string.format('%.0f', trimmed + 1)) end
  end
  if trimmed or oldestAt then
    redis.call('HSET', meta, 'o', offsetText, 'l', seq, 'b', text(bytes), 'x', trimmed or of.trimmed, 'u', text(oldestAt or of.oldestAt))
  else
    redis.call('HSET', meta, 'o', offsetText, 'l', seq, 'b', text(bytes))
  end
  if size > 0 and not of.isTold then
    redis.call('HSET', meta, 'h', 1)
    noteTold(part)
  end
  redis.call('PEXPIRE', log, keepText)
  if isWanted then redis.call('PERSIST', meta) else redis.call('PEXPIRE', meta, text(keepMs + DAY)) end
  local total
  local takes = bytes + LOG_BYTES + length * ENTRY_BYTES
  if isNew then
    total = count(part, takes, seq, time + keepMs)
  else
    total = countMore(part, takes - before, takes, seq, time + keepMs)
  end
  -- The newest stays, however large it is.
  while bytes > LOG_SHARE and length > 1 do
    total = dropOldest(part, tonumber(seq) - 1, bytes - LOG_SHARE) or total
    bytes, length = tonumber(redis.call('HGET', meta, 'b')), redis.call('XLEN', log)
  end
  if total > MAX_BYTES then keepTotal(total) end
  return epoch, offset
end
-- Forgets what is kept of a part up to now; its offsets go on.
local function cut(part)
  local meta = P .. 'meta:' .. part
  redis.call('HSET', meta, 'x', redis.call('HGET', meta, 'l'), 'b', 0)
  dropLog(part)
end
-- Counts what a user had kept within a minute. Gives for how many ms it is over its quota, which is smaller while more
-- than half of all is used: one user cannot push out what others had kept.
local function countPublisher(user, bytes)
  local key = P .. 'by:' .. user
  local used = redis.call('INCRBY', key, bytes)
  if used == bytes then redis.call('PEXPIRE', key, 60000) end
  local isTight = tonumber(redis.call('HGET', P .. 'bytes', '*') or '0') > MAX_BYTES / 2
  local quota = isTight and math.max(MAX_BYTES / 256, MIB / 4) or math.max(MAX_BYTES / 32, MIB)
  return used > quota and math.max(redis.call('PTTL', key), 1) or 0
end
local function countKept(user, logs, bytes) return countPublisher(user, logs * (bytes + ENTRY_BYTES)) end
-- Whether everything after a place is still kept.
local function covers(part, after)
  local last, trimmed = unpack(redis.call('HMGET', P .. 'meta:' .. part, 'l', 'x'))
  -- What is known of a part that a session wants does not go by itself: without it, nobody knows what was missed.
  if not last then return false end
  if tonumber(last) <= after then return true end
  return redis.call('EXISTS', P .. 'log:' .. part) == 1 and tonumber(trimmed or '0') <= after
end
