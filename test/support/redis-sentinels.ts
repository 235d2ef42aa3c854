import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from './free-port.js';
import { REDIS_SERVER } from './redis.js';
import { spawnTied } from './tied-process.js';
import { until } from './until.js';

const USER = 'scout';

/** What Sentinels ask of who connects: nothing, a password, or a user that may do no more than find the primary. */
export type SentinelLogin =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'user'; readonly password: string };

export interface SentinelsConfig {
  /** The primary, where the Sentinels reach it. */
  readonly primaryPort: number;
  readonly primaryPassword: string;
  readonly replicas: number;
  readonly login?: SentinelLogin;
  /** Settings over TLS for each, by its port for it. */
  readonly tls?: (port: number) => readonly string[];
}

/** Three real Sentinels that watch one primary by the name `main`. */
export class TestSentinels {
  private constructor(
    private readonly folder: string,
    private readonly processes: readonly ChildProcess[],
    private readonly plainPorts: readonly number[],
    /** Where clients reach them: over TLS, if there is. */
    readonly ports: readonly number[],
    private readonly login: SentinelLogin,
  ) {}

  static async start(config: SentinelsConfig): Promise<TestSentinels> {
    const { login = { kind: 'none' }, tls } = config;
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-sentinel-'));
    const plainPorts = await Promise.all([0, 1, 2].map(freePort));
    const ports = tls ? await Promise.all([0, 1, 2].map(freePort)) : plainPorts;
    const processes = await Promise.all(
      plainPorts.map(async (port, index) => {
        const file = join(folder, `${port}.conf`);
        const settings = [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${folder}`,
          `sentinel monitor main 127.0.0.1 ${config.primaryPort} 2`,
          `sentinel auth-pass main ${config.primaryPassword}`,
          'sentinel down-after-milliseconds main 500',
          'sentinel failover-timeout main 3000',
          ...settingsOf(login),
          ...(tls?.(ports[index]!) ?? []),
        ];
        await writeFile(file, settings.join('\n'));
        return spawnTied(REDIS_SERVER, [file, '--sentinel'], { stdio: 'ignore' });
      }),
    );
    const sentinels = new TestSentinels(folder, processes, plainPorts, ports, login);
    await until('the Sentinels know each other and the replicas', async () => {
      const known = await Promise.all(plainPorts.map((port) => sentinels.ask(port)));
      return known.every(
        (fields) =>
          fields?.['num-slaves'] === String(config.replicas) && fields['num-other-sentinels'] === '2',
      );
    });
    return sentinels;
  }

  /** Their addresses, as in a URL. */
  get hosts(): string {
    return this.ports.map((port) => `127.0.0.1:${port}`).join();
  }

  /** The end of a URL. */
  get query(): string {
    const { login } = this;
    switch (login.kind) {
      case 'none':
        return '';
      case 'password':
        return `?sentinel_password=${encodeURIComponent(login.password)}`;
      case 'user':
        return `?sentinel_username=${USER}&sentinel_password=${encodeURIComponent(login.password)}`;
    }
  }

  async stop(): Promise<void> {
    for (const process of this.processes) {
      const ended = once(process, 'exit');
      process.kill('SIGKILL');
      await ended;
    }
    await rm(this.folder, { recursive: true });
  }

  private async ask(port: number): Promise<Record<string, string> | undefined> {
    const { login } = this;
    const client = new Redis(port, '127.0.0.1', {
      lazyConnect: true,
      retryStrategy: () => null,
      ...(login.kind === 'none' ? {} : { password: login.password }),
      ...(login.kind === 'user' ? { username: 'sentinel' } : {}),
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const fields = (await client.call('SENTINEL', 'MASTER', 'main')) as string[];
      return Object.fromEntries(fields.flatMap((name, at) => (at % 2 ? [] : [[name, fields[at + 1]!]])));
    } catch {
      return undefined;
    } finally {
      if (client.status !== 'end') client.disconnect();
    }
  }
}

/** Sentinels log in to each other too. */
function settingsOf(login: SentinelLogin): string[] {
  switch (login.kind) {
    case 'none':
      return [];
    case 'password':
      return [`requirepass "${login.password}"`, `sentinel sentinel-pass "${login.password}"`];
    case 'user':
      return [
        `user ${USER} on >${login.password} +sentinel|get-master-addr-by-name +sentinel|sentinels`,
        `user sentinel on >${login.password} allchannels allcommands`,
        'user default off',
        'sentinel sentinel-user sentinel',
        `sentinel sentinel-pass "${login.password}"`,
      ];
  }
}
