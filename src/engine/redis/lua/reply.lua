#!lua flags=allow-oom
-- Answers another node. `ARGV`: that node, the ID of its call, the node that answers, the answer as JSON.
return tell(ARGV[1], 'reply', 'i', ARGV[2], 'f', ARGV[3], 'd', ARGV[4]) and 1 or 0
