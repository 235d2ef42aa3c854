/** A real Redis for tests: each gets its own, on a free port, without a disk. */
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { spawnTied } from './tied-process.js';
import { until } from './until.js';

/** Another than the one in the path, or Valkey. */
export const REDIS_SERVER = process.env['TEST_REDIS_SERVER'] ?? 'redis-server';

const HOW_TO_GET_IT = 'redis-server is missing: apt-get install redis-server (7.0 or newer)';

const isInstalled = spawnSync(REDIS_SERVER, ['--version']).status === 0;

if (!isInstalled && !process.env['CI']) process.stderr.write(`skipping Redis tests: ${HOW_TO_GET_IT}\n`);

/** Skips where there is no Redis, but never in CI: there a missing one is a failure. */
export const describeWithRedis = isInstalled || process.env['CI'] ? describe : describe.skip;

/** A Redis process and what can befall it. */
export class TestRedis {
  private process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    readonly args: readonly string[],
    private readonly password: string | undefined,
  ) {}

  static async start(args: readonly string[] = [], password?: string): Promise<TestRedis> {
    if (!isInstalled) throw new Error(HOW_TO_GET_IT);
    const redis = await TestRedis.planned(args, password);
    await redis.run();
    return redis;
  }

  /** One that is not there yet. */
  static async planned(args: readonly string[] = [], password?: string): Promise<TestRedis> {
    return new TestRedis(await freePort(), args, password);
  }

  get url(): string {
    return this.urlWith(this.password);
  }

  urlWith(password: string | undefined): string {
    return `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${this.port}`;
  }

  get isRunning(): boolean {
    const { process } = this;
    return process !== undefined && process.exitCode === null && process.signalCode === null;
  }

  /** Starts it, empty. */
  async run(): Promise<void> {
    const auth = this.password === undefined ? [] : ['--requirepass', this.password];
    const fixed = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    this.process = spawnTied(REDIS_SERVER, [...fixed, ...auth, ...this.args], { stdio: 'ignore' });
    await until('Redis answers', () =>
      this.ask(async (client) => (await client.ping()) === 'PONG').catch(() => false),
    );
  }

  /** Uses a connection of its own. */
  async ask<T>(use: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis(this.url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await use(client);
    } finally {
      // On a connection that was never made, this would leave a timer behind.
      if (client.status !== 'end') client.disconnect();
    }
  }

  /** It hangs: its connections stay and nothing is answered. */
  pause(): void {
    this.process?.kill('SIGSTOP');
  }

  resume(): void {
    this.process?.kill('SIGCONT');
  }

  /** It dies, and all it holds is lost. */
  async kill(): Promise<void> {
    const { process } = this;
    if (!this.isRunning || process === undefined) return;
    const exited = once(process, 'exit');
    process.kill('SIGKILL');
    await exited;
  }

  async restartEmpty(): Promise<void> {
    await this.kill();
    await this.run();
  }

  /** Cuts every connection; clients come back by themselves. */
  async cutConnections(): Promise<void> {
    await this.ask(async (client) => {
      await client.client('KILL', 'TYPE', 'pubsub');
      await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    });
  }
}
