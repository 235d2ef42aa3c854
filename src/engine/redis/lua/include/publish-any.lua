-- A publication of any kind, where `me`, `windowMs`, `replies` and `marks` stand before it.
--
-- One room, and everybody but some sockets: that needs the counts of the room alone. Everything else looks at every
-- recipient once.
--- @include log-on-demand
--- @include outbox-on-demand
local function kindOf(part) return string.sub(part, 1, 1), string.sub(part, 2) end
local function areSockets(parts)
  for _, part in ipairs(parts) do
    if string.sub(part, 1, 1) ~= 's' then return false end
  end
  return true
end
-- What may be a socket and is none needs no look at every recipient.
local function withoutAbsent(parts)
  local present = {}
  for _, part in ipairs(parts) do
    local kind, name = kindOf(part[1])
    if kind ~= 's' or redis.call('EXISTS', P .. 's:' .. name) == 1 then table.insert(present, part) end
  end
  return present
end
local function byCounts(part, namespace, except)
  local nodes, matched = {}, 0
  local kind, room = kindOf(part)
  local counts = redis.call('HGETALL', kind == 'a' and P .. 'rn' or P .. 'rn:' .. room)
  for index = 1, #counts, 2 do
    local node, space = string.match(counts[index], '^(%S+) (.*)$')
    if node ~= me and (namespace == '' or space == namespace) then
      nodes[node] = true
      matched = matched + tonumber(counts[index + 1])
    end
  end
  for _, excluded in ipairs(except) do
    local key = P .. 's:' .. string.sub(excluded, 2)
    local node, space = unpack(redis.call('HMGET', key, 'n', 'ns'))
    local isIn = node and node ~= me and (namespace == '' or space == namespace)
    if isIn and (kind == 'a' or redis.call('HEXISTS', key, 'r:' .. room) == 1) then matched = matched - 1 end
  end
  return nodes, matched
end
local function bySockets(parts, namespace, except, isAsked)
  local function membersOf(part)
    local kind, name = kindOf(part)
    if kind == 's' then return { name } end
    if kind == 'a' then return redis.call('ZRANGE', P .. 'sockets', 0, -1) end
    return redis.call('ZRANGE', P .. (kind == 'r' and 'rs:' or 'u:') .. name, 0, -1)
  end
  local nodes, matched, targeted, done = {}, 0, {}, {}
  for _, part in ipairs(except) do
    for _, id in ipairs(membersOf(part)) do done[id] = true end
  end
  for _, part in ipairs(parts) do
    for _, id in ipairs(membersOf(part[1])) do
      if not done[id] then
        done[id] = true
        local node, space, user = unpack(redis.call('HMGET', P .. 's:' .. id, 'n', 'ns', 'u'))
        if node and node ~= me and (namespace == '' or space == namespace) then
          nodes[node] = true
          matched = matched + 1
          if isAsked then table.insert(targeted, { id, user, node }) end
        end
      end
    end
  end
  return nodes, matched, targeted
end
local function publish(index, payload, id, isVolatile, namespace, ackTimeoutMs, parts, except, isMarked, publisher, isForAll, tells)
  local seq, positions
  local overMs = 0
  for _, part in ipairs(parts) do
    -- What is named as a socket and as a room keeps no history while it is a socket: that would be its private messages.
    if part[2] > 0 then
      local kind, name = kindOf(part[1])
      for _, other in ipairs(kind == 'r' and parts or {}) do
        if other[1] == 's' .. name and redis.call('EXISTS', P .. 's:' .. name) == 1 then part[2] = 0 end
      end
    end
  end
  if isVolatile == 1 then
    seq = string.format('%.0f', place())
    for _, part in ipairs(parts) do
      if part[2] > 0 then
        positions = positions or {}
        local epoch, meta = logs().known(part[1]), P .. 'meta:' .. part[1]
        logs().keepKnown(part[1], part[3])
        table.insert(positions, { part[1], epoch, tonumber(redis.call('HGET', meta, 'o')) })
      end
    end
  else
    seq = string.format('%d', redis.call('HINCRBY', STATE, 'q', '1'))
    local kept = 0
    for _, part in ipairs(parts) do
      if part[2] > 0 or redis.call('HEXISTS', P .. 'meta:' .. part[1], 'w') == 1 then
        local epoch, offset = logs().append(part[1], part[2], part[3], windowMs, seq, payload, ackTimeoutMs > 0)
        kept = kept + 1
        if part[2] > 0 then
          positions = positions or {}
          table.insert(positions, { part[1], epoch, offset })
        end
      end
    end
    if kept > 0 and publisher ~= '' then
      overMs = logs().countKept(publisher, kept, #payload)
      -- Its node keeps it from histories; what is kept for sessions alone, only this script knows.
      for _, part in ipairs(parts) do
        if overMs > 0 and part[2] == 0 and redis.call('EXISTS', P .. 'log:' .. part[1]) == 1 then logs().cut(part[1]) end
      end
    end
  end
  if tells then outbox().tellPublication(tells[1], tells[2]) end
  local nodes, matched, targeted
  parts = withoutAbsent(parts)
  local kind = #parts == 1 and string.sub(parts[1][1], 1, 1)
  if ackTimeoutMs == 0 and (kind == 'r' or kind == 'a') and areSockets(except) then
    nodes, matched = byCounts(parts[1][1], namespace, except)
  else
    nodes, matched, targeted = bySockets(parts, namespace, except, ackTimeoutMs > 0)
  end
  if isForAll == 1 then
    for _, node in ipairs(redis.call('ZRANGE', P .. 'nodes', 0, -1)) do
      if node ~= me then nodes[node] = true end
    end
  end
  local cursor = EPOCH .. '.' .. seq
  local where = positions and cjson.encode(positions) or ''
  for node in pairs(nodes) do
    if ackTimeoutMs == 0 then
      tell(node, 'publication', 'q', cursor, 'x', where, 'd', payload)
    else
      tell(node, 'publication', 'q', cursor, 'x', where, 'd', payload, 'a', ackTimeoutMs, 'f', me, 'i', id)
    end
  end
  if isMarked == 1 then
    marks = marks or {}
    table.insert(marks, { id, cursor, where })
  end
  replies[index] = { cursor, matched, targeted and #targeted > 0 and cjson.encode(targeted) or '', overMs }
end
