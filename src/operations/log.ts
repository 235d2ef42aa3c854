import { ConsoleLogger, type Logger, type LogLevel } from '@nestjs/common';
import { inspect } from 'node:util';

/** The levels of SWITCHBOARD_LOG_LEVEL, each with the Nest levels it shows. */
const LEVELS: Readonly<Record<string, LogLevel[]>> = {
  error: ['fatal', 'error'],
  warn: ['fatal', 'error', 'warn'],
  info: ['fatal', 'error', 'warn', 'log'],
  debug: ['fatal', 'error', 'warn', 'log', 'debug'],
  verbose: ['fatal', 'error', 'warn', 'log', 'debug', 'verbose'],
};

/** What Nest itself tells line by line at start; it is there with SWITCHBOARD_LOG_LEVEL=debug. */
const FRAMEWORK_CONTEXTS: ReadonlySet<unknown> = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
  'WebSocketsController',
]);

/** The service's logger: Nest's own, readable or one JSON object per line. */
class ServiceLogger extends ConsoleLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (FRAMEWORK_CONTEXTS.has(rest.at(-1))) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}

export function createLogger(level: string, format: 'pretty' | 'json'): ConsoleLogger {
  return new ServiceLogger({
    prefix: 'Switchboard',
    logLevels: LEVELS[level] ?? LEVELS['info']!,
    json: format === 'json',
    flattenParams: true,
  });
}

/** Logs a failure once, with its stack and causes. Failures are for the log only, never for an answer. [E3] */
export function logFailure(logger: Logger, message: string, failure: unknown): void {
  logger.error(`${message}: ${inspect(failure, { depth: 4 })}`);
}
