/**
 * The libraries of the console as modules that a browser loads from the gateway: no bundler, no CDN. [G1]
 *
 * They come from the installed packages. A browser resolves no bare names, and a map of them would stand inline in the
 * page, which its policy forbids: so the few imports among them are made relative when a file is first asked for.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

interface ModuleSource {
  /** Resolved as Node.js does; the file stands beside what that gives. */
  readonly packageName: string;
  readonly file: string;
  readonly type: string;
  /** For a script that makes a global: what the module gives. */
  readonly exportedGlobal?: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

const SOURCES: Readonly<Record<string, ModuleSource>> = {
  'preact.js': { packageName: 'preact', file: 'preact.mjs', type: SCRIPT },
  'preact-hooks.js': { packageName: 'preact/hooks', file: 'hooks.mjs', type: SCRIPT },
  'signals-core.js': { packageName: '@preact/signals-core', file: 'signals-core.mjs', type: SCRIPT },
  'signals.js': { packageName: '@preact/signals', file: 'signals.mjs', type: SCRIPT },
  'htm.js': { packageName: 'htm', file: 'htm.mjs', type: SCRIPT },
  // The minified one, a third of the size, is no module.
  'uplot.js': { packageName: 'uplot', file: 'uPlot.iife.min.js', type: SCRIPT, exportedGlobal: 'uPlot' },
  'uplot.css': { packageName: 'uplot', file: 'uPlot.min.css', type: 'text/css; charset=utf-8' },
};

const BARE_NAMES: Readonly<Record<string, string>> = {
  preact: './preact.js',
  'preact/hooks': './preact-hooks.js',
  '@preact/signals-core': './signals-core.js',
};

const BARE_IMPORT = /\b(from|import)\s*(["'])([^"'./][^"']*)\2/g;
const SOURCE_MAP_COMMENT = /\/\/# sourceMappingURL=\S+\s*$/;

/** A file to send. */
export interface BrowserModule {
  readonly type: string;
  readonly body: string;
}

/** Reads each file once, when it is first asked for. */
export class BrowserModules {
  readonly #loaded = new Map<string, Promise<BrowserModule>>();

  /** One file by name, such as `preact.js`; undefined when there is none of that name. */
  async find(name: string): Promise<BrowserModule | undefined> {
    if (!Object.hasOwn(SOURCES, name)) return undefined;
    let module = this.#loaded.get(name);
    if (module === undefined) {
      module = read(SOURCES[name]!);
      this.#loaded.set(name, module);
      // A failed read is not remembered: the next request tries again, and this one gets the failure.
      module.catch(() => this.#loaded.delete(name));
    }
    return module;
  }
}

async function read({ packageName, file, type, exportedGlobal }: ModuleSource): Promise<BrowserModule> {
  const source = await readFile(join(dirname(require.resolve(packageName)), file), 'utf8');
  const body = source
    .replace(SOURCE_MAP_COMMENT, '')
    .replace(BARE_IMPORT, (_, keyword: string, quote: string, name: string) => {
      const path = BARE_NAMES[name];
      if (path === undefined)
        throw new Error(`${packageName} imports ${name}, which the console does not serve`);
      return `${keyword}${quote}${path}${quote}`;
    });
  return { type, body: exportedGlobal === undefined ? body : `${body}\nexport default ${exportedGlobal};\n` };
}
