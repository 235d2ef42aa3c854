-- What every script starts with. `KEYS[1]` is always the key `state`; all other keys share its hash tag, which is what
-- lets a script name them itself, on a cluster too.
--
-- A node of a cluster that is handing the keys over, one by one, refuses those that it does not have (any longer). It
-- would do so in the middle of a script, which then were half done. So each is given a second key that never exists: it
-- is refused before it has begun, until all keys are where they should be.
local STATE = KEYS[1]
local P = string.sub(STATE, 1, -6)
