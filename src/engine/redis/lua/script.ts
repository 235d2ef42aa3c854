import { createHash } from 'node:crypto';

/** A Lua script that Redis runs as one step. */
export interface Script {
  readonly name: string;
  readonly lua: string;
  readonly sha: string;
  /** That it succeeds does not show that anything can be kept. */
  readonly needsNoMemory: boolean;
}

/** What entries of an inbox as large as the last one may take. */
const INBOX_BYTES = 268_435_456;

/**
 * What every script starts with. `KEYS[1]` is always the key `state`; all other keys share its hash tag, which is what
 * lets a script name them itself, on a cluster too.
 *
 * A node of a cluster that is handing the keys over, one by one, refuses those that it does not have (any longer). It
 * would do so in the middle of a script, which then were half done. So each first asks for a key that never exists: it
 * is refused before it has done anything, until all keys are where they should be.
 *
 * Time is that of Redis, whose wall clock may be set: what it was set by is taken off, as soon as a node that renews its
 * lease finds that more or less has passed than by its own monotonic clock. [A11]
 *
 * What a node is told stands in its inbox, as one text: what it is, then names and values, a line each. The ID is numbered
 * from `1-1` on by Redis. At the end of the script all of it goes to the node as one message: the beginning of its inbox,
 * then ID and text of each entry, behind carriage returns. No part holds either character: they are JSON, or names of our
 * own.
 *
 * A dead node has no inbox. One that lives and has none any longer learns from its lease that it was forgotten.
 */
const COMMON = String.raw`
local STATE = KEYS[1]
local P = string.sub(STATE, 1, -6)
redis.call('EXISTS', P .. 'nothing')
local shift
local function now()
  shift = shift or tonumber(redis.call('HGET', STATE, 'shift') or '0')
  local t = redis.call('TIME')
  return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) + shift
end
local function holds(node, generation)
  return redis.call('HGET', P .. 'node:' .. node, 'g') == generation
end
local told = {}
local function tell(node, kind, ...)
  local text = table.concat({ kind, ... }, '\n')
  -- A node that reads nothing takes no more than this many bytes of Redis until its lease lapses. [Q7]
  local most = '50000'
  if #text > ${Math.floor(INBOX_BYTES / 50_000)} then most = math.max(math.floor(${INBOX_BYTES} / #text), 1000) end
  local id = redis.call('XADD', P .. 'inbox:' .. node, 'NOMKSTREAM', 'MAXLEN', '~', most, '1-*', 'd', text)
  if not id then
    local key = P .. 'node:' .. node
    if redis.call('HGET', key, 'g') ~= 'dead' then redis.call('HDEL', key, 'g', 'from') end
    return false
  end
  local entries = told[node]
  if not entries then
    entries = { redis.call('HGET', P .. 'node:' .. node, 'from') }
    told[node] = entries
  end
  entries[#entries + 1] = id .. '\n' .. text
  return true
end
local function announce()
  for node, entries in pairs(told) do
    redis.call('SPUBLISH', P .. 'inbox:' .. node, table.concat(entries, '\r'))
  end
end
`;

/**
 * @param flags what goes on when the memory of Redis is used up: `allow-oom` for leases and for what frees memory,
 * `no-writes` for what only reads
 */
export function script(
  name: string,
  parts: readonly string[],
  flags: '' | 'allow-oom' | 'no-writes' = '',
): Script {
  const head = `#!lua${flags === '' ? '' : ` flags=${flags}`}\n${COMMON}`;
  const lua = `${head}local function run()\n${parts.join('\n')}\nend\nlocal reply = run()\nannounce()\nreturn reply`;
  const sha = createHash('sha1').update(lua).digest('hex');
  return { name, lua, sha, needsNoMemory: flags !== '' };
}

/**
 * Functions that a script rarely needs: `name()` makes them and gives them by their names. Lua makes each function of a
 * script anew in every run, which for those of the logs and of the outbox is more than a publication costs that needs
 * neither.
 */
export const onDemand = (name: string, lua: string, functions: readonly string[]): string => String.raw`
local made_${name}
local function ${name}()
  if made_${name} then return made_${name} end
  ${lua}
  made_${name} = { ${functions.map((each) => `${each} = ${each}`).join(', ')} }
  return made_${name}
end
`;

/** What `JSON.stringify` makes of half a character, and of a text that says so. */
const HALF_A_CHARACTER = /\\ud[89a-f]/;

/**
 * JSON that Lua reads. Half a character, which JavaScript's strings may hold, would make it refuse the whole text, and
 * with it what others have in the same batch; it becomes U+FFFD, as everywhere where text is encoded.
 */
export function luaJson(value: unknown): string {
  const text = JSON.stringify(value);
  if (!HALF_A_CHARACTER.test(text)) return text;
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'string' ? Buffer.from(part).toString() : part,
  );
}

/**
 * Runs a script with its `ARGV`.
 * @throws SwitchboardError `engine.unavailable` when it was not run, or nobody knows
 */
export type RunScript = (script: Script, ...args: readonly (string | number)[]) => Promise<unknown>;
