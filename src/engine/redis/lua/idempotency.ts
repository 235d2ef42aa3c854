import { script } from './script.js';

/**
 * Asks whose turn a request is. `ARGV`: key, fingerprint, owner, how long it is remembered in ms.
 * Gives `first`, `waiting`, `conflict`, or `repeated` and the response.
 */
export const BEGIN = script('begin', [
  String.raw`
local key = P .. 'idem:' .. ARGV[1]
local of = redis.call('HMGET', key, 'f', 'r', 'o')
if not of[1] then
  redis.call('HSET', key, 'f', ARGV[2], 'o', ARGV[3])
  redis.call('PEXPIRE', key, ARGV[4])
  return { 'first' }
end
if of[1] ~= ARGV[2] then return { 'conflict' } end
if of[2] then return { 'repeated', of[2] } end
return { of[3] == ARGV[3] and 'first' or 'waiting' }
`,
]);

/** Keeps the response. `ARGV`: key, fingerprint, owner, how long it is remembered in ms, response. */
export const SETTLE = script('settle', [
  String.raw`
local key = P .. 'idem:' .. ARGV[1]
local owner = redis.call('HGET', key, 'o')
if owner and owner ~= ARGV[3] then return 0 end
redis.call('HSET', key, 'f', ARGV[2], 'o', ARGV[3], 'r', ARGV[5])
redis.call('PEXPIRE', key, ARGV[4])
return 1
`,
]);

/** `ARGV`: key, owner. */
export const ABANDON = script(
  'abandon',
  [
    String.raw`
local key = P .. 'idem:' .. ARGV[1]
if redis.call('HGET', key, 'o') == ARGV[2] then redis.call('DEL', key) end
return 1
`,
  ],
  'allow-oom',
);
