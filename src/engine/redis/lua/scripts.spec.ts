import { readdir, readFile } from 'node:fs/promises';
import luaparse from 'luaparse';
import * as scripts from './scripts.js';

const ALL = Object.values(scripts);

/** What Redis gives to scripts, and what they use of Lua. */
const GLOBALS = new Set('ARGV KEYS cjson redis ipairs math pairs string table tonumber unpack'.split(' '));

/** Names that are neither declared nor given. Redis would refuse a script in the middle of its run. */
function undeclared(lua: string): string[] {
  const { globals } = luaparse.parse(lua, { luaVersion: '5.1', scope: true }) as luaparse.Chunk & {
    readonly globals: readonly luaparse.Identifier[];
  };
  return globals.map(({ name }) => name).filter((name) => !GLOBALS.has(name));
}

const luaFilesIn = async (folder: string): Promise<string[]> =>
  (await readdir(new URL(folder, import.meta.url))).filter((name) => name.endsWith('.lua'));

describe('Lua scripts', () => {
  test.each(ALL.map(({ name, lua }) => [name, lua]))('%s names nothing that is not declared', (_, lua) => {
    expect(undeclared(lua)).toEqual([]);
  });

  test('a name that is not declared is seen', () => {
    expect(undeclared('local function f(a) return a + b end return f(KEYS[1])')).toEqual(['b']);
  });

  test.each(ALL.map(({ name, lua }) => [name, lua]))('%s names its arguments', (_, lua) => {
    expect(lua.match(/ARGV\[\d+\]/g)).toBeNull();
  });

  test('every file is loaded, or included by one that is', async () => {
    const loaded = ALL.map(({ name }) => `${name}.lua`);
    expect((await luaFilesIn('./')).toSorted()).toEqual(loaded.toSorted());
    const names = [
      ...(await luaFilesIn('./')),
      ...(await luaFilesIn('./include/')).map((name) => `include/${name}`),
    ];
    const texts = await Promise.all(names.map((name) => readFile(new URL(name, import.meta.url), 'utf8')));
    const included = texts.flatMap((text) =>
      [...text.matchAll(/--- @include (\S+)/g)].map(([, name]) => `${name}.lua`),
    );
    const shared = ['common.lua', 'generation.lua'];
    expect(new Set([...shared, ...included])).toEqual(new Set(await luaFilesIn('./include/')));
  });

  test('an include that is named twice stands once, and none is left', () => {
    const { lua } = scripts.REAP;
    expect(lua.split('local function dropLog').length).toBe(2);
    expect(lua).not.toContain('@include');
  });

  test('the flags come first', () => {
    expect(scripts.RENEW.lua).toMatch(/^#!lua flags=allow-oom\n/);
    expect(scripts.RENEW.needsNoMemory).toBe(true);
    expect(scripts.PUBLISH.lua).toMatch(/^#!lua\n/);
    expect(scripts.PUBLISH.needsNoMemory).toBe(false);
  });
});
