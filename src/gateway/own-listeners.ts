import { SwitchboardError } from '../protocol/errors.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import { isPromiseLike } from './promise-like.js';

/**
 * What an embedding app has put on a socket by Socket.IO's own means: `use()`, `onAny()` and `on()`.
 *
 * Stock Socket.IO calls these bare, so that a throw or a rejection in one of them ends the process. Here every failure
 * comes back to the caller. [L4]
 */

type Listener = (...args: unknown[]) => unknown;
type Middleware = (event: unknown[], next: (error?: Error) => void) => unknown;

interface SocketInternals {
  readonly fns?: readonly Middleware[];
  readonly _anyListeners?: readonly Listener[];
  emitReserved?: EmitReserved;
}

/** How Socket.IO tells a socket's listeners of what no client can send: `disconnecting`, `disconnect` and `error`. */
type EmitReserved = (this: GatewaySocket, event: string, ...args: unknown[]) => boolean;

const internals = (socket: GatewaySocket): SocketInternals => socket as unknown as SocketInternals;

export const hasMiddlewares = (socket: GatewaySocket): boolean => (internals(socket).fns?.length ?? 0) > 0;

export const hasAnyListeners = (socket: GatewaySocket): boolean =>
  (internals(socket)._anyListeners?.length ?? 0) > 0;

/** Calls the listeners of `onAny()`. */
export function callAnyListeners(
  socket: GatewaySocket,
  args: readonly unknown[],
  onFailure: (failure: unknown) => void,
): void {
  const { _anyListeners: listeners } = internals(socket);
  if (listeners && listeners.length > 0) callAll(listeners, socket, args, onFailure);
}

/** Calls the listeners of `on()` and `once()`; whether there was one. */
export function callListeners(
  socket: GatewaySocket,
  event: string,
  args: readonly unknown[],
  onFailure: (failure: unknown) => void,
): boolean {
  if (socket.listenerCount(event) === 0) return false;
  // Raw, so that those of `once()` take themselves off.
  callAll(socket.rawListeners(event) as Listener[], socket, args, onFailure);
  return true;
}

/** {@link callListeners} in the form that Socket.IO calls; one function for many sockets. */
export const containedEmit = (onFailure: (event: string, failure: unknown) => void): EmitReserved =>
  function (event, ...args) {
    return callListeners(this, event, args, (failure) => onFailure(event, failure));
  };

/**
 * From now on the listeners of a socket are told of its end by `emit`.
 *
 * Stock Socket.IO takes a socket out of its rooms between `disconnecting` and `disconnect`: a listener that throws would
 * leave it half ended, keep the listeners after it from hearing, and fail whoever ends it.
 */
export function tellReservedBy(socket: GatewaySocket, emit: EmitReserved): void {
  internals(socket).emitReserved = emit;
}

function callAll(
  listeners: readonly Listener[],
  socket: GatewaySocket,
  args: readonly unknown[],
  onFailure: (failure: unknown) => void,
): void {
  for (const listener of listeners.slice()) {
    try {
      const done = listener.apply(socket, [...args]);
      if (isPromiseLike(done)) done.then(undefined, onFailure);
    } catch (failure) {
      onFailure(failure);
    }
  }
}

/** What became of an event in the middlewares. */
export interface Passage {
  /** Resolves when all have called `next()`; rejects when one refuses, throws or rejects. May stay open for ever. */
  readonly passed: Promise<void>;
  /** Resolves when there is nothing left to wait for: all have passed it on, or the last one called has returned. */
  readonly returned: Promise<void>;
}

/**
 * Runs the middlewares of `use()` one after another.
 *
 * One that neither calls `next()` nor fails has dropped the event, as in stock Socket.IO; the events after it go on.
 */
export function runMiddlewares(socket: GatewaySocket, event: unknown[]): Passage {
  const middlewares = internals(socket).fns?.slice() ?? [];
  let release: () => void = () => {};
  const returned = new Promise<void>((resolve) => (release = resolve));
  const passed = (async () => {
    for (const middleware of middlewares) await pass(middleware, event, release);
  })();
  passed.then(
    () => release(),
    () => release(),
  );
  return { passed, returned };
}

function pass(middleware: Middleware, event: unknown[], onReturn: () => void): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let called = false;
    const done = middleware(event, (error) => {
      called = true;
      if (error) reject(asRefusal(error));
      else resolve();
    });
    const returned = (): void => {
      if (!called) onReturn();
    };
    if (isPromiseLike(done)) done.then(returned, reject);
    else returned();
  });
}

/** An app that calls `next(error)` refuses on purpose: its text goes to the client. */
const asRefusal = (error: Error): SwitchboardError =>
  error instanceof SwitchboardError
    ? error
    : new SwitchboardError('access.denied', { message: error.message, cause: error });
