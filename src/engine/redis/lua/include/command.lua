-- Tells the other nodes that hold sockets of a subject what to do, and gives the nodes that it told.
local function command(me, kind, name, call, text)
local nodes = {}
if kind == 'all' then
  for _, node in ipairs(redis.call('ZRANGE', P .. 'nodes', 0, -1)) do nodes[node] = true end
else
  local sockets = kind == 'socket' and { name } or redis.call('ZRANGE', P .. 'u:' .. name, 0, -1)
  for _, id in ipairs(sockets) do
    local node = redis.call('HGET', P .. 's:' .. id, 'n')
    if node then nodes[node] = true end
  end
end
local told = {}
for node in pairs(nodes) do
  if node ~= me then
    tell(node, 'command', 'f', me, 'i', call, 'd', text)
    -- A dead node has no inbox, and answers nothing.
    if redis.call('EXISTS', P .. 'inbox:' .. node) == 1 then table.insert(told, node) end
  end
end
return told
end
