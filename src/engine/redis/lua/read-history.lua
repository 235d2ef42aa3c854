#!lua
-- Reads a history. `ARGV`: part, size, time in ms, epoch and offset of `since` or '' and `none`, limit, and a node with the
-- token of a mark for its inbox, or twice ''.
--
-- Gives epoch, last offset, pairs of offset and publication, whether more are kept, whether all after `since` are.
--
-- A log may hold more than its rule says, because a session wants it; what the rule no longer covers is not given. Nor are
-- more than a page may hold: Redis would answer nobody meanwhile.
--- @include log
local part, size, ttlMs, sinceEpoch, since, limit, node, token = unpack(ARGV)
size, ttlMs, since, limit = tonumber(size), tonumber(ttlMs), tonumber(since), tonumber(limit)
if token ~= '' then tell(node, 'mark', 'd', token) end
local epoch = known(part)
local meta, log = P .. 'meta:' .. part, P .. 'log:' .. part
keepKnown(part, ttlMs, true)
local offset = tonumber(redis.call('HGET', meta, 'o'))
local oldest = math.max(offset - size, tonumber(redis.call('HGET', meta, 'd') or '0'))
local tooOld = now() - ttlMs
local uncovered = { epoch, offset, {}, 0, 0 }
local first
if since then
  if sinceEpoch ~= epoch or since < 0 or since > offset then return uncovered end
  if since == offset then return { epoch, offset, {}, 0, 1 } end
  if since < oldest then return uncovered end
  first = since + 1
else
  first = math.max(oldest, offset - limit) + 1
end
local MOST_BYTES, PAGE = MAX_PAGE_BYTES, 200
local from = '-'
if offset - first + 1 > PAGE then
  -- Places have gaps and offsets have none: the place of an offset is searched for.
  local low = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  local high = tonumber(redis.call('HGET', meta, 'l'))
  if not low then return uncovered end
  low = placeOf(low)
  while low < high do
    local middle = math.floor((low + high) / 2)
    local entry = redis.call('XRANGE', log, string.format('%.0f', middle), '+', 'COUNT', 1)[1]
    if tonumber(fieldsOf(entry).o) >= first then high = middle else low = placeOf(entry) + 1 end
  end
  from = string.format('%.0f', low)
else
  local latest = redis.call('XREVRANGE', log, '+', '-', 'COUNT', math.max(offset - first + 1, 1))
  if #latest > 0 then from = latest[#latest][1] end
end
local given, last, bytes, page = {}, offset, 0
repeat
  page = redis.call('XRANGE', log, from, '+', 'COUNT', PAGE)
  for _, entry in ipairs(page) do
    local fields = fieldsOf(entry)
    local at = tonumber(fields.o)
    if at >= first and tonumber(fields.t) >= tooOld and #given < limit and bytes < MOST_BYTES then
      table.insert(given, { at, fields.p })
      last = at
      bytes = bytes + #fields.p
    end
    from = '(' .. entry[1]
  end
until #page < PAGE or #given >= limit or bytes >= MOST_BYTES
if since and (not given[1] or given[1][1] ~= first or last ~= first + #given - 1) then return uncovered end
return { epoch, offset, given, last < offset and 1 or 0, 1 }
