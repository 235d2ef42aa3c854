import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describeWithRedis } from '../../support/redis.js';

/** Runs a script of test/chaos against the built gateway; what it prints, and its exit code. */
function run(script: string, ...args: string[]): Promise<{ code: unknown; output: string }> {
  const path = fileURLToPath(new URL(`../../chaos/${script}`, import.meta.url));
  const seed = process.env['CHAOS_SEED'] ?? String(randomInt(2 ** 32));
  return new Promise((resolve) => {
    execFile(process.execPath, [path, '--seed', seed, ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error ? 'killed' : 0), output: stderr + stdout }),
    );
  });
}

describeWithRedis('many nodes', () => {
  it('[H6] [R4] [O3] lose nothing while nodes die and hang, Redis stalls and connections break', async () => {
    const { code, output } = await run('chaos.js', '--minutes', '0.4', '--clients', '80');
    // The output tells the seed.
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).toMatch(/^received +\d+, [1-9]\d{3,} of them due$/m);
    expect(output).toMatch(/^recovered +[1-9]/m);
  }, 240_000);

  it('[O3] are whole again after Redis has lost everything', async () => {
    const { code, output } = await run('chaos.js', '--minutes', '0.25', '--clients', '60', '--lose-redis');
    expect({ code, output }).toEqual({ code: 0, output });
  }, 240_000);

  it('[W3] [W4] [W5] tell webhooks exactly what users did, while nodes die and stand still', async () => {
    const { code, output } = await run('webhooks.js', '--minutes', '0.4');
    expect({ code, output }).toEqual({ code: 0, output });
  }, 240_000);

  it('[O2] [H6] are restarted one after the other and nobody misses anything', async () => {
    const { code, output } = await run(
      'rolling-restart.js',
      '--clients',
      '150',
      '--stock',
      '50',
      '--drain-window-ms',
      '1000',
    );
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).toMatch(/^goodbyes +[1-9]\d{2,}$/m);
  }, 240_000);
});
