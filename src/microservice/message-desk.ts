import { Injectable, Logger } from '@nestjs/common';
import { ApiAccess, type KeyedRequest } from '../access/api-access.js';
import { OPEN_ACTOR } from '../access/actor.js';
import { CommandRunner } from '../backend/command-runner.js';
import { COMMANDS, isCommandName } from '../backend/commands.js';
import { toProblemError } from '../http/problem.js';
import { SwitchboardError, type ErrorObject } from '../protocol/errors.js';
import { logFailure } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';

/** What stands before the name of a command in a pattern. [N1] */
export const PATTERN_PREFIX = 'switchboard.';

/** All patterns: `switchboard.emit`, `switchboard.batch`, … [N1] */
export const PATTERNS: readonly string[] = Object.keys(COMMANDS).map((name) => PATTERN_PREFIX + name);

/** What came beside the data of a message: metadata of the packet, or headers of the broker. */
export interface MessageHeaders {
  readonly authorization?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** What a caller is sent: the answer, or the error object. [N5] */
export type MessageReply = { readonly answer: object } | { readonly error: ErrorObject };

const DONE = Object.freeze({ ok: true });
const LOG_INTERVAL_MS = 1_000;
/** A caller that is told to come back finds another node, or this one restarted. */
const DRAINING_RETRY_MS = 1_000;

/**
 * Takes the messages of services, whatever transport they came by: checks the key, runs the command and counts what is
 * under way. [N1] [N3]
 */
@Injectable()
export class MessageDesk {
  private readonly logger = new Logger('Microservice');
  private inFlight = 0;
  private whenIdle: (() => void) | undefined;
  private isClosed = false;
  private loggedAt = -Infinity;

  constructor(
    private readonly commands: CommandRunner,
    private readonly access: ApiAccess,
    private readonly metrics: Metrics,
  ) {}

  /** Answers a message that was sent with `send()`; never rejects. */
  async ask(pattern: string, data: unknown, headers: MessageHeaders): Promise<MessageReply> {
    if (this.isClosed) return { error: draining().toObject() };
    this.inFlight++;
    try {
      return { answer: await this.run(pattern, data, headers) };
    } catch (failure) {
      return { error: this.errorOf(pattern, failure).toObject() };
    } finally {
      if (--this.inFlight === 0) this.whenIdle?.();
    }
  }

  /** Takes a message that was sent with `emit()`: nobody is told what became of it, so a failure is logged. [N5] */
  async tell(pattern: string, data: unknown, headers: MessageHeaders): Promise<void> {
    const reply = await this.ask(pattern, data, headers);
    if (!('error' in reply)) return;
    this.metrics.failed('microservice');
    const now = performance.now();
    if (now - this.loggedAt < LOG_INTERVAL_MS) return;
    this.loggedAt = now;
    const { code, message } = reply.error;
    this.logger.warn('a message that nobody waits for failed', { pattern, code, message });
  }

  /** Refuses what comes from now on, and resolves when everything before has been answered. [N5] */
  close(): Promise<void> {
    this.isClosed = true;
    if (this.inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => (this.whenIdle = resolve));
  }

  private async run(pattern: string, data: unknown, headers: MessageHeaders): Promise<object> {
    const name = pattern.startsWith(PATTERN_PREFIX) ? pattern.slice(PATTERN_PREFIX.length) : '';
    if (!isCommandName(name)) {
      throw new SwitchboardError('route.unknown', { message: 'no such pattern' });
    }
    const { input, apiKey, idempotencyKey = headers.idempotencyKey } = takeOff(data);
    const authorization = headers.authorization ?? (apiKey === undefined ? undefined : `Bearer ${apiKey}`);
    const request: KeyedRequest = {
      method: 'MESSAGE',
      url: pattern,
      headers: authorization === undefined ? {} : { authorization },
    };
    this.access.admit(request, COMMANDS[name].scope);
    const answer = await this.commands.ask(name, input, {
      actor: request.actor ?? OPEN_ACTOR,
      method: 'MESSAGE',
      route: pattern,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });
    // Where HTTP answers 204: a message without a value would be no answer to `firstValueFrom()`.
    return Object.keys(answer).length === 0 ? DONE : answer;
  }

  private errorOf(pattern: string, failure: unknown): SwitchboardError {
    const error = toProblemError(failure);
    if (error.code === 'internal') logFailure(this.logger, `a message ${pattern} failed`, failure);
    return error;
  }
}

interface TakenOff {
  readonly input: unknown;
  readonly apiKey?: string;
  readonly idempotencyKey?: string;
}

/** Takes the fields of a payload off that stand for headers, which older callers cannot send. [N3] */
function takeOff(data: unknown): TakenOff {
  // `send(pattern, '')` is how a Nest service asks with nothing to say.
  if (data === undefined || data === null || data === '') return { input: {} };
  if (typeof data !== 'object' || !('apiKey' in data || 'idempotencyKey' in data)) return { input: data };
  const { apiKey, idempotencyKey, ...input } = data as Readonly<Record<string, unknown>>;
  return {
    input,
    ...(apiKey === undefined ? {} : { apiKey: textOf('apiKey', apiKey) }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey: textOf('idempotencyKey', idempotencyKey) }),
  };
}

function textOf(path: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new SwitchboardError('payload.invalid', { errors: [{ path, message: 'expected a text' }] });
}

const draining = (): SwitchboardError =>
  new SwitchboardError('server.draining', { retryAfterMs: DRAINING_RETRY_MS });
