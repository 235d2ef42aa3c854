#!lua flags=allow-oom
-- The same for changes that free memory, which a full Redis takes too: who is shut out has no session then. [A8]
--- @include change-sessions
