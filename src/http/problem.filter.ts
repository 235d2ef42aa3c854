import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { logFailure } from '../telemetry/log.js';
import { sendProblem, toProblemError } from './problem.js';

/** Answers every failure over HTTP with a problem document. [E2] [E3] */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Api');

  catch(failure: unknown, host: ArgumentsHost): void {
    const error = toProblemError(failure);
    if (error.code === 'internal') logFailure(this.logger, 'a request failed', failure);
    const response = host.switchToHttp().getResponse<ServerResponse>();
    if (!response.headersSent) sendProblem(response, error);
  }
}
