-- The same for members, whom few changes are about: functions are those of `members()`.
local made_members
local function members()
  if made_members then return made_members end
  --- @include outbox-rooms
  made_members = { memberIn = memberIn, memberOut = memberOut }
  return made_members
end
