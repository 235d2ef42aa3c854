import { readFileSync } from 'node:fs';
import { MAX_PAGE_BYTES } from '../../log.js';
import {
  ATTEMPTS_KEPT,
  KEEP_EVENTS_MS,
  KEY_OF_GATEWAY,
  MAX_EVENTS_OF_PARTITION,
  NOT_LET_IN,
} from '../../outbox.js';

/** Facts of the engine that scripts name too. A script that names one begins with it as a local. */
const CONSTANTS: Readonly<Record<string, number | string>> = {
  ATTEMPTS_KEPT,
  KEEP_EVENTS_MS,
  KEY_OF_GATEWAY,
  // A text, which Lua counts with as well: Redis takes its time to format a number.
  MAX_EVENTS_OF_PARTITION: String(MAX_EVENTS_OF_PARTITION),
  MAX_PAGE_BYTES,
  NOT_LET_IN,
};

/** A line `--- @include name` stands for the text of the file of that name under `include/`. */
const INCLUDE = /^[ ]*--- @include (\S+)\n/gm;

/** The first line of a script, with its flags: Redis wants it before everything else. */
const FIRST_LINE = /^#!lua[^\n]*\n/;

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/**
 * The text of a script as Redis gets it: `<name>.lua` within a function, behind what every script starts with, and at the
 * end what tells the nodes. An include that is named twice, also by other includes, stands where it is named first.
 */
export function scriptText(name: string): string {
  const included = new Set<string>();
  const assembled = (path: string): string =>
    read(path).replace(INCLUDE, (_, include: string) => {
      if (included.has(include)) return '';
      included.add(include);
      return assembled(`include/${include}.lua`);
    });
  const common = assembled('include/common.lua');
  const text = assembled(`${name}.lua`);
  const [firstLine] = FIRST_LINE.exec(text) ?? [];
  if (firstLine === undefined) throw new Error(`${name}.lua does not begin with #!lua`);
  const body = `${common}local function run()\n${text.slice(firstLine.length)}end\n`;
  return `${firstLine}${constantsOf(body)}${body}local reply = run()\nannounce()\nreturn reply\n`;
}

function constantsOf(text: string): string {
  const named = Object.entries(CONSTANTS).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
  return named.map(([name, value]) => `local ${name} = ${JSON.stringify(value)}\n`).join('');
}
