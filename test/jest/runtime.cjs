/**
 * How suites get their modules: packages as Node imports them, `src` once per worker, and what a suite consists of, itself and
 * its support, anew for each. A suite whose first comment says `@jest-environment node` gets everything anew, as Jest does it.
 */
const { default: JestRuntime } = require('jest-runtime');
const WorkerEnvironment = require('./environment.cjs');
const { Modules } = require('./modules.cjs');

const TRANSFORM = {
  isInternalModule: false,
  supportsDynamicImport: true,
  supportsExportNamespaceFrom: true,
  supportsStaticESM: true,
  supportsTopLevelAwait: true,
};

/** By the ID of the project, since it can have other files stand in for some of `src`. */
const kept = new Map();
/** Of every file that was loaded, for stack traces. */
const sourceMaps = new Map();

class Runtime extends JestRuntime {
  constructor(config, environment, resolver, transformer, cacheFS, coverage, testPath, globalConfig) {
    super(config, environment, resolver, transformer, cacheFS, coverage, testPath, globalConfig);
    if (!(environment instanceof WorkerEnvironment)) return;
    const isWatched = globalConfig.watch || globalConfig.watchAll;
    if (isWatched || !kept.has(config.id)) kept.set(config.id, new Modules(config.rootDir));
    this.modules = kept.get(config.id).forSuite({
      globals: (path) => this.requireModuleOrMock(path, '@jest/globals'),
      mapped: (from, specifier) => resolver.resolveStubModuleName(from, specifier) ?? undefined,
      transformed: async (path) => {
        const transformed = await transformer.transformAsync(path, { ...TRANSFORM, ...coverage });
        if (transformed.sourceMapPath) sourceMaps.set(path, transformed.sourceMapPath);
        return transformed;
      },
    });
  }

  unstable_importModule(from, name) {
    if (!this.modules) return super.unstable_importModule(from, name);
    return this.modules.import(from);
  }

  /** The part of Jest that collects and runs the tests of a suite has its state in its module. */
  requireInternalModule(from, to) {
    if (!this.modules || to !== undefined) return super.requireInternalModule(from, to);
    delete require.cache[from];
    return require(from);
  }

  getSourceMaps() {
    return this.modules ? sourceMaps : super.getSourceMaps();
  }

  /** Jest would have the process of the worker answer with modules of the suite. */
  installGetBuiltinModule() {
    if (!(this._environment instanceof WorkerEnvironment)) super.installGetBuiltinModule();
  }
}

module.exports = Runtime;
