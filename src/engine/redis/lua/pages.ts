import { INFO_LUA } from './registry-lua.js';
import { script, type Script } from './script.js';

const reading = (name: string, parts: readonly string[]): Script => script(name, parts, 'no-writes');

/** One page of a list that is sorted by order. */
const PAGE_LUA = String.raw`
local function page(key, after, limit, give)
  local items = {}
  local listed = redis.call('ZRANGEBYSCORE', key, '(' .. after, '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
  for index = 1, math.min(#listed, limit * 2), 2 do
    table.insert(items, { listed[index + 1], give(listed[index]) })
  end
  return { redis.call('ZCARD', key), #listed > limit * 2 and 1 or 0, items }
end
`;

/** Online users. `ARGV`: after which order, limit. Items are user and sockets. */
export const USERS = reading('users', [
  PAGE_LUA,
  String.raw`
return page(P .. 'users', ARGV[1], tonumber(ARGV[2]), function(user)
  return { user, redis.call('ZCARD', P .. 'u:' .. user) }
end)
`,
]);

const MEMBERS_LUA = String.raw`
local members = page(P .. 'ru:' .. ARGV[1], ARGV[2], tonumber(ARGV[3]), function(user)
  local first = redis.call('ZRANGE', P .. 'u:' .. user, 0, 0)[1]
  local info = first and infoOf(first) or 'null'
  return { user, redis.call('HGET', P .. 'rc:' .. ARGV[1], user), info }
end)
`;

/** Users of a room. `ARGV`: room, after which order, limit. Items are user, sockets and what its token says of it. */
export const MEMBERS = reading('members', [PAGE_LUA, INFO_LUA, MEMBERS_LUA, 'return members']);

/** The same, and a mark in a node's inbox of where it was read. `ARGV` goes on with: node, token of the mark. */
export const MEMBERS_MARKED = script('membersMarked', [
  PAGE_LUA,
  INFO_LUA,
  MEMBERS_LUA,
  String.raw`
local of = redis.call('HMGET', STATE, 'e', 'q')
tell(ARGV[4], 'mark', 'd', ARGV[5], 'q', of[1] .. '.' .. string.format('%.0f', tonumber(of[2] or '0')))
return members
`,
]);

/** Rooms by name. `ARGV`: prefix, after which name or '', limit. Gives total, whether there are more, and rooms. */
export const ROOMS = reading('rooms', [
  String.raw`
local prefix, after, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local last = prefix == '' and '+' or '(' .. prefix .. string.char(255)
local first = prefix == '' and '-' or '[' .. prefix
local total = redis.call('ZLEXCOUNT', P .. 'rooms', first, last)
if after ~= '' and after >= prefix then first = '(' .. after end
local names = redis.call('ZRANGEBYLEX', P .. 'rooms', first, last, 'LIMIT', 0, limit + 1)
local rooms = {}
for index = 1, math.min(#names, limit) do
  local room = names[index]
  table.insert(rooms, { room, redis.call('ZCARD', P .. 'rs:' .. room), redis.call('ZCARD', P .. 'ru:' .. room) })
end
return { total, #names > limit and 1 or 0, rooms }
`,
]);

/** The sockets a node holds, as shared state has it. `ARGV`: node. */
export const HELD = reading('held', [String.raw`return redis.call('SMEMBERS', P .. 'held:' .. ARGV[1])`]);
