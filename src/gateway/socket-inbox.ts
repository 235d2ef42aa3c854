import type { Logger } from '@nestjs/common';
import { isObservable, type Observable, type Subscription } from 'rxjs';
import { endSocket } from '../delivery/end-socket.js';
import { createBucket, isAbusive, take } from '../limits/token-bucket.js';
import { logFailure } from '../operations/log.js';
import type { Metrics } from '../operations/metrics.js';
import { SwitchboardError } from '../protocol/errors.js';
import { isReservedEvent } from '../protocol/names.js';
import type { GatewaySocket, Inbox } from '../registry/socket-state.js';
import { HandlerFailure, toSwitchboardError } from './failures.js';
import type { NamespaceTable } from './gateway-table.js';
import type { WiredHandler } from './nest-wiring.js';
import {
  callAnyListeners,
  callListeners,
  hasAnyListeners,
  hasMiddlewares,
  runMiddlewares,
} from './own-listeners.js';
import { isPromiseLike } from './promise-like.js';
import { Reply, type Acknowledgement } from './reply.js';

/** One event as it came in: `[name, ...arguments]`, and the number to acknowledge with. */
interface Inbound {
  readonly event: readonly unknown[];
  readonly reply: Reply;
  /** The app's own middlewares have let it pass. */
  readonly passed?: boolean;
}

/** What every inbox of a namespace shares. */
export interface InboxContext {
  readonly table: NamespaceTable;
  readonly handlerTimeoutMs: number;
  readonly eventsPerSecond: number;
  readonly eventsBurst: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Events that may wait while one is being handled; a client that sends more is told to slow down. */
const MAX_WAITING = 256;

/** A stream that has not given its first value by then is one that waits for something; other events go on. */
const STREAM_HEAD_START_MS = 1_000;

/**
 * The events of one socket: handled one after another, each answered exactly once. [M1]
 *
 * Nothing is handled before {@link open}, which the connection hook's end calls. [L5]
 */
export class SocketInbox implements Inbox {
  /** When the connection hooks have ended, well or badly; `undefined` when they ended at once. */
  opened: Promise<void> | undefined = undefined;
  private readonly bucket = createBucket();
  private waiting: Inbound[] = [];
  private busy = true;
  /** Streams that handlers have returned and that are still open. */
  private streams: Set<Subscription> | undefined = undefined;

  constructor(
    private readonly socket: GatewaySocket,
    private readonly context: InboxContext,
  ) {}

  open(): void {
    this.busy = false;
    this.takeNext();
  }

  /** The socket has gone: nobody reads what its streams would give. */
  close(): void {
    for (const stream of this.streams ?? []) stream.unsubscribe();
  }

  receive(event: readonly unknown[], acknowledgement: Acknowledgement): void {
    const inbound: Inbound = { event, reply: new Reply(this.socket, acknowledgement) };
    if (!this.withinRate(inbound.reply)) return;
    this.enqueue(inbound);
  }

  private enqueue(inbound: Inbound): void {
    if (!this.busy) {
      this.handle(inbound);
    } else if (this.waiting.length < MAX_WAITING) {
      this.waiting.push(inbound);
    } else {
      const message = `more than ${MAX_WAITING} events are waiting to be handled`;
      this.refuse(inbound.reply, new SwitchboardError('limit.rate', { message, retryAfterMs: 1000 }));
    }
  }

  /** Answers an event that comes too fast, and ends a sender that keeps on. [Q1] [Q4] */
  private withinRate(reply: Reply): boolean {
    const { eventsPerSecond, eventsBurst } = this.context;
    const retryAfterMs = take(this.bucket, performance.now(), eventsPerSecond, eventsBurst);
    if (retryAfterMs === 0) return true;
    const message = `more than ${eventsPerSecond} events per second`;
    this.refuse(reply, new SwitchboardError('limit.rate', { message, retryAfterMs }));
    if (isAbusive(this.bucket, eventsBurst)) {
      // Not retryable: a stock client that is let back in at once goes on as before.
      void endSocket(this.socket, new SwitchboardError('limit.rate', { message, retryable: false }));
    }
    return false;
  }

  private takeNext(): void {
    const next = this.waiting.shift();
    if (next) this.handle(next);
  }

