import { isObservable, type Observable, type Subscription } from 'rxjs';
import { SwitchboardError } from '../../protocol/errors.js';
import type { GatewaySocket } from '../../sockets/socket-state.js';
import type { Answers } from './answers.js';
import type { WiredHandler } from '../nest/nest-wiring.js';
import { isPromiseLike } from '../../protocol/promise-like.js';
import type { Reply } from './reply.js';

/** A stream that has not given its first value by then is one that waits for something; other events go on. */
const STREAM_HEAD_START_MS = 1_000;

/**
 * Runs handlers of gateway classes and makes answers of what they give back: a value, a promise, a stream, or nothing.
 *
 * One for all sockets of a namespace, so that none of them pays for it.
 */
export class HandlerRunner {
  /** Streams that handlers have returned and that are still open; few sockets have any. */
  private readonly streams = new WeakMap<GatewaySocket, Set<Subscription>>();

  constructor(private readonly answers: Answers) {}

  /** Never throws or rejects; resolves when the next event may be handled, `undefined` when that is now. */
  run(
    handler: WiredHandler,
    socket: GatewaySocket,
    event: readonly unknown[],
    reply: Reply,
  ): Promise<void> | undefined {
    const acknowledge = reply.expected ? (...args: unknown[]) => this.answers.send(reply, args) : undefined;
    try {
      const result = handler.invoke(socket, payloadOf(event), acknowledge);
      if (isPromiseLike(result)) return this.finish(handler, socket, event, reply, result);
      if (isObservable(result)) return this.stream(handler, socket, reply, result);
      this.deliver(handler, socket, reply, result);
      this.complete(handler, reply);
    } catch (failure) {
      this.answers.fail(reply, failure);
    }
    return undefined;
  }

  /** The socket has gone: nobody reads what its streams would give. */
  closeStreams(socket: GatewaySocket): void {
    for (const stream of this.streams.get(socket) ?? []) stream.unsubscribe();
  }

  private async finish(
    handler: WiredHandler,
    socket: GatewaySocket,
    event: readonly unknown[],
    reply: Reply,
    pending: PromiseLike<unknown>,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const done = Promise.resolve(pending)
      .then((result) => {
        // A stream has a time of its own.
        if (isObservable(result)) clearTimeout(timer);
        return this.settle(handler, socket, reply, result);
      })
      .catch((failure: unknown) => this.answers.fail(reply, failure));
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.answers.noteUnfinished(reply);
        this.answers.refuse(reply, new SwitchboardError('internal'));
        resolve();
      }, this.answers.timeoutMs);
    });
    await Promise.race([done, timeout]);
    clearTimeout(timer);
  }

  private async settle(
    handler: WiredHandler,
    socket: GatewaySocket,
    reply: Reply,
    result: unknown,
  ): Promise<void> {
    if (isObservable(result)) {
      await this.stream(handler, socket, reply, result as Observable<unknown>);
      return;
    }
    this.deliver(handler, socket, reply, result);
    this.complete(handler, reply);
  }

  /**
   * Waits for the first value only, and not long: an endless stream must not keep the next event waiting.
   *
   * Handlers behind an interceptor come here too, because Nest makes a stream of their one answer.
   */
  private stream(
    handler: WiredHandler,
    socket: GatewaySocket,
    reply: Reply,
    values: Observable<unknown>,
  ): Promise<void> {
    if (!socket.connected) return Promise.resolve();
    return new Promise((resolve) => {
      const goOn = setTimeout(() => {
        this.answers.expect(reply);
        resolve();
      }, STREAM_HEAD_START_MS);
      const stream = values.subscribe({
        next: (value) => {
          try {
            this.deliver(handler, socket, reply, value);
          } catch (failure) {
            this.answers.fail(reply, failure);
          }
          resolve();
        },
        error: (failure: unknown) => this.answers.fail(reply, failure),
        complete: () => this.complete(handler, reply),
      });
      const streams = this.streamsOf(socket);
      streams.add(stream);
      stream.add(() => {
        clearTimeout(goOn);
        streams.delete(stream);
        resolve();
      });
    });
  }

  private streamsOf(socket: GatewaySocket): Set<Subscription> {
    let streams = this.streams.get(socket);
    if (!streams) this.streams.set(socket, (streams = new Set()));
    return streams;
  }

  /** What a handler returns goes out as Nest documents it: `{event, data}` is emitted, anything else acknowledges. */
  private deliver(handler: WiredHandler, socket: GatewaySocket, reply: Reply, value: unknown): void {
    if (value === undefined || value === null) return;
    const { event, data } = value as { readonly event?: unknown; readonly data?: unknown };
    if (typeof value === 'object' && isEventName(event)) socket.emit(event as string, data);
    else if (!handler.answersItself) reply.send(value);
  }

  /** A handler that is through and gave no value has succeeded. One that takes `@Ack()` may still answer. */
  private complete(handler: WiredHandler, reply: Reply): void {
    if (!reply.pending) return;
    if (handler.answersItself) this.answers.expect(reply);
    else reply.send({ ok: true });
  }
}

/** Numbers are event names to Socket.IO too. What else may stand under `event` is a field of an answer. */
const isEventName = (event: unknown): boolean =>
  (typeof event === 'string' && event !== '') || typeof event === 'number';

/** The payload as stock Nest gives it: nothing, the one argument, or all of them in an array. */
function payloadOf(event: readonly unknown[]): unknown {
  return event.length <= 2 ? event[1] : event.slice(1);
}
