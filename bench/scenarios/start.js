import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** @param {string} path from the project's root */
const inProject = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** What is started as its users start it. @param {string} file the peer's, of this build or of an older one */
const programOf = (file) =>
  basename(file) === 'stock-nest.js'
    ? inProject('bench/support/stock-start.js')
    : join(dirname(file), '../../dist/main.js');

const REST_MS = 2_000;
/** Linux counts processor time in hundredths of a second. */
const MS_PER_TICK = 10;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'start',
  title: 'Start of the process, and the process at rest',
  unit: 'ms, or MB',
  better: 'lower',
  peers: ['stock-nest', 'switchboard'],
  connections: () => 0,
  async run({ peer }) {
    const env = { PATH: process.env.PATH, NODE_ENV: 'production', NO_COLOR: '1', PORT: '0' };
    const startedAt = performance.now();
    const child = spawn(process.execPath, [programOf(peer.file)], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await listening(child.stdout);
      const readyMs = performance.now() - startedAt;
      // Behind the name, which may have spaces: the state is field 3, user and system time are 14 and 15.
      const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1].split(' ');
      const cpuMs = (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
      await setTimeout(REST_MS);
      const [, residentKb] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? [];
      return {
        'ready, ms': readyMs,
        'CPU until ready, ms': cpuMs,
        'RSS at rest, MB': Number(residentKb) / 1000,
      };
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
  },
};

/** @param {import('node:stream').Readable} output */
async function listening(output) {
  let text = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.includes('listening on')) return;
  }
  throw new Error(`it ended before it listened: ${text}`);
}
