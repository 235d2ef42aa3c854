/** A Redis of its own, and what can befall it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../scripts/free-port.js';

const START_TIMEOUT_MS = 10_000;

export class RedisProcess {
  /** @param folder where it keeps what was written before it answers; without one a new process knows nothing */
  constructor(port, folder) {
    this.port = port;
    this.folder = folder;
  }

  static async start({ folder } = {}) {
    const redis = new RedisProcess(await freePort(), folder);
    await redis.run();
    return redis;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  async run() {
    const kept = this.folder
      ? ['--dir', this.folder, '--appendonly', 'yes', '--appendfsync', 'always']
      : ['--appendonly', 'no'];
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', ...kept];
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    process.once('exit', () => child.kill('SIGKILL'));
    this.child = child;
    const until = Date.now() + START_TIMEOUT_MS;
    while ((await this.ask((client) => client.ping()).catch(() => '')) !== 'PONG') {
      if (Date.now() > until) throw new Error('redis-server did not start');
      await pause(20);
    }
  }

  async ask(use) {
    const client = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => {});
    try {
      await client.connect();
      return await use(client);
    } finally {
      if (client.status !== 'end') client.disconnect();
    }
  }

  pause() {
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  /** Every connection breaks; nothing is lost. */
  async cutConnections() {
    await this.ask(async (client) => {
      await client.client('KILL', 'TYPE', 'pubsub');
      await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    });
  }

  async kill() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }
}
