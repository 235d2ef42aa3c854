import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SOURCE = fileURLToPath(new URL('../peers/floor.c', import.meta.url));

/** @param {string} folder of the run */
export const binaryIn = (folder) => join(folder, 'floor');

/**
 * Compiles peers/floor.c, once per run.
 * @param {string} folder of the run
 * @returns {string | undefined} why there is none, in a line
 */
export function compileFloor(folder) {
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-o', binaryIn(folder), SOURCE], {
    encoding: 'utf8',
  });
  if (error) return `no C compiler "cc" can be started (${error.message})`;
  if (status !== 0) return `cc failed: ${stderr.trim().split('\n')[0]}`;
  return undefined;
}
