#!/usr/bin/env node
import { printable } from './config/config-error.js';
import { ConfigError, type SwitchboardConfig } from './config/config.js';
import { loadProcessConfig } from './config/process-config.js';
import { exitOnSignalWhileStarting, keepRunningOnOtherSignals } from './operations/start-signals.js';
import { keepYoungGenerationSmall, letYoungGenerationGrow } from './platform/young-generation.js';
import { workerSlot } from './workers/worker-slot.js';

const [, , ...args] = process.argv;

const unknown = args.find((arg) => !isKnown(arg));
if (args.includes('--help') || args.includes('-h')) {
  const { renderHelp } = await import('./config/config-docs.js');
  process.stdout.write(renderHelp());
} else if (unknown !== undefined) {
  // Not what is behind the name: it may be a secret.
  const [name = ''] = unknown.split('=', 1);
  process.stderr.write(
    `${printable(name)}: no such argument; --help shows the environment variables to set\n`,
  );
  process.exitCode = 1;
} else {
  const config = readConfig();
  if (args.includes('--check-config')) process.stdout.write(`configuration is valid: ${config.mode} mode\n`);
  else await start(config);
}

/** Keys are environment variables: whoever writes `--port=80` must not get a gateway on another port. [C2] */
function isKnown(arg: string): boolean {
  return arg === '--check-config' || workerSlot([arg]) !== undefined;
}

function readConfig(): SwitchboardConfig {
  try {
    return loadProcessConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const line of error.lines) process.stderr.write(`${line}\n`);
    process.exit(1);
  }
}

async function start(config: SwitchboardConfig): Promise<void> {
  keepYoungGenerationSmall();
  const slot = workerSlot(args);
  const started = exitOnSignalWhileStarting(slot !== undefined);
  // Not before it is known that there is something to start: help and checks need none of it.
  const [{ Logger }, { createLogger, logFailure }] = await Promise.all([
    import('@nestjs/common'),
    import('./telemetry/log.js'),
  ]);
  const logger = createLogger(config.logLevel, config.logFormat);
  Logger.overrideLogger(logger);
  const log = new Logger('Gateway');
  keepRunningOnOtherSignals((signal) =>
    log.log(`${signal} changes nothing here; SIGTERM drains and ends this process`),
  );
  // The last net: every promise has an owner, and if one was missed the others on this gateway must not pay for it.
  process.on('unhandledRejection', (failure) => logFailure(log, 'unhandled rejection', failure));
  process.on('uncaughtException', (failure) => logFailure(log, 'uncaught exception', failure));
  try {
    if (slot === undefined && config.workers > 1) {
      const { startPrimary } = await import('./workers/primary.js');
      await startPrimary(config, started);
      return;
    }
    const [{ createService }, { listeningUrl }, { startWithoutMicroservices }] = await Promise.all([
      import('./service.js'),
      import('./operations/listening.js'),
      import('./platform/nest-microservices.js'),
    ]);
    startWithoutMicroservices();
    const app = await createService({}, logger);
    if (slot !== undefined) {
      const { serveAsWorker } = await import('./workers/worker.js');
      // A worker is told to end by the primary and perhaps by a terminal or supervisor too, so it counts no signals.
      await serveAsWorker(app, slot, started);
      letYoungGenerationGrow();
      return;
    }
    await app.listen(config.port, config.host);
    exitAtOnceOnSecondSignal();
    letYoungGenerationGrow();
    started();
    log.log(`listening on ${listeningUrl(app.getHttpServer())}`);
  } catch (error) {
    process.stderr.write(`${startFailure(error, config)}\n`);
    process.exit(1);
  }
}

function startFailure(error: unknown, { host, port }: SwitchboardConfig): string {
  const { code } = error as { code?: string };
  if (code === 'EADDRINUSE')
    return `PORT: ${port} on ${host} is in use; stop what listens there or set another PORT`;
  if (code === 'EACCES') return `PORT: not allowed to listen on ${port}; use a port above 1023`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST: ${host} is not an address of this machine`;
  return error instanceof Error ? `the gateway cannot start: ${error.message}` : 'the gateway cannot start';
}

/** The first signal drains and then exits with 0, which Nest's shutdown hooks do; whoever asks twice is in a hurry. */
function exitAtOnceOnSecondSignal(): void {
  let asked = false;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(1);
      asked = true;
    });
  }
}
