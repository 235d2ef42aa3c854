-- Drops the oldest of a partition while its large events take too much. `evb:` lists those that are kept: the `seq` of
-- each, and what all up to it took.
local function dropBeyond(partition, seq, bytes)
  local key = P .. 'evb:' .. partition
  local function listed(index)
    local line = redis.call('LINDEX', key, index)
    if line then return tonumber(string.match(line, '^%d+')), tonumber(string.match(line, '%d+$')) end
  end
  local lastSeq, taken = listed(-1)
  -- Of a stream that was lost, and numbers anew.
  if lastSeq and lastSeq >= seq then
    redis.call('DEL', key)
    taken = nil
  end
  taken = (taken or 0) + bytes
  redis.call('RPUSH', key, string.format('%.0f %.0f', seq, taken))
  local dropped
  local firstSeq, takenUpTo = listed(0)
  while taken - takenUpTo > PARTITION_BYTES do
    redis.call('LPOP', key)
    dropped = firstSeq
    firstSeq, takenUpTo = listed(0)
  end
  if dropped then redis.call('XTRIM', P .. 'ev:' .. partition, 'MINID', string.format('1-%.0f', dropped + 1)) end
end
