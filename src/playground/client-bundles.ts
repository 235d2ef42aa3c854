/**
 * The browser bundles of the three JavaScript client generations. [L8]
 *
 * They come from the installed packages, so the page works without a CDN and shows exactly the releases that the
 * end to end tests run against.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Injectable } from '@nestjs/common';

const require = createRequire(import.meta.url);

/** Name of a client generation in URLs and on the page. */
export type ClientGeneration = 'v2' | 'v3' | 'v4';

interface BundleSource {
  readonly packageName: string;
  readonly file: string;
}

const SOURCES: Readonly<Record<ClientGeneration, BundleSource>> = {
  v4: { packageName: 'socket.io-client', file: 'socket.io.min.js' },
  v3: { packageName: 'socket.io-client-v3', file: 'socket.io.js' },
  v2: { packageName: 'socket.io-client-v2', file: 'socket.io.js' },
};

/** What the page needs to know of one client. */
export interface ClientRelease {
  readonly generation: ClientGeneration;
  /** The exact release, such as `4.8.4`. */
  readonly version: string;
  /** Where the page loads it from; carries the release, so an upgrade is never hidden by a cache. */
  readonly url: string;
}

/** A file to send. */
export interface BundleFile {
  readonly type: string;
  readonly body: string;
}

const SOURCE_MAP_COMMENT = /\/\/# sourceMappingURL=\S+\s*$/;

@Injectable()
export class ClientBundles {
  /** All releases, the newest first. */
  readonly releases: readonly ClientRelease[] = (Object.keys(SOURCES) as ClientGeneration[]).map(
    (generation) => {
      const { version } = require(`${SOURCES[generation].packageName}/package.json`) as { version: string };
      return { generation, version, url: `playground/clients/${generation}.js?release=${version}` };
    },
  );

  readonly #files = new Map<string, () => Promise<BundleFile>>();
  readonly #loaded = new Map<string, Promise<BundleFile>>();

  constructor() {
    for (const { generation } of this.releases) {
      const { packageName, file } = SOURCES[generation];
      const path = join(dirname(require.resolve(`${packageName}/package.json`)), 'dist', file);
      this.#files.set(`${generation}.js`, () => readScript(path, `${generation}.js.map`));
      this.#files.set(`${generation}.js.map`, () => readMap(`${path}.map`));
    }
  }

  /** One bundle or source map by name, such as `v4.js`; undefined when there is none of that name. */
  async find(name: string): Promise<BundleFile | undefined> {
    const read = this.#files.get(name);
    if (read === undefined) return undefined;
    let file = this.#loaded.get(name);
    if (file === undefined) {
      file = read();
      this.#loaded.set(name, file);
      // A failed read is not remembered: the next request tries again, and this one gets the failure.
      file.catch(() => this.#loaded.delete(name));
    }
    return file;
  }
}

/** The packages name their maps alike, so each script is pointed at the map beside its new name. */
async function readScript(path: string, mapName: string): Promise<BundleFile> {
  const script = await readFile(path, 'utf8');
  return {
    type: 'text/javascript; charset=utf-8',
    body: script.replace(SOURCE_MAP_COMMENT, `//# sourceMappingURL=${mapName}\n`),
  };
}

async function readMap(path: string): Promise<BundleFile> {
  return { type: 'application/json; charset=utf-8', body: await readFile(path, 'utf8') };
}
