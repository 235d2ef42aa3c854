import type { Logger } from '@nestjs/common';
import type { HandlerRule } from '../config/handler-rules.js';
import { shownBackend } from '../config/handler-rules.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { HandlerGate } from './handler-gate.js';
import type { HandlerLoad, HandlerMetrics } from './handler-metrics.js';
import type { HandlerReply } from './handler-reply.js';
import type { HandlerMessage, HandlerTransport } from './handler-transport.js';

const LOG_INTERVAL_MS = 1_000;

/** How a rule is named in logs, metrics and health: as it is written, without its URL. */
const nameOf = ({ kind, pattern }: HandlerRule): string =>
  kind === 'event' ? pattern : kind === 'join' ? `@join:${pattern}` : `@${kind}`;

/** How a remote handler is asked. */
export interface AskOptions {
  /** Of the request that the question comes from. */
  readonly traceparent?: string | undefined;
  /** False once nobody waits for the answer any longer: what waits for its turn is not sent then. */
  readonly isWanted?: () => boolean;
}

/** One remote handler: its rule, its way and its gate. [B1] [B5] */
export class RemoteHandler {
  readonly name: string;
  readonly backend: string;
  private loggedAt = -Infinity;
  private unlogged = 0;

  constructor(
    readonly rule: HandlerRule,
    private readonly gate: HandlerGate,
    private readonly transport: HandlerTransport,
    private readonly metrics: HandlerMetrics,
    private readonly logger: Logger,
  ) {
    this.name = nameOf(rule);
    this.backend = shownBackend(rule.url);
  }

  fits(name: string): boolean {
    const { pattern } = this.rule;
    return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  }

  /** An event that its way cannot carry is one that nobody takes. */
  carries(event: string): boolean {
    return this.transport.carries(event);
  }

  get load(): HandlerLoad {
    const { name, gate } = this;
    return { name, inFlight: gate.inFlight, waiting: gate.waiting, isOpen: gate.isOpen };
  }

  /** For `/health/ready`: a handler that is down is shown there and makes no node unready. */
  get state(): 'up' | 'open' | 'disconnected' {
    if (!this.transport.isConnected) return 'disconnected';
    return this.gate.isOpen ? 'open' : 'up';
  }

  /**
   * Asks the backend.
   *
   * @throws SwitchboardError `handler.unavailable`, `handler.timeout`, `handler.failed`, or what the backend refused with
   */
  async ask(
    message: HandlerMessage,
    how: AskOptions = {},
  ): Promise<Extract<HandlerReply, { kind: 'answered' | 'disconnect' }>> {
    const reply = await this.pass(message, how);
    this.metrics.ended(this.name, outcomeOf(reply));
    if (reply.kind === 'failed') {
      this.logFailure(reply.why);
      throw new SwitchboardError(reply.code);
    }
    if (reply.kind === 'refused') throw reply.error;
    return reply;
  }

  /** What was answered has not the shape that was asked for: as bad as no answer. */
  misunderstood(why: string): SwitchboardError {
    this.logFailure(why);
    return new SwitchboardError('handler.failed');
  }

  close(): Promise<void> {
    return this.transport.close();
  }

  private async pass(message: HandlerMessage, { traceparent, isWanted }: AskOptions): Promise<HandlerReply> {
    try {
      return await this.gate.pass(async () => {
        const since = performance.now();
        const reply = await this.transport.ask(message, traceparent);
        this.metrics.took(this.name, performance.now() - since);
        return reply;
      }, isWanted);
    } catch (failure) {
      this.metrics.ended(this.name, 'unavailable');
      throw failure;
    }
  }

  /** At most one line a second: a backend that is down fails every request. */
  private logFailure(why: string): void {
    const now = performance.now();
    if (now - this.loggedAt < LOG_INTERVAL_MS) {
      this.unlogged++;
      return;
    }
    this.logger.warn('a remote handler failed', {
      handler: this.name,
      backend: this.backend,
      why,
      ...(this.unlogged > 0 && { unlogged: this.unlogged }),
    });
    this.loggedAt = now;
    this.unlogged = 0;
  }
}

const outcomeOf = (reply: HandlerReply) =>
  reply.kind === 'failed' ? (reply.code === 'handler.timeout' ? 'timeout' : 'failed') : reply.kind;
