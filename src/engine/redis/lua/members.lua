#!lua flags=no-writes
-- Users of a room. `ARGV`: room, after which order, limit. Items are user, sockets and what its token says of it.
--- @include page
--- @include info
--- @include members
return members
