import { createHash } from 'node:crypto';
import { scriptText } from './script-text.js';

/** A Lua script that Redis runs as one step. */
export interface Script {
  readonly name: string;
  readonly lua: string;
  readonly sha: string;
  /** That it succeeds does not show that anything can be kept. */
  readonly needsNoMemory: boolean;
}

/**
 * The script of a file beside this one, read once.
 *
 * Its first line has its flags, which say what goes on when the memory of Redis is used up: `allow-oom` for leases and
 * for what frees memory, `no-writes` for what only reads.
 */
export function script(name: string): Script {
  const lua = scriptText(name);
  const sha = createHash('sha1').update(lua).digest('hex');
  return { name, lua, sha, needsNoMemory: lua.startsWith('#!lua flags=') };
}

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
