import express, {
  type ErrorRequestHandler,
  type NextFunction,
  type Request,
  type RequestHandler,
  type Response,
} from 'express';
import type { IncomingMessage } from 'node:http';
import { assertExactNumbers } from '../protocol/exact-numbers.js';
import { sendContinue } from '../http/expect-continue.js';
import { SwitchboardError } from '../protocol/errors.js';
import { sendProblem, toProblemError } from '../http/problem.js';

/** A body of this many times the limit is no mistake. */
const ENDLESS_FACTOR = 8;

export const METHODS_WITH_BODY: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

/**
 * Reads JSON bodies of the API under its own limits, before and instead of the host app's body parser.
 *
 * A body of another type is refused rather than ignored. That also keeps out the requests a page of another origin
 * can send without asking first: those cannot say `application/json`.
 */
export function jsonBody(limits: { maxPayloadBytes: number; maxBatchBytes: number }): RequestHandler {
  const parse = express.json({ limit: limits.maxPayloadBytes, strict: true, inflate: false, verify });
  const parseBatch = express.json({ limit: limits.maxBatchBytes, strict: true, inflate: false, verify });
  return (request: Request, response: Response, next: NextFunction) => {
    if (!METHODS_WITH_BODY.has(request.method) || !hasBody(request)) return next();
    // What a few bytes become is not known before all of it is there. [Q6]
    if (isCompressed(request)) return sendProblem(response, new SwitchboardError('payload.compressed'));
    if (!request.is('application/json')) {
      return sendProblem(response, badBody('expected Content-Type: application/json'));
    }
    sendContinue(response);
    const isBatch = request.path === '/batch';
    cutOffEndless(request, response, isBatch ? limits.maxBatchBytes : limits.maxPayloadBytes);
    return (isBatch ? parseBatch : parse)(request, response, refuseInexact(request, response, next));
  };
}

/**
 * The parser answers a body over the limit only when it has read all of it, so that the client gets to see the
 * answer. One that is far over it, or never ends, is not worth that.
 */
function cutOffEndless(request: Request, response: Response, limit: number): void {
  let received = 0;
  request.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received <= limit * ENDLESS_FACTOR || response.headersSent) return;
    response.once('finish', () => request.destroy());
    response.setHeader('Connection', 'close');
    sendProblem(response, new SwitchboardError('payload.too_large'));
  });
}

const isCompressed = ({ headers }: IncomingMessage): boolean =>
  headers['content-encoding'] !== undefined && headers['content-encoding'].toLowerCase() !== 'identity';

/** A body as it came, for as long as its request lasts. */
const texts = new WeakMap<IncomingMessage, Buffer>();

const verify = (request: IncomingMessage, _response: unknown, body: Buffer): void =>
  void texts.set(request, body);

/** After it is parsed: a number that is changed by that is known from the text only. [D11] */
const refuseInexact = (request: Request, response: Response, next: NextFunction): NextFunction =>
  ((failure?: unknown) => {
    const text = texts.get(request);
    if (failure !== undefined || !text) return next(failure);
    try {
      assertExactNumbers(text.toString());
    } catch (inexact) {
      return sendProblem(response, toProblemError(inexact));
    }
    return next();
  }) as NextFunction;

export const hasBody = (request: IncomingMessage): boolean =>
  request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;

/** What is wrong with a body as a whole: the path is that of all of it. [E2] */
export const badBody = (message: string): SwitchboardError =>
  new SwitchboardError('payload.invalid', { message, errors: [{ path: '', message }] });

/** Also for the JSON that is neither an object nor a list, such as `null`. */
export const invalidJson = (): SwitchboardError => badBody('the body is not a JSON object');

/** What the parser refuses never reaches a controller, nor its filter. */
export const jsonBodyErrors: ErrorRequestHandler = (failure: unknown, _request, response: Response, next) => {
  if (response.headersSent) return next(failure);
  const error = toProblemError(failure);
  return sendProblem(response, failure instanceof SyntaxError ? invalidJson() : error);
};
