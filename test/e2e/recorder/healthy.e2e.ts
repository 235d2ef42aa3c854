import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const HEALTHY = fileURLToPath(new URL('../../soak/healthy.js', import.meta.url));

/** Healthy clients on the built gateway for half a minute; `npm run healthy` takes more of them, and longer. */
function healthy(options: Readonly<Record<string, string>>): Promise<{ code: unknown; output: string }> {
  const seed = process.env['HEALTHY_SEED'] ?? String(randomInt(2 ** 32));
  const args = Object.entries({ seed, ...options }).flatMap(([name, value]) => [`--${name}`, value]);
  return new Promise((resolve) => {
    execFile(process.execPath, [HEALTHY, ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error ? 'killed' : 0), output: stderr + stdout }),
    );
  });
}

it('[X2] healthy clients get no finding that is more than possible', async () => {
  const { code, output } = await healthy({ clients: '150', minutes: '0.5' });
  // The output tells the seed and every problem.
  expect({ code, output }).toEqual({ code: 0, output });
  expect(output).toMatch(/, 0 problems$/m);
}, 300_000);

it('[X2] one that is cut off for too large a message is found among them', async () => {
  const { code, output } = await healthy({ clients: '20', minutes: '0.1', sick: '1' });
  expect(output).toMatch(/^PROBLEM user=user-\d+: certain payload_too_large/m);
  expect(code).toBe(1);
}, 300_000);
