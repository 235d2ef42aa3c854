import { SwitchboardError } from '../../protocol/errors.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';
import { isPromiseLike } from '../../protocol/promise-like.js';
import {
  anyListenersOf,
  middlewaresOf,
  outgoingListenersOf,
  type EmitReserved,
  type Emitter,
  type Listener,
  type NotifyOutgoing,
  type SocketMiddleware,
} from '../../platform/listeners-of-io.js';

/**
 * What an embedding app has put on a socket by Socket.IO's own means: `use()`, `onAny()` and `on()`.
 *
 * Stock Socket.IO calls these bare, so that a throw or a rejection in one of them ends the process. Here every failure
 * comes back to the caller. [L4]
 */

/** Calls the listeners of `onAny()`. */
export function callAnyListeners(
  socket: GatewaySocket,
  args: readonly unknown[],
  onFailure: (failure: unknown) => void,
): void {
  const listeners = anyListenersOf(socket);
  if (listeners.length > 0) callAll(listeners, socket, args, onFailure);
}

/** Calls the listeners of `on()` and `once()`; whether there was one. */
export function callListeners(
  emitter: Emitter,
  event: string,
  args: readonly unknown[],
  onFailure: (failure: unknown) => void,
): boolean {
  if (emitter.listenerCount(event) === 0) return false;
  // Raw, so that those of `once()` take themselves off.
  callAll(emitter.rawListeners(event) as Listener[], emitter, args, onFailure);
  return true;
}

/**
 * {@link callListeners} in the form that Socket.IO calls; one function for many sockets.
 *
 * Socket.IO takes a socket out of its rooms between `disconnecting` and `disconnect`: a listener that throws would leave it
 * half ended, keep the listeners after it from hearing, and fail whoever ends it.
 */
export const containedEmit = (
  onFailure: (event: string, failure: unknown, args: readonly unknown[]) => void,
): EmitReserved =>
  function (event, ...args) {
    return callListeners(this, event, args, (failure) => onFailure(event, failure, args));
  };

/**
 * Calls the listeners of `onAnyOutgoing()`, in the form that Socket.IO does: one that fails keeps nothing from the other
 * recipients. One function for many sockets.
 */
export const containedNotify = (onFailure: (failure: unknown) => void): NotifyOutgoing =>
  function (this: GatewaySocket, { data }) {
    const listeners = outgoingListenersOf(this);
    if (listeners.length > 0) callAll(listeners, this, data, onFailure);
  };

function callAll(
  listeners: readonly Listener[],
  emitter: Emitter,
  args: readonly unknown[],
  onFailure: (failure: unknown) => void,
): void {
  for (const listener of listeners.slice()) {
    try {
      const done = listener.apply(emitter, [...args]);
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
  const middlewares = middlewaresOf(socket).slice();
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

function pass(middleware: SocketMiddleware, event: unknown[], onReturn: () => void): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let called = false;
    const done = middleware(event, (error) => {
      called = true;
      if (error) reject(refusalOfEvent(error));
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
const refusalOfEvent = (error: Error): SwitchboardError =>
  error instanceof SwitchboardError
    ? error
    : new SwitchboardError('access.denied', { message: error.message, cause: error });
