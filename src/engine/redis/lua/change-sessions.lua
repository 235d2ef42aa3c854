#!lua
--- @include change-sessions
