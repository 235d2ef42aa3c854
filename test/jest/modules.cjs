/** Modules of a worker: those of packages and of `src` are kept from suite to suite, the others belong to one suite. */
const { isBuiltin } = require('node:module');
const { dirname, extname, join, relative, resolve, sep } = require('node:path');
const { fileURLToPath, pathToFileURL } = require('node:url');
const { SourceTextModule, SyntheticModule } = require('node:vm');

/** Stand-ins for modules of `src`: what is kept imports them, so that they are kept too. */
const KEPT_SUPPORT = ['engine-under-test.ts', 'process-config-on-redis.ts'];

class Modules {
  /** Promises of modules by their path, or by the name of a package. */
  #loading = new Map();
  #linking = Promise.resolve();
  #evaluating = new WeakMap();

  /**
   * @param {object} suite the one that runs now: how a name is resolved and a file is transformed
   * @param {Modules | undefined} kept undefined for the kept ones themselves
   */
  constructor(rootDir, kept) {
    this.rootDir = rootDir;
    this.kept = kept ?? this;
    this.suite = undefined;
  }

  /** @returns {Modules} an empty set for the modules of one suite, above the kept ones */
  forSuite(suite) {
    this.suite = suite;
    return new Modules(this.rootDir, this);
  }

  /** Loads a file with all that it imports, and runs it. @returns {Promise<object>} what it exports */
  async import(path) {
    return this.#run(await this.#load(path));
  }

  async #run(module) {
    // One at a time: the same module can be below two that are imported at once.
    const linked = this.kept.#linking.then(async () => {
      if (module.status === 'unlinked')
        await module.link((specifier, from) => this.#imported(specifier, from));
    });
    this.kept.#linking = linked.catch(() => undefined);
    await linked;
    if (module.status === 'linked') this.kept.#evaluating.set(module, module.evaluate());
    await this.kept.#evaluating.get(module);
    return module.namespace;
  }

  /** @returns {Promise<import('node:vm').Module>} not linked yet, but for those of packages */
  #imported(specifier, from) {
    const { suite } = this.kept;
    if (specifier === '@jest/globals') return this.#globals(from.identifier);
    if (isBuiltin(specifier)) return this.kept.#native(specifier, specifier);
    const path = specifier.startsWith('file:')
      ? fileURLToPath(specifier)
      : (suite.mapped(from.identifier, specifier) ?? inFolder(from.identifier, specifier));
    return path === undefined ? this.kept.#native(specifier, specifier) : this.#load(path);
  }

  #load(path) {
    const isOfAPackage = path.includes(`${sep}node_modules${sep}`);
    if (isOfAPackage || extname(path) === '.cjs') return this.kept.#native(path, pathToFileURL(path).href);
    const modules = this.#isKept(path) ? this.kept : this;
    return modules.#once(path, () => modules.#source(path));
  }

  #isKept(path) {
    const local = relative(this.rootDir, path);
    if (local.startsWith(`src${sep}`)) return !local.endsWith('.spec.ts');
    return KEPT_SUPPORT.some((file) => local === join('test', 'support', file));
  }

  async #source(path) {
    const { code } = await this.kept.suite.transformed(path);
    const { href } = pathToFileURL(path);
    return new SourceTextModule(code, {
      identifier: path,
      importModuleDynamically: async (specifier, from) => this.#run(await this.#imported(specifier, from)),
      initializeImportMeta: (meta) => {
        meta.url = href;
        meta.filename = path;
        meta.dirname = dirname(path);
      },
    });
  }

  #native(key, specifier) {
    return this.#once(key, async () => {
      // Packages are there before any file that imports them runs, in no order; Nest's need this one.
      await import('reflect-metadata');
      return synthetic(key, await import(specifier));
    });
  }

  #globals(path) {
    return this.#once('@jest/globals', () => synthetic('@jest/globals', this.kept.suite.globals(path)));
  }

  #once(key, load) {
    const known = this.#loading.get(key) ?? Promise.resolve().then(load);
    this.#loading.set(key, known);
    return known;
  }
}

/** @returns {string | undefined} undefined for the name of a package */
const inFolder = (from, specifier) =>
  /^\.{0,2}\//.test(specifier) ? resolve(dirname(from), specifier) : undefined;

function synthetic(identifier, exports) {
  const names = Object.keys(exports);
  return new SyntheticModule(
    names,
    function fill() {
      for (const name of names) this.setExport(name, exports[name]);
    },
    { identifier },
  );
}

module.exports = { Modules };
