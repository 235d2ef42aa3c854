import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { describeWithBrowser } from '../../support/browser.js';
import { describeWithRedis } from '../../support/redis.js';

const INCIDENTS = fileURLToPath(new URL('../../incidents/incidents.js', import.meta.url));
const ALL = '999';

const describeHere = describeWithRedis === describe ? describeWithBrowser : describe.skip;

describeHere('incidents, made for real', () => {
  it('[X2] [G1] have their causes in the words of the console, each of them', async () => {
    const seed = process.env['INCIDENTS_SEED'] ?? String(randomInt(2 ** 32));
    const { code, output } = await new Promise<{ code: unknown; output: string }>((resolve) => {
      execFile(
        process.execPath,
        [INCIDENTS, '--check', '--count', ALL, '--seed', seed],
        { maxBuffer: 10_000_000 },
        (error, stdout, stderr) =>
          resolve({ code: error?.code ?? (error ? 'killed' : 0), output: stderr + stdout }),
      );
    });
    // The output tells the seed, and of each cause that is not named what the console says instead.
    expect({ code, output }).toEqual({ code: 0, output });
    expect(output).toMatch(/^(\d+) of \1 causes stand in the console$/m);
  }, 600_000);
});
