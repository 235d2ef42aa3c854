import { HttpException } from '@nestjs/common';
import { STATUS_CODES, type ServerResponse } from 'node:http';
import { ERRORS, SwitchboardError, type ErrorObject } from '../protocol/errors.js';

/** An RFC 9457 problem document. [E2] */
export interface Problem extends Omit<ErrorObject, 'message'> {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
}

export function problemOf(error: SwitchboardError): Problem {
  const { message, ...rest } = error.toObject();
  return { title: STATUS_CODES[error.status] ?? 'Error', status: error.status, detail: message, ...rest };
}

export function sendProblem(response: ServerResponse, error: SwitchboardError): void {
  if (error.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', String(Math.ceil(error.retryAfterMs / 1000)));
  }
  if (error.status === ERRORS['auth.key_invalid'].status) response.setHeader('WWW-Authenticate', 'Bearer');
  const text = JSON.stringify(problemOf(error));
  response.statusCode = error.status;
  response.setHeader('Content-Type', 'application/problem+json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.end(text);
}

/** What Express, its body parser and Nest throw, in the words of the registry. */
export function toProblemError(failure: unknown): SwitchboardError {
  if (failure instanceof SwitchboardError) return failure;
  const status = failure instanceof HttpException ? failure.getStatus() : statusOf(failure);
  switch (status) {
    case 404:
      return new SwitchboardError('route.unknown');
    case 405:
      return new SwitchboardError('method.not_allowed');
    case 413:
      return new SwitchboardError('payload.too_large');
    case 429:
      return new SwitchboardError('limit.rate');
    default:
      return status >= 400 && status < 500
        ? new SwitchboardError('payload.invalid', { message: 'the request could not be read' })
        : new SwitchboardError('internal', { cause: failure });
  }
}

/** Errors of Express and its middlewares carry their status. */
function statusOf(failure: unknown): number {
  if (typeof failure !== 'object' || failure === null) return 500;
  if ('status' in failure && typeof failure.status === 'number') return failure.status;
  return failure instanceof URIError ? 400 : 500;
}
