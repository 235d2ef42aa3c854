#!lua flags=allow-oom
-- Answers another node. `ARGV`: that node, the ID of its call, the node that answers, the answer as JSON. Gives 1, or 0 when
-- it has no inbox.
local asker, call, node, answer = unpack(ARGV)
tell(asker, 'reply', 'i', call, 'f', node, 'd', answer)
return redis.call('EXISTS', P .. 'inbox:' .. asker)
