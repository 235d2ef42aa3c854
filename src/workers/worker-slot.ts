/** The argument that makes a process a worker: `--worker=0` is the first. */
const WORKER_ARGUMENT = /^--worker=(\d+)$/;

/** The slot of this process, if it is a worker: one that was told so and has a primary to talk to. */
export function workerSlot(args: readonly string[]): number | undefined {
  const slot = args.map((arg) => WORKER_ARGUMENT.exec(arg)?.[1]).find((found) => found !== undefined);
  return slot === undefined || process.send === undefined ? undefined : Number(slot);
}
