import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const JITTER = fileURLToPath(new URL('../../jitter/jitter.js', import.meta.url));

/** Runs clients with failing connections against the built gateway; the table it prints and its exit code. */
function jitter(options: Readonly<Record<string, number>>): Promise<{ code: unknown; output: string }> {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return new Promise((resolve) => {
    execFile(process.execPath, [JITTER, ...args], (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error ? 'killed' : 0), output: stderr + stdout }),
    );
  });
}

const seed = (): number => Number(process.env['JITTER_SEED'] ?? randomInt(2 ** 32));

it('[H4] [H5] clients whose connections fail again and again get everything once and in order', async () => {
  const { code, output } = await jitter({
    clients: 500,
    seconds: 8,
    every: 4,
    'ping-ms': 2000,
    seed: seed(),
  });
  // The output tells the seed.
  expect(output).toMatch(/^lost +0\ndoubled +0\nout of order +0\nnot recovered +0\nfor others +0$/m);
  expect(output).toMatch(/^resumes +[1-9]\d{2,}, [1-9]\d* of them with something missed$/m);
  expect({ code, output }).toEqual({ code: 0, output });
}, 180_000);

it('[H4] a gateway that recovers nobody is found out', async () => {
  const { code, output } = await jitter({
    clients: 50,
    seconds: 3,
    every: 2,
    'ping-ms': 1000,
    'recovery-window-ms': 0,
    seed: seed(),
  });
  expect(output).toMatch(/^not recovered +[1-9]/m);
  expect(output).toMatch(/^lost +[1-9]/m);
  expect(code).toBe(1);
}, 120_000);
