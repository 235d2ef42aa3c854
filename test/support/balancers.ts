/** The balancers of deploy/, as own processes with the very files, in front of nodes of a test. */
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.js';
import { spawnTied } from './tied-process.js';
import { until } from './until.js';

export type BalancerName = 'haproxy' | 'nginx';

interface Kind {
  readonly file: string;
  readonly args: (file: string, folder: string) => string[];
  /** What a test has to add: nothing is written outside of its folder. */
  readonly adapt: (text: string, folder: string, peerPort: number) => string;
}

const KINDS: Readonly<Record<BalancerName, Kind>> = {
  haproxy: {
    file: 'deploy/haproxy/haproxy.cfg',
    args: (file) => ['-db', '-f', file],
    adapt: (text, folder, peerPort) =>
      text
        .replace('maxconn 50000', 'maxconn 500')
        // Three times as often.
        .replaceAll(
          /inter (\d+)(m?s)/g,
          (_, time, unit) => `inter ${Math.floor((Number(time) * (unit === 's' ? 1_000 : 1)) / 3)}ms`,
        )
        // It runs as whoever runs the tests.
        .replace(/^ {2}(user|group) haproxy\n/gm, '')
        .replace('/run/haproxy/admin.sock mode 600 user haproxy', `${join(folder, 'admin.sock')} mode 600`)
        .replace('127.0.0.1:10000', `127.0.0.1:${peerPort}`),
  },
  nginx: {
    file: 'deploy/nginx/nginx.conf',
    args: (file, folder) => ['-c', file, '-p', folder, '-e', 'stderr', '-g', 'daemon off;'],
    adapt: (text, folder) =>
      text
        .replace('worker_processes auto;', `worker_processes 2;\npid ${folder}/pid;`)
        .replace('worker_rlimit_nofile 65536;\n', '')
        .replace('16384', '256')
        .replace(
          'access_log off;',
          `access_log off;\n${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
            .map((name) => `  ${name}_temp_path ${folder}/${name};`)
            .join('\n')}`,
        ),
  },
};

const isInstalled = (name: BalancerName): boolean => spawnSync(name, ['-v']).status === 0;

/** Skips where the balancer is not there, but never in CI: there a missing one is a failure. */
export const describeWith = (name: BalancerName): typeof describe | typeof describe.skip =>
  isInstalled(name) || process.env['CI'] ? describe : describe.skip;

export class Balancer {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  /** In front of two nodes; resolves when it passes requests on. */
  static async start(name: BalancerName, nodes: readonly [string, string]): Promise<Balancer> {
    const { file, args, adapt } = KINDS[name];
    const port = await freePort();
    const folder = await mkdtemp(join(tmpdir(), `switchboard-${name}-`));
    const text = adapt(await readFile(file, 'utf8'), folder, await freePort())
      .replaceAll('gateway-1:3000', new URL(nodes[0]).host)
      .replaceAll('gateway-2:3000', new URL(nodes[1]).host)
      .replace(/(bind |listen )(?::)?8080/, (_, word: string) => `${word}127.0.0.1:${port}`);
    const adapted = join(folder, 'balancer.conf');
    await writeFile(adapted, text);
    const child = spawnTied(name, args(adapted, folder), { stdio: 'ignore' }, 'TERM');
    const balancer = new Balancer(`http://127.0.0.1:${port}`, child, folder);
    await until(`${name} passes requests on`, async () => {
      const answer = await fetch(`${balancer.url}/v1/nodes`).catch(() => undefined);
      await answer?.arrayBuffer();
      return answer?.status === 200;
    });
    return balancer;
  }

  /** How many servers HAProxy takes for ready, from its socket for operators. */
  async readyServers(): Promise<number> {
    const socket = connect(join(this.folder, 'admin.sock'));
    socket.end('show stat ready 4 -1\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    // # pxname,svname,…,status is the eighteenth.
    return text.split('\n').filter((line) => line.startsWith('ready,') && line.split(',')[17] === 'UP')
      .length;
  }

  async stop(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await ended;
    await rm(this.folder, { recursive: true });
  }
}