  private handle(inbound: Inbound): void {
    const { event, reply, passed } = inbound;
    if (!passed) {
      if (hasAnyListeners(this.socket)) {
        callAnyListeners(this.socket, this.withAcknowledge(event, reply), (failure) => this.note(failure));
      }
      if (hasMiddlewares(this.socket)) {
        this.handleNextAfter(this.passMiddlewares(inbound));
        return;
      }
    }
    const handler = this.context.table.handlers.get(event[0] as string);
    const heard = this.callOwnListeners(inbound);
    if (handler) {
      this.handleNextAfter(this.run(handler, inbound));
      return;
    }
    if (!heard) this.refuseUnknown(inbound);
    else this.expectAnswer(reply);
    this.takeNext();
  }

  /** `undefined` is done already. */
  private handleNextAfter(done: Promise<void> | undefined): void {
    if (!done) {
      this.takeNext();
      return;
    }
    this.busy = true;
    void done.then(() => {
      this.busy = false;
      this.takeNext();
    });
  }

  /** Never rejects; resolves when the next event may be handled. */
  private async passMiddlewares({ event, reply }: Inbound): Promise<void> {
    // They may answer, and may change the event in place.
    const args = this.withAcknowledge(event, reply);
    const { passed, returned } = runMiddlewares(this.socket, args);
    let decided = false;
    let isLate = false;
    const done = passed.then(
      () => {
        decided = true;
        const inbound = { event: reply.expected ? args.slice(0, -1) : args, reply, passed: true };
        if (!this.socket.connected) return;
        // First in line, unless the decision came so late that others have gone ahead.
        if (isLate) this.enqueue(inbound);
        else this.waiting.unshift(inbound);
      },
      (failure: unknown) => {
        decided = true;
        this.refusedByMiddleware(reply, failure);
      },
    );
    await Promise.race([done, returned]);
    if (decided) return;
    isLate = true;
    this.expectAnswer(reply);
  }

  private refusedByMiddleware(reply: Reply, failure: unknown): void {
    // Apps decide there, as Socket.IO documents it, whether to disconnect.
    const told = failure instanceof SwitchboardError ? (failure.cause ?? failure) : failure;
    callListeners(this.socket, 'error', [told], (problem) => this.note(problem));
    this.fail(reply, failure);
  }

  /** Never throws or rejects; resolves when the next event may be handled, `undefined` when that is now. */
  private run(handler: WiredHandler, { event, reply }: Inbound): Promise<void> | undefined {
    const acknowledge = reply.expected ? (...args: unknown[]) => this.answer(reply, args) : undefined;
    try {
      const result = handler.invoke(this.socket, payloadOf(event), acknowledge);
      if (isPromiseLike(result)) return this.finish(handler, event, reply, result);
      if (isObservable(result)) return this.stream(handler, reply, result);
      this.deliver(handler, reply, result);
      this.complete(handler, reply);
    } catch (failure) {
      this.fail(reply, failure);
    }
    return undefined;
  }

