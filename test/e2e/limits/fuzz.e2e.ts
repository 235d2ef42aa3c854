import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const FUZZER = fileURLToPath(new URL('../../fuzz/fuzz.js', import.meta.url));
const INPUTS = 3_000;

/** Runs the fuzzer on the built gateway; what it says and its exit code. */
function fuzz(seed: number, phases: string): Promise<{ code: number | string | undefined; output: string }> {
  return new Promise((resolve) => {
    const args = [FUZZER, '--inputs', String(INPUTS), '--seed', String(seed), '--phases', phases];
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? (error ? 'killed' : 0), output: stderr + stdout }),
    );
  });
}

const PHASES = [
  ['in open mode', 'high,default'],
  ['in secured mode, with tokens and keys', 'secured'],
  ['on Redis, open and secured', 'redis,secured-redis'],
] as const;

it.each(PHASES)(
  '[Q5] malformed packets, frames, JSON and HTTP crash nothing, leak nothing and disturb nobody %s',
  async (_, phases) => {
    const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 32));
    const { code, output } = await fuzz(seed, phases);
    // The output tells the seed and every violation.
    expect(output).toMatch(new RegExp(`^3\\d{3} inputs, seed ${seed}, .* 0 violations$`, 'm'));
    expect(code).toBe(0);
  },
  180_000,
);
