/**
 * What is kept in Redis, and under which keys.
 *
 * All keys share one hash tag, so that one script may touch any of them, on Redis Cluster too: there all of a
 * deployment lives on one shard. Every key below stands after the prefix.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `state` | hash | `e` epoch of these contents, `q` last place in the order of publications, `o` last order of a list, `beat` when a lease was last renewed, `grace` until when nobody is taken for dead, `max` bytes that all logs may take, `away` how many sessions of a user may wait, `shift` what the wall clock was set by, in ms, `want` the events that nodes want, as JSON |
 * | `nodes` | zset | node → when its lease lapses, in ms by the clock of Redis |
 * | `node:<node>` | hash | `g` generation that fences its writes, `from` the one it had when what it has here began, `w` how often it changed the registry, `since`, `at` host, PID and version as JSON |
 * | `inbox:<node>` | stream | all that a node is told, in the one order of Redis, ID `1-<number>`: `d` the text |
 * | `held:<node>` | set | its sockets |
 * | `kept:<node>` | set | sessions of its sockets |
 * | `s:<socket>` | hash | `u` user, `n` node, `ns` namespace, `r:<room>` rooms, `i` and `l` where in its entry the info begins and ends, `h` until when its user was held before it |
 * | `e:<socket>` | string | its entry: a JSON list without the bracket that closes it, rooms at the end |
 * | `sockets` | zset | all sockets by order |
 * | `users` · `u:<user>` | zset | online users by order · sockets of a user by order |
 * | `rooms` | zset | names of rooms that somebody is in, all with score 0, so sorted by name |
 * | `rs:<room>` · `ru:<room>` · `rc:<room>` | zset · zset · hash | its sockets by order · its users by order · user → sockets |
 * | `rn:<room>` · `rn` | hash | `<node> <namespace>` → sockets in the room · everywhere |
 * | `rw:<room>` · `wn:<node>` | set · set | nodes with sockets that watch it · rooms that its sockets watch |
 * | `ra:<room>` | hash | users that are held for their return → the place at which their connection broke |
 * | `absent` | zset | `<room> <user>` of all of these → until when |
 * | `meta:<part>` | hash | `e` epoch, `o` last offset, `l` last place, `x` last place that was trimmed, `b` bytes that are kept, `w` sessions that want it, `h` whether offsets of it were told |
 * | `log:<part>` | stream | publications kept, ID `<place>-0`: `o` offset, `t` time, `p` publication, `a` whether it asked for acknowledgements |
 * | `bytes` | hash | part → what its log takes, `*` → what all of them take |
 * | `logs` · `lapsing` | zset · zset | parts with a log by a place not after its oldest entry · by a time at which it may lapse |
 * | `told` | zset | parts whose offsets were told → when one was asked for |
 * | `by:<user>` | string | what a user had kept within a minute |
 * | `session:<hash>` | hash | a session: `sid` `u` `ns` `n` `tok` `e` `st` `q` `k` `until` `by`, `r:<room>` how it is in it, `q:<room>` since which place, `l:<number>` a stay in a room that is over, `ln` the last of these numbers, `lf` up to which place stays are forgotten |
 * | `waiting` | zset | sessions without a socket → when they end |
 * | `us:<user>` · `ss:<socket>` | set · string | sessions of a user · session of a socket |
 * | `idem:<hash>` | hash | a request that must not take effect twice |
 * | `ev:<digit>` | stream | events of a partition, ID `1-<number>`: `d` the text |
 * | `evb:<digit>` | list | its large events: `seq`, and the bytes of all of them up to there |
 * | `evw` | hash | node → the events it wants, as JSON |
 * | `evo` | hash | partition → the node that sends it, `epoch` the one that was told to endpoints |
 * | `evc:<endpoint>` | hash | partition → up to where all is delivered, `r` number of replays, `stopped` with what, `since` when it is told, in ms |
 * | `eva:<endpoint>` | list | its last attempts |
 * | `away` | zset | `u<user>` and `m<room> <user>` whose connection broke → until when they are held |
 * | `rh:<room>` | set | its members that are held |
 * | `fl:e:<n>` · `fl:all` · `fl:n` · `fl:bytes` | string · list · string · string | an episode of the flight record, for a day · all of them with their sizes, oldest first · the last number · what they take |
 * | `fl:user:<user>` · `fl:claimed:<user>` · `fl:address:<address>` · `fl:socket:<socket>` | list | its episodes, newest first; `claimed`: of clients that were refused and said to be the user |
 * | `nothing` | – | never there: see what every script starts with |
 * | `rev:blocked` · `rev:jti` · `rev:user` · `rev:until` | set · zset · hash · zset | who and what is shut out · users in `rev:user` → until when |
 *
 * A part is what a publication can be for: `r<room>`, `u<user>`, `s<socket>` or `a` for everyone.
 */
import { createHash } from 'node:crypto';
import { isUserRoom, looksLikeSocketId, USER_ROOM_PREFIX, userRoom } from '../../protocol/names.js';
import type { Selection, Target } from '../../protocol/publication.js';

export const DEFAULT_PREFIX = '{sb}:';

/** The key every script is given: it names the shard, and the prefix of all others is what stands before it. */
export const stateKey = (prefix: string): string => `${prefix}state`;

/** A key that never exists: a cluster that hands the keys over refuses whoever names it. */
export const absentKey = (stateKeyName: string): string => `${stateKeyName.slice(0, -'state'.length)}nothing`;

/** The part of a room; a user's own room and its user are the same part. */
export const partOfRoom = (room: string): string =>
  isUserRoom(room) ? `u${room.slice(USER_ROOM_PREFIX.length)}` : `r${room}`;

/** The room of a part, if it is one. */
export function roomOfPart(part: string): string | undefined {
  if (part.startsWith('r')) return part.slice(1);
  return part.startsWith('u') ? userRoom(part.slice(1)) : undefined;
}

/** A socket's own ID is a room that it alone is in, and whether a name is one only shared state knows. */
const partsOfRoom = (room: string): string[] =>
  looksLikeSocketId(room) ? [partOfRoom(room), `s${room}`] : [partOfRoom(room)];

/** The parts of a target, each once. */
export function partsOf(target: Target | Selection): string[] {
  if ('all' in target) return ['a'];
  const { rooms = [], users = [], sockets = [] } = target;
  const parts: string[] = [];
  for (const room of rooms) parts.push(...partsOfRoom(room));
  for (const user of users) parts.push(`u${user}`);
  for (const socketId of sockets) parts.push(`s${socketId}`);
  return parts.length < 2 ? parts : [...new Set(parts)];
}

/** A secret as a name: whoever can list the keys of Redis learns no session and no idempotency key from it. */
export const hashed = (secret: string): string => createHash('sha256').update(secret).digest('base64url');
