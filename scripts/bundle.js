/**
 * The last step of a build: puts the service's own files into one, `dist/main.js`, as Node takes a millisecond and more for
 * each file that it loads. What is only loaded on some configurations stays in files of its own, `dist/main-*.js`.
 *
 * Packages are left out, and so is all that others import: `dist/index.js` and what it needs stay as the compiler wrote
 * them. Without this step `dist/main.js` does the same, and starts a third slower (decision 0019).
 */
import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

/** The compiler's files, each with its source map, and with the address that it has by itself: it finds its assets by that. */
const ownFiles = {
  name: 'own-files',
  /** @param {string} file */
  async load(file) {
    const code = await readFile(file, 'utf8');
    /** @type {import('rolldown').ExistingRawSourceMap} */
    const map = JSON.parse(await readFile(`${file}.map`, 'utf8'));
    const address = `new URL(${JSON.stringify(`./${relative(DIST, file)}`)}, import.meta.url).href`;
    return { code: code.replaceAll('import.meta.url', address), map };
  },
};

const build = await rolldown({
  input: join(DIST, 'main.js'),
  platform: 'node',
  external: (name) => !name.startsWith('.') && !isAbsolute(name),
  plugins: [ownFiles],
  // Here a warning is a fault: something would be missing when the service runs.
  onLog: (level, { message }) => {
    throw new Error(`${level}: ${message}`);
  },
});
await build.write({
  dir: DIST,
  format: 'es',
  sourcemap: true,
  entryFileNames: 'main.js',
  chunkFileNames: 'main-[name].js',
});
await build.close();
