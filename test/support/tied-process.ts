/** Processes of tests that do not outlive them, however these end. */
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';

/** Of util-linux: the kernel sends the signal when the process that asked for it has gone, also by SIGKILL. */
const TIE = 'setpriv';
const canTie = process.platform === 'linux' && spawnSync(TIE, ['--version']).status === 0;

/**
 * As `spawn`, for a program that ends with this process: a failed or killed run leaves nothing behind that takes a port,
 * memory and processor time of the next one. The process ID is that of the program itself. Where the system cannot do it,
 * the program is started as it is.
 *
 * @param signal SIGTERM for a program that has children of its own to take along
 */
export function spawnTied(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
  signal: 'KILL' | 'TERM' = 'KILL',
): ChildProcess {
  if (!canTie) return spawn(program, args, options);
  return spawn(TIE, ['--pdeathsig', signal, '--', program, ...args], options);
}
