/** A service as its users start it, in a process of its own; what Linux says of that process. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Linux counts processor time in hundredths of a second. */
const MS_PER_TICK = 10;

/** @param {string} path from the project's root */
const inProject = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** @type {Record<string, string>} what is measured of others as a process of its own */
const PROGRAMS = {
  'raw-socket.io.js': 'bench/support/raw-start.js',
  'stock-nest.js': 'bench/support/stock-start.js',
};

/** @param {string} file the peer's, of this build or of an older one */
const programOf = (file) => {
  const program = PROGRAMS[basename(file)];
  return program === undefined ? join(dirname(file), '../../dist/main.js') : inProject(program);
};

/**
 * Starts one on a free port and waits until it listens.
 * @param {string} file the peer's
 * @param {Record<string, string>} [keys] of the configuration
 */
export async function startService(file, keys) {
  const env = { PATH: process.env.PATH, NODE_ENV: 'production', NO_COLOR: '1', PORT: '0', ...keys };
  const child = spawn(process.execPath, [programOf(file)], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    // Without the one in front, workers would first send their clients away.
    for (const pid of processTree(Number(child.pid))) process.kill(pid, 'SIGKILL');
    await ended;
  };
  try {
    const port = await listening(child.stdout);
    // What it says later is read and dropped, so that it never waits for this process.
    child.stdout.resume();
    return { pid: Number(child.pid), port, end };
  } catch (error) {
    await end();
    throw error;
  }
}

/** CPU of one process since its start. @param {number} pid */
export function processCpuMs(pid) {
  // Behind the name, which may have spaces: the state is field 3, user and system time are 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** The same of a process and all that it has started. @param {number} pid */
export const processTreeCpuMs = (pid) =>
  processTree(pid).reduce((sum, process) => sum + processCpuMs(process), 0);

/** A process and all that it has started. @param {number} pid @returns {number[]} */
function processTree(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children.flatMap((child) => processTree(Number(child)))];
}

/** @param {number} pid */
export function residentMb(pid) {
  const [, kb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kb) / 1000;
}

/** @param {import('node:stream').Readable} output @returns {Promise<number>} the port */
async function listening(output) {
  let text = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const [, port] = /listening on \S+:(\d+)/.exec(text) ?? [];
    if (port) return Number(port);
  }
  throw new Error(`it ended before it listened: ${text}`);
}
