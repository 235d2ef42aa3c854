/**
 * Has a signal end the process at once, with 0, while it starts: nobody has connected yet to whom to say goodbye. [O2]
 *
 * Without it a signal would be lost until Nest listens to it, or would kill the process with a code that is not 0.
 *
 * @param isWorker the death of its primary ends it too: it would wait for connections that nobody can hand over
 * @returns to be called when it has started, or when another takes care of signals
 */
export function exitOnSignalWhileStarting(isWorker: boolean): () => void {
  const exit = (): never => process.exit(0);
  const events = isWorker ? (['SIGTERM', 'SIGINT', 'disconnect'] as const) : (['SIGTERM', 'SIGINT'] as const);
  for (const event of events) process.on(event, exit);
  return () => {
    for (const event of events) process.off(event, exit);
  };
}
