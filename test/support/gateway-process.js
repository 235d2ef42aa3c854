/** The built gateway as a process of its own: what it writes, how much memory it holds, and how it ends. */
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BUILT_GATEWAY = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
const KIB = 1024;

/**
 * Starts the gateway on a free port and resolves when it listens.
 *
 * @param {{ env?: Record<string, string>, main?: string, nodeOptions?: string[] }} options `env` is all of the
 *   environment but PATH
 */
export async function startGatewayProcess({ env = {}, main = BUILT_GATEWAY, nodeOptions = [] } = {}) {
  const child = spawn(process.execPath, [...nodeOptions, main], {
    env: { PATH: process.env.PATH, PORT: '0', SWITCHBOARD_LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gateway = new GatewayProcess(child);
  await gateway.listening();
  return gateway;
}

class GatewayProcess {
  /** Lines that no input of a client may cause: errors, and whatever is not a record of the log. */
  complaints = [];
  url = '';

  constructor(child) {
    this.child = child;
    this.exited = once(child, 'exit').then(([code, signal]) => (this.exit = signal ?? code));
    this.started = new Promise((resolve) => (this.isStarted = resolve));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.read(line));
    }
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  get isRunning() {
    return this.exit === undefined;
  }

  async listening() {
    const timeout = AbortSignal.timeout(START_TIMEOUT_MS);
    await Promise.race([this.started, this.exited, once(timeout, 'abort')]);
    if (this.url) return;
    this.child.kill('SIGKILL');
    throw new Error(`the gateway did not start: ${this.complaints.join('\n') || 'it said nothing'}`);
  }

  /** Resident memory, in bytes; 0 once the process has gone. */
  rssBytes() {
    if (!this.isRunning) return 0;
    return process.platform === 'linux' ? residentOnLinux(this.child.pid) : residentByPs(this.child.pid);
  }

  /** Asks it to drain; resolves with the exit code, or the signal that it took. One that takes longer is killed. */
  async stop(timeoutMs = STOP_TIMEOUT_MS) {
    if (!this.isRunning) return this.exit;
    this.child.kill('SIGTERM');
    const cutOff = setTimeout(() => this.child.kill('SIGKILL'), timeoutMs);
    const exit = await this.exited;
    clearTimeout(cutOff);
    return exit;
  }

  read(line) {
    const isRecord = line.startsWith('{');
    // A gateway under load writes thousands of these; only the few that matter are parsed.
    if (isRecord && !this.url && line.includes('"listening on ')) {
      this.url = JSON.parse(line).message.slice('listening on '.length);
      this.isStarted();
    }
    if (!isRecord || line.includes('"level":"error"') || line.includes('"level":"fatal"')) {
      this.complaints.push(line);
    }
  }
}

function residentOnLinux(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * KIB;
}

function residentByPs(pid) {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * KIB;
}
