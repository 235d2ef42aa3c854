/**
 * The last step of a build: puts the service and the packages that it needs into few files, `dist/main.js` and
 * `dist/main-*.js`, as Node takes a millisecond and more for each file that it loads, and V8 keeps the text of each for as
 * long as the process lives. What is only loaded on some configurations stays in files of its own.
 *
 * What others import, `dist/index.js` and what it needs, stays as the compiler wrote it, and takes its packages from
 * `node_modules`. Without this step `dist/main.js` does the same, and starts with twice the CPU (decision 0019).
 *
 * With `--packages-apart` packages are left out: an installation from the registry has the versions that it installs.
 */
import { readFile } from 'node:fs/promises';
import { builtinModules, createRequire } from 'node:module';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const packagesApart = process.argv.includes('--packages-apart');

/** One adds to the global `Reflect`, which it cannot from inside of a module; the other is tables that nothing asks for. */
const APART = ['reflect-metadata', 'iconv-lite'];

/** What packages load only where an app has installed it. */
const OPTIONAL =
  /^(?:@fastify\/|@grpc\/|@nestjs\/(?!(?:common|core|microservices|platform-|websockets))|class-|amqp|kafkajs|mqtt|nats|@nats-io\/|bufferutil|utf-8-validate|protobufjs|@mikro-orm\/)/;

const { resolve } = createRequire(import.meta.url);

/**
 * Of rxjs in modules only what is used is taken; for Node.js it names its files of CommonJS, all of which would be.
 * Socket.IO has an older table of content types by way of `accepts`, which it asks for encodings only.
 */
const ALIAS = {
  'rxjs/operators': resolve('rxjs').replace('/cjs/index.js', '/esm/operators/index.js'),
  rxjs: resolve('rxjs').replace('/cjs/', '/esm/'),
  'mime-types': createRequire(resolve('express')).resolve('mime-types'),
};

/** What takes files that are uploaded, which the service does not. */
const UPLOADS = /\/(?:multer|busboy|@nestjs\/platform-express\/multer)\//;

/** @param {string} name */
const isPackage = (name) => !name.startsWith('.') && !isAbsolute(name);

/** @param {string} name */
const isLeftOut = (name) =>
  packagesApart
    ? isPackage(name)
    : APART.includes(name) ||
      name.startsWith('node:') ||
      builtinModules.includes(name) ||
      OPTIONAL.test(name);

/** A type of zod at a decorated parameter, which the compiler looks for at run time: with it all languages of zod are kept. */
const TYPE_OF_ZOD = /typeof z === "undefined" \|\| typeof z\.\w+ === "undefined" \? Object : z\.\w+/g;

/** The compiler's files, each with its source map, and with the address that it has by itself: it finds its assets by that. */
const ownFiles = {
  name: 'own-files',
  /** @param {string} file */
  async load(file) {
    if (!file.startsWith(DIST)) return null;
    const code = await readFile(file, 'utf8');
    /** @type {import('rolldown').ExistingRawSourceMap} */
    const map = JSON.parse(await readFile(`${file}.map`, 'utf8'));
    const address = `new URL(${JSON.stringify(`./${relative(DIST, file)}`)}, import.meta.url).href`;
    return { code: code.replaceAll('import.meta.url', address).replaceAll(TYPE_OF_ZOD, 'Object'), map };
  },
};

/** The files of packages, each with the folder that it has by itself, for the same reason. */
const filesOfPackages = {
  name: 'files-of-packages',
  transform: {
    filter: { code: '__dirname' },
    /** @param {string} code @param {string} file */
    handler: (code, file) => ({
      code: code.replaceAll(/\b__dirname\b/g, JSON.stringify(`in dist: ${relative(DIST, dirname(file))}`)),
      // Lines stay what they are, which is enough for a stack.
      map: null,
    }),
  },
  /** @param {unknown} _options @param {import('rolldown').OutputBundle} bundle */
  generateBundle(_options, bundle) {
    for (const chunk of chunksOf(bundle))
      chunk.code = chunk.code.replaceAll(/"in dist: ([^"]+)"/g, '(import.meta.dirname + "/$1")');
  },
};

