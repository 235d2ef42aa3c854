import { type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { SilentRedis } from '../../support/silent-redis.js';
import { spawnTied } from '../../support/tied-process.js';
import { until } from '../../support/until.js';

const SCRIPT = fileURLToPath(new URL('../../../scripts/cluster.js', import.meta.url));

describeWithRedis('npm run cluster with SWITCHBOARD_REDIS_URL', () => {
  let redis: TestRedis;
  let script: ChildProcess;
  let output: string;
  let ended: Promise<unknown>;

  /** Runs it on free ports. */
  function run(redisUrl: string): void {
    script = spawnTied(
      process.execPath,
      [SCRIPT, '0', '0'],
      {
        env: { PATH: process.env['PATH'], SWITCHBOARD_REDIS_URL: redisUrl },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
      'TERM',
    );
    output = '';
    for (const stream of [script.stdout!, script.stderr!]) {
      stream.on('data', (text: Buffer) => (output += text.toString()));
    }
    ended = once(script, 'exit').then(([code]) => code as unknown);
  }

  beforeEach(async () => {
    redis = await TestRedis.start();
  });
  afterEach(async () => {
    script.kill('SIGTERM');
    await ended;
    await redis.kill();
  });

  it('[R4] makes two nodes on that Redis, and leaves it as it was', async () => {
    run(redis.url);
    await until('it says that it is up', () => output.includes('Two nodes are one gateway now'));
    const [, url] = /curl (\S+)\/v1\/nodes/.exec(output)!;
    const { items } = (await (await fetch(`${url}/v1/nodes`)).json()) as { items: unknown[] };
    expect(items).toHaveLength(2);
    const keys = (): Promise<string[]> => redis.ask((client) => client.keys('*'));
    const held = await keys();
    script.kill('SIGTERM');
    expect(await ended).toBe(0);
    // It is still there, without what the nodes had in it.
    expect((await keys()).length).toBeLessThan(held.length);
  });

  it('[R4] ends with the reason when that Redis cannot be used', async () => {
    const silent = await SilentRedis.start();
    run(silent.url);
    expect(await ended).toBe(1);
    expect(output).toMatch(/^the nodes cannot use the Redis of SWITCHBOARD_REDIS_URL: \w.*$/m);
    expect(output).toMatch(/shared state cannot be used yet/);
    await until('no node is left', () => silent.connections === 0);
    await silent.stop();
  });

  it('[R4] leaves no node behind when nobody reads what it says', async () => {
    const silent = await SilentRedis.start();
    run(silent.url);
    script.stdout!.destroy();
    expect(await ended).toBe(1);
    await until('no node is left', () => silent.connections === 0);
    await silent.stop();
  });
});
