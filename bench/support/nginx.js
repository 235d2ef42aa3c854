/** An nginx with Nchan, as Debian packs it, for a sample. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../scripts/free-port.js';

const MODULE = process.env['NCHAN_MODULE'] ?? '/usr/lib/nginx/modules/ngx_nchan_module.so';
/** Debian's place for servers is not in everybody's path. */
const ENV = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` };
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
const START_LIMIT_MS = 10_000;

/** Starts nginx and ends it with the end of stdin, so that it never outlives who started it. */
const GUARD = '"$@" >&2 & echo $!; read -r _; kill $!';

/**
 * @param {string} folder of the run
 * @returns {string | undefined} why Nchan cannot be measured here, in a line
 */
export function whyNoNchan(folder) {
  // The worker's CPU is wanted, and only Linux tells that of another process.
  if (!existsSync('/proc/self/schedstat')) return 'this system has no /proc/PID/schedstat';
  if (!existsSync(MODULE)) return `${MODULE} is missing (Debian: libnginx-mod-nchan)`;
  const config = join(folder, 'nchan-test.conf');
  writeFileSync(config, `load_module ${MODULE}; pid ${folder}/nchan-test.pid; events {}\n`);
  const { error, status, stderr } = spawnSync('nginx', ['-t', '-e', 'stderr', '-c', config], {
    env: ENV,
    encoding: 'utf8',
  });
  if (error) return 'nginx is not installed';
  return status === 0 ? undefined : String(stderr.split('\n').find((line) => line.includes('[emerg]')));
}

/**
 * One worker with one channel: `GET /` subscribes by WebSocket, `POST /publish` publishes. Who subscribes gets the
 * channel's last message at once, which is the hello that the load generator waits for.
 *
 * @param {string} folder of the run
 * @returns {Promise<{ port: number, worker: number }>} `worker`: the process that does all the work
 */
export async function startNginx(folder) {
  const port = await freePort();
  const home = mkdtempSync(join(folder, 'nginx-'));
  const config = join(home, 'nginx.conf');
  writeFileSync(
    config,
    `load_module ${MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile 32768;
pid ${home}/pid;
error_log stderr warn;
events { worker_connections 32768; }
http {
  access_log off;
  ${TEMPORARY.map((name) => `${name}_temp_path ${home}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    location = / { nchan_subscriber websocket; nchan_channel_id all; nchan_subscriber_first_message oldest; }
    location = /publish { nchan_publisher; nchan_channel_id all; nchan_message_buffer_length 1; }
  }
}
`,
  );
  const command = ['nginx', '-e', 'stderr', '-c', config, '-p', home];
  const guard = spawn('sh', ['-c', GUARD, 'sh', ...command], {
    env: ENV,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [master] = await once(createInterface({ input: guard.stdout }), 'line');
  const worker = () => readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim();
  for (const start = Date.now(); !(await accepts(port)) || worker() === ''; await delay(20)) {
    if (Date.now() - start > START_LIMIT_MS) throw new Error('nginx does not answer');
  }
  return { port, worker: Number(worker()) };
}

/** µs of CPU that a process, of one thread, has taken. @param {number} pid */
export const cpuMicrosOf = (pid) =>
  Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;

/** @param {number} port */
async function accepts(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
