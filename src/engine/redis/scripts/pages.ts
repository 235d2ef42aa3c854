import { script, type Script } from './script.js';

const reading = (name: string, parts: readonly string[]): Script => script(name, parts, 'no-writes');

/** What a script says of a socket: its hash, fields and values in turn. */
export type SocketFields = readonly string[];

/** One socket. `ARGV`: its ID. */
export const SOCKET = reading('socket', [String.raw`return redis.call('HGETALL', P .. 's:' .. ARGV[1])`]);

/** A user's sockets, oldest first. `ARGV`: user. Gives pairs of order and fields. */
export const SOCKETS_OF_USER = reading('socketsOfUser', [
  String.raw`
local sockets = {}
local listed = redis.call('ZRANGE', P .. 'u:' .. ARGV[1], 0, -1, 'WITHSCORES')
for index = 1, #listed, 2 do
  table.insert(sockets, { listed[index + 1], redis.call('HGETALL', P .. 's:' .. listed[index]) })
end
return sockets
`,
]);

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

/** Sockets of a room or all. `ARGV`: room or '', after which order, limit. */
export const SOCKETS = reading('sockets', [
  PAGE_LUA,
  String.raw`
local key = ARGV[1] == '' and P .. 'sockets' or P .. 'rs:' .. ARGV[1]
return page(key, ARGV[2], tonumber(ARGV[3]), function(id) return redis.call('HGETALL', P .. 's:' .. id) end)
`,
]);

/** Online users. `ARGV`: after which order, limit. Items are user and sockets. */
export const USERS = reading('users', [
  PAGE_LUA,
  String.raw`
return page(P .. 'users', ARGV[1], tonumber(ARGV[2]), function(user)
  return { user, redis.call('ZCARD', P .. 'u:' .. user) }
end)
`,
]);

/** Users of a room. `ARGV`: room, after which order, limit. Items are user, sockets and what its token says of it. */
export const MEMBERS = reading('members', [
  PAGE_LUA,
  String.raw`
return page(P .. 'ru:' .. ARGV[1], ARGV[2], tonumber(ARGV[3]), function(user)
  local first = redis.call('ZRANGE', P .. 'u:' .. user, 0, 0)[1]
  local info = first and redis.call('HGET', P .. 's:' .. first, 'i') or 'null'
  return { user, redis.call('HGET', P .. 'rc:' .. ARGV[1], user), info }
end)
`,
]);

/** A room's sockets and users. `ARGV`: room. */
export const ROOM = reading('room', [
  String.raw`return { redis.call('ZCARD', P .. 'rs:' .. ARGV[1]), redis.call('ZCARD', P .. 'ru:' .. ARGV[1]) }`,
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

export const COUNTS = reading('counts', [
  String.raw`
return { redis.call('ZCARD', P .. 'sockets'), redis.call('ZCARD', P .. 'users'), redis.call('ZCARD', P .. 'rooms') }
`,
]);

/** The sockets a node holds, as shared state has it. `ARGV`: node. */
export const HELD = reading('held', [String.raw`return redis.call('SMEMBERS', P .. 'held:' .. ARGV[1])`]);
