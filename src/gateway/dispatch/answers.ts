import type { Logger } from '@nestjs/common';
import { logFailure } from '../../telemetry/log.js';
import type { Metrics } from '../../telemetry/metrics.js';
import type { SwitchboardError } from '../../protocol/errors.js';
import type { Participants } from '../../sockets/participants.js';
import { findSocketState } from '../../sockets/socket-state.js';
import { failedRequest, notAnswered } from './failed-request.js';
import { HandlerFailure, toSwitchboardError } from './failures.js';
import type { Reply } from './reply.js';

/** Sees to it that requests are answered, well or badly; what goes wrong is counted and logged here. One for all sockets. [M1] */
export class Answers {
  constructor(
    private readonly metrics: Metrics,
    private readonly logger: Logger,
    /** How long a handler has, and then whoever holds the acknowledgement. */
    readonly timeoutMs: number,
    private readonly participants: Participants,
  ) {}

  /** An event of a client has come. */
  received(): void {
    this.metrics.received();
  }

  /** Sends what a handler or a listener gives to the acknowledgement. Never throws. */
  send(reply: Reply, args: readonly unknown[]): void {
    try {
      reply.send(...args);
    } catch (failure) {
      this.fail(reply, failure);
    }
  }

  /** A handler that holds the acknowledgement has a limited time to call it. */
  expect(reply: Reply): void {
    if (!reply.pending) return;
    const timer = setTimeout(() => {
      if (!reply.pending) return;
      this.noteNotAnswered(reply);
      this.fail(reply, new Error('the acknowledgement was not called in time'));
    }, this.timeoutMs);
    timer.unref();
  }

  /** Answers with what was thrown, as far as it may be shown. */
  fail(reply: Reply, thrown: unknown): void {
    const { failure, handledByFilter } =
      thrown instanceof HandlerFailure ? thrown : { failure: thrown, handledByFilter: false };
    const error = toSwitchboardError(failure);
    if (error.code === 'internal') this.note(failure, handledByFilter);
    // A filter of the app that dealt with it has told the client in its own way; an acknowledgement is still owed.
    if (!handledByFilter || reply.expected) this.refuse(reply, error);
  }

  refuse(reply: Reply, error: SwitchboardError): void {
    this.metrics.answeredWithError(error.code);
    const state = findSocketState(reply.socket);
    if (state) this.participants.noted(state, failedRequest(reply.event, error.code));
    reply.fail(error);
  }

  private noteNotAnswered(reply: Reply): void {
    const state = findSocketState(reply.socket);
    if (state) this.participants.noted(state, notAnswered(reply.event, this.timeoutMs));
  }

  /** Counts a failure, and logs it unless the app has dealt with it. [L4] */
  note(failure: unknown, isDealtWith = false): void {
    this.metrics.failed('handler');
    if (!isDealtWith) logFailure(this.logger, 'a handler failed', failure);
  }

  /** A handler has not finished in time: nobody knows whether it ever will. */
  noteUnfinished(reply: Reply): void {
    this.metrics.failed('handler');
    this.noteNotAnswered(reply);
    const [event] = reply.event;
    this.logger.warn('a handler did not finish in time', { event, handlerTimeoutMs: this.timeoutMs });
  }
}
