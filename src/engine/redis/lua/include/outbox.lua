-- Events, for the scripts that make the changes which they tell, where `state` stands before it. [W5]
--
-- `want` in the state is what all nodes together want, as JSON: `f` flags, see `outbox-users`, `e` patterns by event, `m`
-- those of rooms whose members are followed, `h` nodes that hear of users. Where it is not there nothing is written, and
-- nothing is looked up either. The text is read as a whole only for patterns and nodes.
--
-- A partition is a stream whose IDs Redis numbers without a gap: the number is the event's `seq`, and a gap tells how many
-- are lost. A user or member whose last connection broke stands in `away` until it is back or its time is over. [W4]
-- What the large events of a partition may take together, those of more than a 62,500th of it; the others take no more,
-- because that many are kept.
local PARTITION_BYTES = 67108864
local wanted = WANT
local awayMs = 0
-- When the changes of this run were made, in ms since 1970, where a node says it: Redis's own time costs more than the rest.
local happenedAt
local made_lists, awayUntil, named, nameText
local function lists()
  made_lists = made_lists or cjson.decode(wanted)
  return made_lists
end
-- By a part of the text, such as the name of an event: quoted, with a colon.
local function isWanted(quoted) return string.find(wanted, quoted, 1, true) end
-- The key is a letter and a name; the name is in the data too, behind `field`.
local function keep(kind, letter, name, field, data)
  if not happenedAt then
    local t = redis.call('TIME')
    happenedAt = t[1] .. string.sub('00000' .. t[2], -6, -4)
  end
  if name ~= named then named, nameText = name, cjson.encode(name) end
  local text = '{"t":"' .. kind .. '","e":"' .. EPOCH .. '","k":"' .. letter .. string.sub(nameText, 2) ..
    ',"at":' .. happenedAt .. ',"d":{' .. field .. (field == '' and '' or nameText) .. data .. '}}'
  local partition = string.sub(redis.sha1hex(letter .. name), 1, 1)
  local stream = P .. 'ev:' .. partition
  local id = redis.call('XADD', stream, '1-*', 'd', text)
  -- Redis numbers from 0 on, and an endpoint that was told nothing is at 0.
  if id == '1-0' then
    id = redis.call('XADD', stream, '1-*', 'd', text)
    redis.call('XDEL', stream, '1-0')
  end
  -- A hundred at a time, which costs less than to look each time.
  if string.sub(id, -2) == '00' then redis.call('XTRIM', stream, 'MAXLEN', '~', MAX_EVENTS_OF_PARTITION) end
  -- More than its share of what the large ones may take together.
  if #text > 1073 then
    --- @include drop-beyond
    dropBeyond(partition, tonumber(string.sub(id, 3)), #text)
  end
  return partition, id, text
end
