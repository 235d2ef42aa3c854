#!lua
-- The same, and a mark in a node's inbox of where it was read. `ARGV` goes on with: node, token of the mark.
--- @include page
--- @include info
--- @include members
local epoch, place = unpack(redis.call('HMGET', STATE, 'e', 'q'))
tell(node, 'mark', 'd', token, 'q', epoch .. '.' .. string.format('%.0f', tonumber(place or '0')))
return members
