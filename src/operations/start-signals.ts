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

/** Signals that mean something else to whoever sends them: read the settings again, write a report. */
const NO_END = ['SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const;

/**
 * Keeps these signals from ending the process, which Node.js does where nobody listens. [O2]
 *
 * A log rotation, a terminal that closes, or `--report-signal` and `--heapsnapshot-signal` must cost no client its
 * connection. Only SIGTERM and SIGINT drain.
 */
export function keepRunningOnOtherSignals(said: (signal: string) => void): void {
  for (const signal of NO_END) process.on(signal, said);
}
