import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const SOAK = fileURLToPath(new URL('../../soak/soak.js', import.meta.url));

/** Comes and goes on the built gateway for half a minute, two with all that is waited for; `npm run soak` takes longer. */
function soak(seed: number): Promise<{ code: number | string | undefined; output: string }> {
  return new Promise((resolve) => {
    const args = [SOAK, '--minutes', '0.5', '--seed', String(seed)];
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error ? 'killed' : 0), output: stderr + stdout }),
    );
  });
}

it('[Q3] [R1] [H4] of clients that come and go under load nothing is left, in the registry and in memory', async () => {
  const seed = Number(process.env['SOAK_SEED'] ?? randomInt(2 ** 32));
  const { code, output } = await soak(seed);
  // The output tells the seed and every problem.
  expect(output).toMatch(/, 0 problems$/m);
  expect(code).toBe(0);
}, 300_000);
