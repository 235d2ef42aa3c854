import type { IncomingMessage } from 'node:http';
import { isPromiseLike } from '../protocol/promise-like.js';

type Next = (failure?: unknown) => void;
type RequestMiddleware = (request: IncomingMessage, response: unknown, next: Next) => unknown;

/** What is private in Engine.IO's server; where a future version has another shape it runs its middlewares itself. */
interface RunsMiddlewares {
  readonly middlewares?: RequestMiddleware[];
  _applyMiddlewares?: (request: IncomingMessage, response: unknown, done: Next) => void;
}

/**
 * Runs the middlewares of requests in the turn in which each calls the next one.
 *
 * Engine.IO makes three promises for each middleware and request; a connection that begins by polling is four requests,
 * and none of the gateway's middlewares waits for anything.
 */
export function runMiddlewaresAtOnce(engine: unknown): void {
  const { middlewares, _applyMiddlewares: stock } = engine as RunsMiddlewares;
  if (!Array.isArray(middlewares) || typeof stock !== 'function') return;
  (engine as RunsMiddlewares)._applyMiddlewares = (request, response, done) =>
    runFrom(0, middlewares, request, response, done);
}

/**
 * Has requests without an `Origin` go past the middleware that Engine.IO has for its option `cors`, which has nothing to say
 * to them where that option allows a page at the most. Called before others are added.
 */
export function skipCorsWithoutOrigin(engine: unknown): void {
  const { middlewares } = engine as RunsMiddlewares;
  if (!Array.isArray(middlewares) || middlewares.length !== 1) return;
  const [cors] = middlewares as [RequestMiddleware];
  if (cors.name !== 'corsMiddleware') return;
  middlewares[0] = (request, response, next) =>
    request.headers.origin === undefined ? next() : cors(request, response, next);
}

function runFrom(
  first: number,
  middlewares: readonly RequestMiddleware[],
  request: IncomingMessage,
  response: unknown,
  done: Next,
): void {
  for (let index = first; index < middlewares.length; index++) {
    let state: 'called' | 'waited for' | 'settled' = 'called';
    let failed: unknown;
    const next: Next = (failure) => {
      if (state === 'settled') return;
      const isLate = state === 'waited for';
      state = 'settled';
      failed = failure;
      if (!isLate) return;
      if (failure) done(failure);
      else runFrom(index + 1, middlewares, request, response, done);
    };
    // What comes after it is not called in here: its failures are not this one's.
    try {
      const returned = middlewares[index]!(request, response, next);
      if (isPromiseLike(returned)) returned.then(undefined, next);
    } catch (failure) {
      next(failure);
    }
    if ((state as string) === 'called') {
      state = 'waited for';
      return;
    }
    if (failed) {
      done(failed);
      return;
    }
  }
  done();
}
