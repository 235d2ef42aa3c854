/**
 * The environment of suites in which a file's code runs in the worker's own realm, so that modules can be kept from suite to
 * suite. What a suite can leave behind in the process is put back when it ends.
 */
const { ModernFakeTimers } = require('@jest/fake-timers');
const { ModuleMocker } = require('jest-mock');

/** Jest reads the clock and its timers under these names where a suite has turned them. */
const NATIVE = { 'jest-native-now': Date.now, 'jest-native-promise': Promise };
/** The listeners for events of Jest's runner, of which each suite has its own. */
const EVENT_HANDLERS = Symbol.for('EVENT_HANDLERS');
/** What `jest.setTimeout` and `jest.retryTimes` write to. */
const SETTINGS = ['TEST_TIMEOUT_SYMBOL', 'RETRY_TIMES', 'RETRY_IMMEDIATELY', 'LOG_ERRORS_BEFORE_RETRY'];

class WorkerEnvironment {
  constructor({ projectConfig }) {
    this.global = globalThis;
    for (const [name, value] of Object.entries(NATIVE)) globalThis[Symbol.for(name)] ??= value;
    delete globalThis[EVENT_HANDLERS];
    this.moduleMocker = new ModuleMocker(globalThis);
    this.fakeTimers = null;
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
    this.before = {
      console: globalThis.console,
      env: { ...process.env },
      exit: process.exit,
      exitCode: process.exitCode,
    };
  }

  async setup() {}

  async teardown() {
    this.fakeTimersModern.dispose();
    this.moduleMocker.restoreAllMocks();
    for (const name of SETTINGS) delete globalThis[Symbol.for(name)];
    globalThis.console = this.before.console;
    process.exit = this.before.exit;
    process.exitCode = this.before.exitCode;
    for (const name of Object.keys(process.env)) if (!(name in this.before.env)) delete process.env[name];
    Object.assign(process.env, this.before.env);
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  /** Undefined stands for the realm of the worker. */
  getVmContext() {
    return undefined;
  }
}

module.exports = WorkerEnvironment;
