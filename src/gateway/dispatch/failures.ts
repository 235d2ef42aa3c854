import { HttpException } from '@nestjs/common';
import { WsException } from '@nestjs/websockets';
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
 * Deliberate exceptions of Nest keep their text, because their author wrote it for the client; anything else becomes
 * `internal`, with the original as its cause for the log.
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
  return new SwitchboardError(CODE_OF_STATUS[status] ?? 'request.refused', {
    message: messageOf(exception.getResponse()) ?? exception.message,
    cause: exception,
  });
}

function fromWsException(exception: WsException): SwitchboardError {
  const error = exception.getError();
  if (typeof error === 'string') {
    return error === GUARD_REFUSAL
      ? new SwitchboardError('access.denied', { cause: exception })
      : new SwitchboardError('request.refused', { message: error, cause: exception });
  }
  const code = 'code' in error && isErrorCode(error.code) ? error.code : 'request.refused';
  return new SwitchboardError(code, { message: messageOf(error), cause: exception });
}

/** The text of Nest's error bodies: `'…'`, `{message: '…'}` or `{message: ['…', '…']}`. */
function messageOf(body: unknown): string | undefined {
  if (typeof body === 'string') return body;
  if (typeof body !== 'object' || body === null || !('message' in body)) return undefined;
  if (typeof body.message === 'string') return body.message;
  return Array.isArray(body.message) ? body.message.join('; ') : undefined;
}
