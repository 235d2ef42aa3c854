#!lua flags=allow-oom
-- Answers another node. `ARGV`: that node, the ID of its call, the node that answers, the answer as JSON.
local asker, call, node, answer = unpack(ARGV)
return tell(asker, 'reply', 'i', call, 'f', node, 'd', answer) and 1 or 0
