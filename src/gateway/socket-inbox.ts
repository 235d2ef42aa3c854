import type { Logger } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import { isObservable, type Observable } from 'rxjs';
import type { Metrics } from '../operations/metrics.js';
import { SwitchboardError } from '../protocol/errors.js';
import { isReservedEvent } from '../protocol/names.js';
import type { GatewaySocket, Inbox } from '../registry/socket-state.js';
import { HandlerFailure, toSwitchboardError } from './failures.js';
import type { NamespaceTable } from './gateway-table.js';
import type { WiredHandler } from './nest-wiring.js';
import { Reply } from './reply.js';

/** One event as it came in: `[name, ...arguments]`, and the number to acknowledge with. */
interface Inbound {
  readonly event: readonly unknown[];
  readonly reply: Reply;
}

/** What every inbox of a namespace shares. */
export interface InboxContext {
  readonly table: NamespaceTable;
  readonly handlerTimeoutMs: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

/** Events that may wait while one is being handled; a client that sends more is told to slow down. */
const MAX_WAITING = 256;

/**
 * The events of one socket: handled one after another, each answered exactly once. [M1]
 *
 * Nothing is handled before {@link open}, which the connection hook's end calls. [L5]
 */
export class SocketInbox implements Inbox {
  /** When the connection hooks have ended, well or badly. */
  opened: Promise<void> = Promise.resolve();
  private waiting: Inbound[] = [];
  private busy = true;

  constructor(
    private readonly socket: GatewaySocket,
    private readonly context: InboxContext,
  ) {}

  open(): void {
    this.busy = false;
    this.takeNext();
  }

  receive(event: readonly unknown[], requestId: number | undefined): void {
    const inbound: Inbound = { event, reply: new Reply(this.socket, requestId) };
    if (!this.busy) {
      this.handle(inbound);
    } else if (this.waiting.length < MAX_WAITING) {
      this.waiting.push(inbound);
    } else {
      this.refuse(inbound.reply, new SwitchboardError('limit.rate', { retryAfterMs: 1000 }));
    }
  }

  private takeNext(): void {
    const next = this.waiting.shift();
    if (next) this.handle(next);
  }

  private handle(inbound: Inbound): void {
    const handler = this.context.table.handlers.get(inbound.event[0] as string);
    if (!handler) {
      this.handleWithoutGateway(inbound);
      this.takeNext();
      return;
    }
    this.busy = true;
    void this.run(handler, inbound).then(() => {
      this.busy = false;
      this.takeNext();
    });
  }

  /** Never rejects; resolves when the next event may be handled. */
  private async run(handler: WiredHandler, { event, reply }: Inbound): Promise<void> {
    const acknowledge = reply.expected ? (...args: unknown[]) => this.answer(reply, args) : undefined;
    const done = handler
      .invoke(this.socket, payloadOf(event), acknowledge)
      .then((result) => this.settle(handler, reply, result))
      .catch((failure: unknown) => this.fail(reply, failure));
    let timer: NodeJS.Timeout | undefined;
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

  /** Waits for the first value only: an endless stream must not keep the next event waiting. */
  private stream(handler: WiredHandler, reply: Reply, values: Observable<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        subscription.unsubscribe();
        resolve();
      };
      const finish = (): void => {
        this.socket.off('disconnect', end);
        resolve();
      };
      this.socket.once('disconnect', end);
      const subscription = values.subscribe({
        next: (value) => {
          try {
            this.deliver(handler, reply, value);
          } catch (failure) {
            this.fail(reply, failure);
          }
          resolve();
        },
        error: (failure: unknown) => {
          this.fail(reply, failure);
          finish();
        },
        complete: () => {
          this.complete(handler, reply);
          finish();
        },
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
    if (!handler.answersItself) {
      reply.send({ ok: true });
      return;
    }
    const timer = setTimeout(
      () => this.fail(reply, new Error('@Ack() was not called')),
      this.context.handlerTimeoutMs,
    );
    timer.unref();
  }

  private answer(reply: Reply, args: unknown[]): void {
    try {
      reply.send(...args);
    } catch (failure) {
      this.fail(reply, failure);
    }
  }

  /** Listeners that an app has put on the socket itself, or nobody. */
  private handleWithoutGateway({ event, reply }: Inbound): void {
    const [name] = event;
    if (typeof name === 'string' && isReservedEvent(name)) {
      this.refuse(reply, new SwitchboardError('event.reserved'));
    } else if (typeof name === 'string' && this.socket.listenerCount(name) > 0) {
      try {
        const args = reply.expected
          ? [...event, (...answer: unknown[]) => this.answer(reply, answer)]
          : event;
        EventEmitter.prototype.emit.apply(this.socket, args as [string, ...unknown[]]);
      } catch (failure) {
        this.fail(reply, failure);
      }
    } else {
      this.refuse(reply, new SwitchboardError('event.unknown'));
    }
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
    if (error.code === 'internal') {
      this.context.metrics.failed('handler');
      if (!handledByFilter) this.context.logger.error('a handler failed', failure);
    }
    // A filter of the app that dealt with it has told the client in its own way; an acknowledgement is still owed.
    if (!handledByFilter || reply.expected) this.refuse(reply, error);
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
