import { HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
import { isEncodable } from '../../protocol/json.js';
import { isErrorCode, SwitchboardError, type ErrorCode } from '../../protocol/errors.js';

/** A handler failed; `handledByFilter` when an exception filter of the app has already dealt with it. */
export class HandlerFailure extends Error {
  constructor(
    readonly failure: unknown,
    readonly handledByFilter: boolean,
  ) {
    super('a handler failed', { cause: failure });
  }
}

/** What Nest's WebSocket guards throw when they return false. */
const GUARD_REFUSAL = 'Forbidden resource';

/**
 * Turns whatever was thrown into an error that may be shown: the one boundary between failures and answers. [E3]
 *
 * Deliberate exceptions of Nest keep their text and their content, because their author wrote them for the client;
 * anything else becomes `internal`, with the original as its cause for the log.
 */
export function toSwitchboardError(failure: unknown): SwitchboardError {
  if (failure instanceof SwitchboardError) return failure;
  // What a hook of a request-scoped gateway threw comes wrapped.
  if (failure instanceof HandlerFailure) return toSwitchboardError(failure.failure);
  if (failure instanceof HttpException) return fromHttpException(failure);
  if (failure instanceof WsException) return fromWsException(failure);
  return new SwitchboardError('internal', { cause: failure });
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'payload.invalid',
  401: 'access.denied',
  403: 'access.denied',
  404: 'route.unknown',
  413: 'payload.too_large',
  422: 'payload.invalid',
  429: 'limit.rate',
};

function fromHttpException(exception: HttpException): SwitchboardError {
  const status = exception.getStatus();
  if (status >= 500) return new SwitchboardError('internal', { cause: exception });
  const body = exception.getResponse();
  return new SwitchboardError(CODE_OF_STATUS[status] ?? 'request.refused', {
    message: messageOf(body) ?? exception.message,
    content: encodable(isRecord(body) ? contentOfBody(body) : {}),
    cause: exception,
  });
}

function fromWsException(exception: WsException): SwitchboardError {
  const error: unknown = exception.getError();
  if (error === GUARD_REFUSAL) return new SwitchboardError('access.denied', { cause: exception });
  const isCoded = isRecord(error) && isErrorCode(error['code']);
  return new SwitchboardError(isCoded ? (error['code'] as ErrorCode) : 'request.refused', {
    message: messageOf(error),
    content: encodable(Array.isArray(error) ? { details: error } : isRecord(error) ? { ...error } : {}),
    cause: exception,
  });
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What cannot be sent is left out: telling a client of one failure must not be another. */
const encodable = (content: Record<string, unknown>): Record<string, unknown> =>
  isEncodable(content) ? content : {};

/** What an app put into the body of an `HttpException`; Nest's own fields say no more than code and message do. */
function contentOfBody(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { statusCode: _statusCode, error: _error, message, ...content } = body;
  return Array.isArray(message) ? { details: message, ...content } : content;
}

/** The text of Nest's error bodies: `'…'`, `{message: '…'}` or `{message: ['…', '…']}`. */
function messageOf(body: unknown): string | undefined {
  if (typeof body === 'string') return body;
  if (typeof body !== 'object' || body === null || !('message' in body)) return undefined;
  if (typeof body.message === 'string') return body.message;
  return Array.isArray(body.message) ? body.message.map(textOf).join('; ') : undefined;
}

const textOf = (part: unknown): string => (typeof part === 'string' ? part : (JSON.stringify(part) ?? ''));
