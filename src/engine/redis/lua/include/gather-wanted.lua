-- What all nodes together want, after one of them wants something else.
local function gatherWanted()
  local texts = redis.call('HVALS', P .. 'evw')
  if #texts == 0 then
    redis.call('HDEL', STATE, 'want')
    wanted, made_lists = nil, nil
    return
  end
  local events, members, nodes, known = {}, {}, {}, {}
  local function add(list, kind, item)
    local mark = kind .. ' ' .. item
    if not known[mark] then
      known[mark] = true
      table.insert(list, item)
    end
  end
  for _, text in ipairs(texts) do
    local of = cjson.decode(text)
    if of.h then add(nodes, 'h', of.n) end
    for kind, patterns in pairs(of.e) do
      events[kind] = events[kind] or {}
      for _, pattern in ipairs(patterns) do
        add(events[kind], kind, pattern)
        if string.sub(kind, 1, 5) == 'room.' then add(members, 'm', pattern) end
      end
    end
  end
  made_lists = { e = events, m = members, h = nodes }
  local flags = ''
  for _, kind in ipairs({ 'user.online', 'user.offline', 'socket.connected', 'socket.disconnected' }) do
    flags = flags .. (events[kind] and '1' or '0')
  end
  flags = flags .. (#nodes > 0 and '1' or '0')
  wanted = '{"f":"' .. flags .. '","h":' .. cjson.encode(nodes) .. ',"e":' .. cjson.encode(events) .. ',"m":' .. cjson.encode(members) .. '}'
  redis.call('HSET', STATE, 'want', wanted)
end