  private async finish(
    handler: WiredHandler,
    event: readonly unknown[],
    reply: Reply,
    pending: PromiseLike<unknown>,
  ): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const done = Promise.resolve(pending)
      .then((result) => {
        // A stream has a time of its own.
        if (isObservable(result)) clearTimeout(timer);
        return this.settle(handler, reply, result);
      })
      .catch((failure: unknown) => this.fail(reply, failure));
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.timedOut(event, reply);
        resolve();
      }, this.context.handlerTimeoutMs);
    });
    await Promise.race([done, timeout]);
    clearTimeout(timer);
  }

  private async settle(handler: WiredHandler, reply: Reply, result: unknown): Promise<void> {
    if (isObservable(result)) {
      await this.stream(handler, reply, result as Observable<unknown>);
      return;
    }
    this.deliver(handler, reply, result);
    this.complete(handler, reply);
  }

  /**
   * Waits for the first value only, and not long: an endless stream must not keep the next event waiting.
   *
   * Handlers behind an interceptor come here too, because Nest makes a stream of their one answer.
   */
  private stream(handler: WiredHandler, reply: Reply, values: Observable<unknown>): Promise<void> {
    if (!this.socket.connected) return Promise.resolve();
    return new Promise((resolve) => {
      const goOn = setTimeout(() => {
        this.expectAnswer(reply);
        resolve();
      }, STREAM_HEAD_START_MS);
      const stream = values.subscribe({
        next: (value) => {
          try {
            this.deliver(handler, reply, value);
          } catch (failure) {
            this.fail(reply, failure);
          }
          resolve();
        },
        error: (failure: unknown) => this.fail(reply, failure),
        complete: () => this.complete(handler, reply),
      });
      const streams = (this.streams ??= new Set());
      streams.add(stream);
      stream.add(() => {
        clearTimeout(goOn);
        streams.delete(stream);
        resolve();
      });
    });
  }

  /** What a handler returns goes out as Nest documents it: `{event, data}` is emitted, anything else acknowledges. */
  private deliver(handler: WiredHandler, reply: Reply, value: unknown): void {
    if (value === undefined || value === null) return;
    if (typeof value === 'object' && 'event' in value && typeof value.event === 'string') {
      this.socket.emit(value.event, 'data' in value ? value.data : undefined);
    } else if (!handler.answersItself) {
      reply.send(value);
    }
  }

  /** A handler that is through and gave no value has succeeded. One that takes `@Ack()` may still answer. */
  private complete(handler: WiredHandler, reply: Reply): void {
    if (!reply.pending) return;
    if (handler.answersItself) this.expectAnswer(reply);
    else reply.send({ ok: true });
  }

  /** Whoever holds the acknowledgement has this long to call it. [M1] */
  private expectAnswer(reply: Reply): void {
    if (!reply.pending) return;
    const timer = setTimeout(() => {
      if (reply.pending) this.fail(reply, new Error('the acknowledgement was not called in time'));
    }, this.context.handlerTimeoutMs);
    timer.unref();
  }

  private answer(reply: Reply, args: unknown[]): void {
    try {
      reply.send(...args);
    } catch (failure) {
      this.fail(reply, failure);
    }
  }

  /** Listeners that an app has put on the socket itself. */
  private callOwnListeners({ event, reply }: Inbound): boolean {
    const [name] = event;
    if (typeof name !== 'string' || this.socket.listenerCount(name) === 0 || isReservedEvent(name))
      return false;
    return callListeners(this.socket, name, this.withAcknowledge(event.slice(1), reply), (failure) =>
      this.fail(reply, failure),
    );
  }

  private refuseUnknown({ event: [name], reply }: Inbound): void {
    const isReserved = typeof name === 'string' && isReservedEvent(name);
    this.refuse(reply, new SwitchboardError(isReserved ? 'event.reserved' : 'event.unknown'));
  }

  /** Arguments as Socket.IO passes them: the acknowledgement comes last. */
  private withAcknowledge(args: readonly unknown[], reply: Reply): unknown[] {
    return reply.expected ? [...args, (...answer: unknown[]) => this.answer(reply, answer)] : [...args];
  }

  private timedOut(event: readonly unknown[], reply: Reply): void {
    const { handlerTimeoutMs, logger, metrics } = this.context;
    metrics.failed('handler');
    logger.warn('a handler did not finish in time', { event: event[0], handlerTimeoutMs });
    this.refuse(reply, new SwitchboardError('internal'));
  }

  private fail(reply: Reply, thrown: unknown): void {
    const { failure, handledByFilter } =
      thrown instanceof HandlerFailure ? thrown : { failure: thrown, handledByFilter: false };
    const error = toSwitchboardError(failure);
    if (error.code === 'internal') this.note(failure, handledByFilter);
    // A filter of the app that dealt with it has told the client in its own way; an acknowledgement is still owed.
    if (!handledByFilter || reply.expected) this.refuse(reply, error);
  }

  /** Counts a failure, and logs it unless the app has dealt with it. [L4] */
  private note(failure: unknown, isDealtWith = false): void {
    this.context.metrics.failed('handler');
    if (!isDealtWith) logFailure(this.context.logger, 'a handler failed', failure);
  }

  private refuse(reply: Reply, error: SwitchboardError): void {
    this.context.metrics.answeredWithError(error.code);
    reply.fail(error);
  }
}

/** The payload as stock Nest gives it: nothing, the one argument, or all of them in an array. */
function payloadOf(event: readonly unknown[]): unknown {
  return event.length <= 2 ? event[1] : event.slice(1);
}
