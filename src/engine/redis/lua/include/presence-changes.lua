-- What happens to presence in one run of a script: collected and told once per room. A user that comes and goes within
-- one run, as on a take-over, shows neither. [M4]
--
-- Lua makes each function anew in every run, so those that tell are made when there is something to tell.
--- @include state
local seen, seenRooms = {}, {}
-- With the info of a user that came, or how it left: "left" on purpose, or "broken".
local function saw(room, user, info, how)
  local change = seen[room]
  if not change then
    change = { joined = {}, left = {} }
    seen[room] = change
    table.insert(seenRooms, room)
  end
  if info then
    if change.left[user] then change.left[user] = nil else change.joined[user] = info end
  else
    if change.joined[user] then change.joined[user] = nil else change.left[user] = how end
  end
end
local function tellPresence(holdMs, keepMs)
  if #seenRooms == 0 then return end
  --- @include presence
  local function some(items) return #items > 0 and items or nil end
  for _, room in ipairs(seenRooms) do
    local isTold = isWatched(room)
    local joined, left, broken = {}, {}, {}
    for user, info in pairs(seen[room].joined) do
      local brokeAt = endAbsence(room, user)
      table.insert(joined, '{"user":' .. cjson.encode(user) .. ',"info":' .. info ..
        (brokeAt and ',"brokeAt":' .. brokeAt or '') .. '}')
    end
    for user, how in pairs(seen[room].left) do
      if how == 'broken' and holdMs > 0 then table.insert(broken, user) else table.insert(left, cjson.encode(user)) end
    end
    if isTold and #joined + #left + #broken > 0 then
      local at = redis.call('HINCRBY', STATE, 'q', 1)
      for index, user in ipairs(broken) do
        holdUser(room, user, at, holdMs)
        broken[index] = cjson.encode(user)
      end
      tellRoom(room, at, { joined = some(joined), left = some(left), broken = broken }, keepMs)
    end
  end
end
