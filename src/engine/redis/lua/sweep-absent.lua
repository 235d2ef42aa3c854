#!lua flags=allow-oom
-- Users that did not come back have left. `ARGV`: how many at most, how long logs of sessions are kept in ms. Gives how
-- many absences were over.
--- @include presence
local limit, keepMs = unpack(ARGV)
local rooms, lost = {}, {}
local over = redis.call('ZRANGEBYSCORE', P .. 'absent', '-inf', now(), 'LIMIT', 0, limit)
for _, both in ipairs(over) do
  local room, user = string.match(both, '^(%S+) (.*)$')
  local brokeAt = endAbsence(room, user)
  redis.call('ZREM', P .. 'absent', both)
  if brokeAt then
    if not lost[room] then
      lost[room] = {}
      table.insert(rooms, room)
    end
    table.insert(lost[room], '{"user":' .. cjson.encode(user) .. ',"brokeAt":' .. brokeAt .. '}')
  end
end
for _, room in ipairs(rooms) do
  if isWatched(room) then
    tellRoom(room, redis.call('HINCRBY', STATE, 'q', 1), { lost = lost[room] }, tonumber(keepMs))
  end
end
return #over
