import { Logger, type LoggerService } from '@nestjs/common';

const debug = new Logger('Microservice');

/** For Nest's clients and servers, which say each failed attempt to come back: the gateway says once what became of it. */
export const QUIET: LoggerService = {
  log: () => undefined,
  warn: () => undefined,
  debug: () => undefined,
  verbose: () => undefined,
  error: (message: unknown) => debug.debug(String(message)),
};
