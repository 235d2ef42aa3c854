import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';

/**
 * Every child that still runs, so that none outlives the run.
 * @type {Set<Child>}
 */
const running = new Set();

/** The runner's side of a child process: a peer (the server measured) or the load generator. */
export class Child {
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
  #pending = new Map();
  #lastId = 0;

  /**
   * @param {string} file
   * @param {string} logFile takes stdout and stderr: a server that logs pays for it as it does in production
   */
  constructor(file, logFile) {
    const log = openSync(logFile, 'a');
    this.file = file;
    this.logFile = logFile;
    this.process = fork(file, [], {
      execArgv: ['--expose-gc'],
      env: { ...withoutSwitchboardKeys(process.env), NODE_ENV: 'production', NO_COLOR: '1' },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    running.add(this);
    this.process.on('message', (/** @type {any} */ { id, result, error }) => {
      const call = this.#pending.get(id);
      if (error === undefined) call?.resolve(result);
      else call?.reject(new Error(error));
    });
    this.process.on('error', (error) => this.#rejectAll(error));
    this.process.once('exit', (code, signal) => {
      running.delete(this);
      this.#rejectAll(new Error(`${file} ended (${signal ?? code}); its log ends with\n${tail(logFile)}`));
    });
  }

  /**
   * Has the child carry out one command.
   * @param {string} command
   * @param {object} [args]
   * @param {number} [limitMs]
   * @returns {Promise<any>}
   */
  async call(command, args = {}, limitMs = 90_000) {
    const id = ++this.#lastId;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        timer = setTimeout(
          () => reject(new Error(`${this.file}: no answer to "${command}" within ${limitMs / 1000} s`)),
          limitMs,
        );
        this.process.send({ ...args, id, do: command }, (error) => error && reject(error));
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Ends the process. By SIGKILL: nothing is to be saved, and a gateway that drains would take its time. */
  async end() {
    if (!running.has(this)) return;
    const exited = once(this.process, 'exit');
    this.kill();
    await exited;
  }

  kill() {
    this.process.kill('SIGKILL');
  }

  /** @param {Error} error */
  #rejectAll(error) {
    for (const { reject } of this.#pending.values()) reject(error);
  }
}

/** Ends every child; for Ctrl-C and failures. */
export function killAll() {
  for (const child of running) child.kill();
}

/**
 * A key set in the caller's shell must not change what is measured.
 * @param {NodeJS.ProcessEnv} env
 */
function withoutSwitchboardKeys(env) {
  return Object.fromEntries(
    Object.entries(env).filter(([key]) => !/^(SWITCHBOARD_.*|PORT|HOST|DEBUG)$/.test(key)),
  );
}

/** @param {string} logFile */
const tail = (logFile) => readFileSync(logFile, 'utf8').split('\n').slice(-15).join('\n');
