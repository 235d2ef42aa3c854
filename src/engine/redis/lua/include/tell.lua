-- Has a node told something: what it is, then names and values.
--- @include queue
local function tell(node, kind, ...)
  queue[#queue + 1] = node
  queue[#queue + 1] = table.concat({ kind, ... }, '\n')
end
