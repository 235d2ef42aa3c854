import { Logger } from '@nestjs/common';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SwitchboardConfig } from '../config/config.js';
import { listeningUrl } from '../operations/listening.js';
import { createFrontDoor } from './front-door.js';
import { WorkerPool } from './worker-pool.js';

/** A worker that says nothing for a lease is dead to the other nodes; twice that long, and it will not come back. */
const SILENT_LEASES = 2;

/**
 * Runs the service in several processes behind one port: this one listens and holds no state, the workers do the rest
 * and are nodes to each other like those on other machines.
 *
 * @param signalsAreTaken called when a signal ends the workers too
 */
export async function startPrimary(
  { workers, host, port, nodeLeaseMs }: SwitchboardConfig,
  signalsAreTaken: () => void,
): Promise<void> {
  const log = new Logger('Workers');
  const pool = new WorkerPool(
    workers,
    {
      file: fileURLToPath(new URL('../main.js', import.meta.url)),
      args: (slot) => [`--worker=${slot}`],
    },
    SILENT_LEASES * nodeLeaseMs,
    {
      hung: (worker, pid) => log.error('a worker hangs and is ended', { worker, workerPid: pid }),
      died: (worker, pid, cause, restartInMs) =>
        log.error(`a worker died: ${cause}`, { worker, workerPid: pid, restartInMs }),
      replaced: (worker, pid) => log.log('a worker was replaced', { worker, workerPid: pid }),
    },
  );
  const frontDoor = createFrontDoor((requestLine) => pool.recipient(requestLine));
  const ending = endOnSignal(pool);
  signalsAreTaken();
  const isUp = await pool.start();
  // Whoever asked for it waits for the workers, and then for the process.
  if (ending.isAsked) return;
  if (!isUp) {
    await pool.end('SIGTERM');
    throw new Error('a worker could not start');
  }
  try {
    frontDoor.listen(port, host);
    await once(frontDoor, 'listening');
  } catch (failure) {
    await pool.end('SIGTERM');
    throw failure;
  }
  log.log(`listening on ${listeningUrl(frontDoor)}`, { workers });
}

/** Workers drain and end, all at once; then this process does. Connections are given out until the last has gone. */
function endOnSignal(pool: WorkerPool): { readonly isAsked: boolean } {
  const ending = { isAsked: false };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (ending.isAsked) {
      void pool.end('SIGKILL');
      process.exit(1);
    }
    ending.isAsked = true;
    process.exit((await pool.end(signal)) ? 0 : 1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(signal));
  return ending;
}
