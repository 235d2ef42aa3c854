-- The same for publications, most of which nothing keeps: functions of logs are those of `logs()`.
-- Lua makes each function of a script anew in every run, which for those of the logs is more than a publication costs that
-- needs none of them.
--- @include place
local made_logs
local function logs()
  if made_logs then return made_logs end
  local MAX_BYTES = tonumber(redis.call('HGET', STATE, 'max') or '1e15')
  --- @include log-functions
  made_logs = { known = known, keepKnown = keepKnown, append = append, cut = cut, countKept = countKept }
  return made_logs
end
