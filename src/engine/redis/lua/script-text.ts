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

/** Functions that many scripts use, each with the file under `include/` that has it. Lua makes them anew in each run. */
const SHARED: readonly (readonly [functions: RegExp, include: string])[] = [
  [/\bnow\(/, 'clock'],
  [/\bholds\(/, 'generation'],
  [/\btell\(/, 'tell'],
];

const includes = (names: readonly string[]): string => names.map((name) => `--- @include ${name}\n`).join('');

/**
 * The text of a script as Redis gets it: `<name>.lua`, behind what every script starts with and the shared functions that
 * it names. One that tells nodes something is a function, and at the end comes what tells them. One that includes what it
 * starts with by itself is left as it is. An include that is named twice, also by other includes, stands where it is
 * named first.
 */
export function scriptText(name: string): string {
  const included = new Set<string>();
  const assembled = (text: string): string =>
    text.replace(INCLUDE, (_, include: string) => {
      if (included.has(include)) return '';
      included.add(include);
      return assembled(read(`include/${include}.lua`));
    });
  const text = read(`${name}.lua`);
  const [firstLine] = FIRST_LINE.exec(text) ?? [];
  if (firstLine === undefined) throw new Error(`${name}.lua does not begin with #!lua`);
  const own = assembled(text.slice(firstLine.length));
  const withFirstLine = (body: string): string => `${firstLine}${constantsOf(body)}${body}`;
  if (included.has('common')) return withFirstLine(own);
  const shared = SHARED.filter(([functions]) => functions.test(own)).map(([, include]) => include);
  const before = assembled(includes(['common', ...shared]));
  if (!shared.includes('tell')) return withFirstLine(`${before}${own}`);
  const deliver = assembled(includes(['deliver']));
  return withFirstLine(
    `${before}local function run()\n${own}end\nlocal reply = run()\n${deliver}return reply\n`,
  );
}

function constantsOf(text: string): string {
  const named = Object.entries(CONSTANTS).filter(([name]) => new RegExp(`\\b${name}\\b`).test(text));
  return named.map(([name, value]) => `local ${name} = ${JSON.stringify(value)}\n`).join('');
}