/**
 * The loggers of Nest make two formatters of dates when they are loaded, of which the service, with a log of its own, uses
 * none: each process then has 7 MB of ICU's tables, and what Node does to read them. Here they are made when they are asked.
 */
const FORMATTER_WHEN_ASKED = `class FormatterWhenAsked {
  constructor(...options) { this.options = options; }
  format(date) { return (this.formatter ??= new Intl.DateTimeFormat(...this.options)).format(date); }
}
`;

/** See above. */
const formattersWhenAsked = {
  name: 'formatters-when-asked',
  transform: {
    filter: { id: /@nestjs\/common\/services\//, code: 'new Intl.DateTimeFormat(' },
    /** @param {string} code */
    handler: (code) => ({
      code: `${FORMATTER_WHEN_ASKED}${code.replace('new Intl.DateTimeFormat(', 'new FormatterWhenAsked(')}`,
      map: null,
    }),
  },
};

/** A single character beyond Latin 1 makes V8 keep the whole text of a file in two bytes for each. */
const inLatin1 = {
  name: 'in-latin-1',
  /** @param {unknown} _options @param {import('rolldown').OutputBundle} bundle */
  generateBundle(_options, bundle) {
    for (const chunk of chunksOf(bundle)) {
      chunk.code = chunk.code.replace(
        /[\u0080-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
    }
  },
};

/** @param {import('rolldown').OutputBundle} bundle */
const chunksOf = (bundle) => Object.values(bundle).filter((output) => output.type === 'chunk');

/** The service names its adapter for HTTP, so that Nest never loads the package of one, with all that it has. */
const adapterByName = {
  name: 'adapter-by-name',
  resolveId: {
    filter: { id: /^@nestjs\/platform-express$/ },
    /** @param {string} id @param {string | undefined} _importer @param {{ kind: string }} extra */
    handler: (id, _importer, { kind }) => (kind === 'dynamic-import' ? { id, external: true } : null),
  },
};

/** @type {Map<string, string>} the folder of each version of a package that was asked for first */
const folders = new Map();

/** Packages that npm has put below several others are taken once, as `npm dedupe` does where it can. */
const oneOfEachVersion = {
  name: 'one-of-each-version',
  /** @this {import('rolldown').PluginContext} @param {string} id @param {string | undefined} importer @param {any} extra */
  async resolveId(id, importer, extra) {
    const resolved = await this.resolve(id, importer, { ...extra, skipSelf: true });
    const [, folder = '', name, file] =
      /^(.*\/node_modules\/((?:@[^/]+\/)?[^/]+))\/(.*)$/.exec(resolved?.id ?? '') ?? [];
    if (!resolved || resolved.external || name === undefined) return resolved;
    const { version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const key = `${name}@${version}`;
    if (!folders.has(key)) folders.set(key, folder);
    return { ...resolved, id: `${folders.get(key)}/${file}` };
  },
};

/** A large object is smaller as text that is parsed: of a literal, V8 keeps a second one to copy from. */
const largeJson = {
  name: 'large-json',
  load: {
    filter: { id: /\/mime-db\/db\.json$/ },
    /** @param {string} file */
    handler: async (file) => ({
      code: `module.exports = JSON.parse(${JSON.stringify(JSON.stringify(JSON.parse(await readFile(file, 'utf8'))))})`,
      moduleType: /** @type {const} */ ('js'),
    }),
  },
};

const build = await rolldown({
  input: join(DIST, 'main.js'),
  platform: 'node',
  external: isLeftOut,
  resolve: { alias: packagesApart ? {} : ALIAS },
  treeshake: { moduleSideEffects: [{ test: UPLOADS, sideEffects: false }] },
  plugins: [
    adapterByName,
    oneOfEachVersion,
    largeJson,
    ownFiles,
    filesOfPackages,
    formattersWhenAsked,
    inLatin1,
  ],
  // Here a warning is a fault: something would be missing when the service runs.
  onLog: (level, { message }) => {
    throw new Error(`${level}: ${message}`);
  },
});
await build.write({
  dir: DIST,
  format: 'es',
  sourcemap: true,
  // Those of the compiler's files that are left; the source maps lead to all.
  comments: false,
  entryFileNames: 'main.js',
  chunkFileNames: 'main-[name].js',
});
await build.close();
