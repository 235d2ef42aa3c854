import { readFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { renderConfigurationPage, renderHelp } from './config-docs.js';
import { CONFIG_KEY_LIST } from './keys.js';

const PAGE = new URL('../../docs/configuration.md', import.meta.url).pathname;

it('[C1] docs/configuration.md is what the table of keys renders to', async () => {
  const wanted = await format(renderConfigurationPage(), { ...(await resolveConfig(PAGE)), filepath: PAGE });
  expect(await readFile(PAGE, 'utf8')).toBe(wanted);
});

it('[C1] the page and --help name every key once at the start of a row', async () => {
  const variables = CONFIG_KEY_LIST.map(([, key]) => key.env).sort();
  const rows = [...(await readFile(PAGE, 'utf8')).matchAll(/^\| `([A-Z0-9_]+)`/gm)].map((match) => match[1]);
  expect(rows.sort()).toEqual(variables);
  const entries = [...renderHelp().matchAll(/^ {2}([A-Z0-9_]+) /gm)].map((match) => match[1]);
  expect(entries.sort()).toEqual(variables);
});

it('[C1] --help is plain text of at most 100 columns, with types and defaults', () => {
  const help = renderHelp();
  expect(help.split('\n').filter((line) => line.length > 100 || line !== line.trimEnd())).toEqual([]);
  expect(help).not.toContain('`');
  expect(help).toContain('(a whole number from 0 to 65535; default 3000)');
});

it('[C1] every key has a type and a description of one line', () => {
  for (const [name, key] of CONFIG_KEY_LIST) {
    expect([name, key.schema.description]).toEqual([name, expect.stringMatching(/^\S.*$/)]);
    expect([name, key.description]).toEqual([name, expect.stringMatching(/^[^\n]+\.$/)]);
  }
});

it('[C1] a duration or a size says its unit in its name and in the table', () => {
  for (const [name, key] of CONFIG_KEY_LIST) {
    if (name.endsWith('Ms')) expect([name, key.unit]).toEqual([name, 'ms']);
    if (name.endsWith('Bytes')) expect([name, key.unit]).toEqual([name, 'bytes']);
    const words = name.replace(/([A-Z]|(?<=[a-z])V?\d)/g, '_$1').toUpperCase();
    expect(key.env.replace(/^SWITCHBOARD_/, '')).toBe(words);
  }
});
