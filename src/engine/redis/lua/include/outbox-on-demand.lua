-- The same for publications, most of which nobody wants told as an event: functions of the outbox are those of `outbox()`.
local made_outbox
local function outbox()
  if made_outbox then return made_outbox end
  local WANT = redis.call('HGET', STATE, 'want')
  --- @include outbox-rooms
  local function tellPublication(rooms, data)
    if not wanted then return end
    for _, room in ipairs(rooms) do ofRoom('publication', room, ',' .. data) end
  end
  made_outbox = { tellPublication = tellPublication }
  return made_outbox
end
