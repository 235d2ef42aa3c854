#!lua
-- The same, and a mark in a node's inbox of where it was read. `ARGV` goes on with: node, token of the mark.
--- @include page
--- @include info
--- @include members
local of = redis.call('HMGET', STATE, 'e', 'q')
tell(ARGV[4], 'mark', 'd', ARGV[5], 'q', of[1] .. '.' .. string.format('%.0f', tonumber(of[2] or '0')))
return members
