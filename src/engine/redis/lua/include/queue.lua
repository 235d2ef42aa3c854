-- What nodes are told, in order: the node, and the text. A script may have the first of all beside the list, which costs it
-- none.
local queue, firstNode, firstText = {}
