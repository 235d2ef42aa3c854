import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { TestNode, publication } from '../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { until } from '../../../test/support/until.js';

const PASSWORD = 'kumquat-0123456789';

/** Three real Sentinels that watch one primary. */
class Sentinels {
  private constructor(
    private readonly folder: string,
    private readonly processes: readonly ChildProcess[],
    private readonly ports: readonly number[],
  ) {}

  static async start(primary: TestRedis): Promise<Sentinels> {
    const folder = await mkdtemp(join(tmpdir(), 'switchboard-sentinel-'));
    const ports = await Promise.all([0, 1, 2].map(async () => (await TestRedis.planned()).port));
    const processes = await Promise.all(
      ports.map(async (port) => {
        const file = join(folder, `${port}.conf`);
        const settings = [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${folder}`,
          `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
          `sentinel auth-pass main ${PASSWORD}`,
          'sentinel down-after-milliseconds main 500',
          'sentinel failover-timeout main 3000',
        ];
        await writeFile(file, settings.join('\n'));
        return spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' });
      }),
    );
    const sentinels = new Sentinels(folder, processes, ports);
    await until('the Sentinels know each other and the replica', async () => {
      const known = await Promise.all(ports.map((port) => sentinels.ask(port)));
      return known.every((fields) => fields?.['num-slaves'] === '1' && fields['num-other-sentinels'] === '2');
    });
    return sentinels;
  }

  get url(): string {
    return `redis+sentinel://:${PASSWORD}@${this.ports.map((port) => `127.0.0.1:${port}`).join()}/main`;
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
    const client = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
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

describeWithRedis('nodes on a Redis behind Sentinels', () => {
  it('[O3] find the primary, and go on with the replica that takes its place', async () => {
    const auth = ['--masterauth', PASSWORD];
    const primary = await TestRedis.start(auth, PASSWORD);
    const replica = await TestRedis.start(
      [...auth, '--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0'],
      PASSWORD,
    );
    const sentinels = await Sentinels.start(primary);
    const nodes = [await TestNode.start(sentinels.url), await TestNode.start(sentinels.url)] as const;
    const [one, two] = nodes;
    try {
      await one.connect('socket-1', 'ann', ['lobby']);
      await two.connect('socket-2', 'bob', ['lobby']);
      expect(nodes.map(({ isReady }) => isReady)).toEqual([true, true]);

      await primary.kill();
      await until('both nodes go on', () => nodes.every((node) => node.troubles.includes('recovered')));
      expect(one.troubles).toHaveLength(2);

      await until('what the nodes hold is known again', async () => {
        const room = await one.registry.room('lobby');
        return room?.sockets === 2;
      });
      await one.engine.publish(publication({ rooms: ['lobby'] }));
      await until('the publication is there', () => two.got.length === 1);
    } finally {
      for (const { engine } of nodes) await engine.stop();
      await sentinels.stop();
      await replica.kill();
      await primary.kill();
    }
  }, 40_000);
});
