-- What nodes are told, in order: the node, and the text.
local queue = {}
