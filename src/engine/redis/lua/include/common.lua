-- What every script starts with. `KEYS[1]` is always the key `state`; all other keys share its hash tag, which is what
-- lets a script name them itself, on a cluster too.
--
-- A node of a cluster that is handing the keys over, one by one, refuses those that it does not have (any longer). It
-- would do so in the middle of a script, which then were half done. So each first asks for a key that never exists: it
-- is refused before it has done anything, until all keys are where they should be.
--
-- Time is that of Redis, whose wall clock may be set: what it was set by is taken off, as soon as a node that renews its
-- lease finds that more or less has passed than by its own monotonic clock. [A11]
--
-- What a node is told stands in its inbox, as one text: what it is, then names and values, a line each. The ID is numbered
-- from `1-1` on by Redis. At the end of the script all of it goes to the node as one message: the beginning of its inbox,
-- then ID and text of each entry, behind carriage returns. No part holds either character: they are JSON, or names of our
-- own.
--
-- A dead node has no inbox. One that lives and has none any longer learns from its lease that it was forgotten.
local STATE = KEYS[1]
local P = string.sub(STATE, 1, -6)
redis.call('EXISTS', P .. 'nothing')
local shift
local function now()
  shift = shift or tonumber(redis.call('HGET', STATE, 'shift') or '0')
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) + shift
end
local function holds(node, generation)
  return redis.call('HGET', P .. 'node:' .. node, 'g') == generation
end
-- What entries of an inbox as large as the last one may take.
local INBOX_BYTES = 268435456
local told = {}
local function put(node, text)
  -- A node that reads nothing takes no more than this many bytes of Redis until its lease lapses. [Q7]
  local most = '50000'
  if #text > INBOX_BYTES / 50000 then most = math.max(math.floor(INBOX_BYTES / #text), 1000) end
  local id = redis.call('XADD', P .. 'inbox:' .. node, 'NOMKSTREAM', 'MAXLEN', '~', most, '1-*', 'd', text)
  if not id then
    local key = P .. 'node:' .. node
    if redis.call('HGET', key, 'g') ~= 'dead' then redis.call('HDEL', key, 'g', 'from') end
    return false
  end
  local entries = told[node]
  if not entries then
    entries = { redis.call('HGET', P .. 'node:' .. node, 'from') }
    told[node] = entries
  end
  entries[#entries + 1] = id .. '\n' .. text
  return true
end
local function tell(node, kind, ...) return put(node, table.concat({ kind, ... }, '\n')) end
local function announce()
  for node, entries in pairs(told) do
    redis.call('SPUBLISH', P .. 'inbox:' .. node, table.concat(entries, '\r'))
  end
end
