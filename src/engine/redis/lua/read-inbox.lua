#!lua flags=no-writes
-- Reads a node's inbox. `ARGV`: node, the ID after which to read.
--
-- At most some hundred entries, and no more than a few MiB: an answer that takes too long would be asked for again and again,
-- and others wait behind it.
local node, after = unpack(ARGV)
local PAGE, MOST_ENTRIES, MOST_BYTES = 10, 200, 4194304
local entries, bytes, page = {}, 0, nil
repeat
  page = redis.call('XRANGE', P .. 'inbox:' .. node, '(' .. after, '+', 'COUNT', PAGE)
  for _, entry in ipairs(page) do
    entries[#entries + 1] = entry
    bytes = bytes + #entry[2][2]
    after = entry[1]
  end
until #page < PAGE or #entries >= MOST_ENTRIES or bytes >= MOST_BYTES
return { redis.call('HGET', P .. 'node:' .. node, 'from') or '', entries, #page < PAGE and 0 or 1 }
