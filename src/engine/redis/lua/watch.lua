#!lua
-- Has a node told of a room from now on, and marks in its inbox from where on.
--
-- `ARGV`: node, generation, room, token of the mark or '', what the node knows of the room, how long users are held in ms,
-- how long logs of sessions are kept in ms. It knows `nothing`, `all` that has happened, or, as a JSON list, the users
-- that its watchers take for present, from before Redis lost everything: those that are not there now are held
-- like users whose connection broke, because their node may only just be writing them again. The place of their break
-- is 0: whoever began to watch since then does not know of them.
--- @include presence
--- @include info
local node, generation, room, token, known, holdMs, keepMs = unpack(ARGV)
if not holds(node, generation) then return redis.error_reply('FENCED') end
redis.call('SADD', P .. 'rw:' .. room, node)
redis.call('SADD', P .. 'wn:' .. node, room)
if known ~= 'all' then
  local isKnown, present, joined, absent, held = {}, {}, {}, {}, {}
  if known ~= 'nothing' then
    for _, user in ipairs(cjson.decode(known)) do
      isKnown[user] = true
      local isIn = redis.call('HEXISTS', P .. 'rc:' .. room, user) == 1
      if not isIn and redis.call('HEXISTS', P .. 'ra:' .. room, user) == 0 then
        holdUser(room, user, 0, tonumber(holdMs))
        table.insert(held, cjson.encode(user))
      end
    end
    if #held > 0 then
      tellRoom(room, redis.call('HINCRBY', STATE, 'q', 1), { held = held }, tonumber(keepMs))
    end
  end
  for _, user in ipairs(redis.call('ZRANGE', P .. 'ru:' .. room, 0, -1)) do
    table.insert(present, cjson.encode(user))
    if known ~= 'nothing' and not isKnown[user] then
      local first = redis.call('ZRANGE', P .. 'u:' .. user, 0, 0)[1]
      local info = first and infoOf(first) or 'null'
      table.insert(joined, '{"user":' .. cjson.encode(user) .. ',"info":' .. info .. '}')
    end
  end
  local away = redis.call('HGETALL', P .. 'ra:' .. room)
  for index = 1, #away, 2 do
    table.insert(absent, '{"user":' .. cjson.encode(away[index]) .. ',"brokeAt":' .. away[index + 1] .. '}')
  end
  local text = '{"room":' .. cjson.encode(room) .. ',"at":' .. placeText(place()) .. ',"present":' .. list(present) ..
    ',"joined":' .. list(joined) .. ',"absent":' .. list(absent) .. '}'
  tell(node, 'presenceState', 'd', text)
end
if token ~= '' then tell(node, 'mark', 'd', token, 'q', EPOCH .. '.' .. string.format('%.0f', place())) end
return 1
