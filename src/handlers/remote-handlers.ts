import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import type { HandlerKind, HandlerRule } from '../config/handler-rules.js';
import { isHttp, isPlain } from '../config/handler-rules.js';
import { OutboundClient } from '../outbound/outbound-client.js';
import { HealthDetails } from '../telemetry/health-details.js';
import { HandlerGate, type GateLimits } from './handler-gate.js';
import { HandlerMetrics } from './handler-metrics.js';
import type { HandlerTransport } from './handler-transport.js';
import type { RemoteHandler } from './remote-handler.js';

/** Requests to one remote handler of one node. [B5] */
const IN_FLIGHT = 64;
const WAITING = 1_000;

/** Clients that wait to be let in: everyone comes at once after a restart, and a queue is kinder than a refusal. [B6] */
const WAITING_CONNECTS = 100_000;

/** The remote handlers of the configuration, in its order. Where there are none, what calls them is not loaded. [B1] */
@Injectable()
export class RemoteHandlers implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Handlers');
  private handlers: readonly RemoteHandler[] = [];

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly outbound: OutboundClient,
    private readonly metrics: HandlerMetrics,
    private readonly health: HealthDetails,
  ) {}

  async onModuleInit(): Promise<void> {
    const { handlers: rules, handlerSecret } = this.config;
    if (rules.length === 0) return;
    this.handlers = await Promise.all(rules.map((rule) => this.open(rule)));
    await this.metrics.start(() => this.handlers.map(({ load }) => load));
    this.health.add('handlers', () => this.states());
    if (handlerSecret.length === 0 && rules.some(({ url }) => isPlain(url))) {
      this.logger.warn(
        'requests to remote handlers cross a network unsigned and in the clear: set SWITCHBOARD_HANDLER_SECRET and use https',
      );
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.handlers.map((handler) => handler.close()));
  }

  /** How long a request may take: the wait for its turn, and the attempt. [B5] */
  get longestWaitMs(): number {
    const { handlerAttemptMs, handlerTimeoutMs } = this.config;
    return handlerTimeoutMs + Math.min(handlerAttemptMs, handlerTimeoutMs);
  }

  /** The first handler of a kind whose pattern fits. */
  find(kind: HandlerKind, name: string): RemoteHandler | undefined {
    return this.handlers.find((handler) => handler.rule.kind === kind && handler.fits(name));
  }

  /** By the handler's name. */
  private states(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.handlers.map(({ name, state }) => [name, state]));
  }

  private async open(rule: HandlerRule): Promise<RemoteHandler> {
    const { RemoteHandler } = await import('./remote-handler.js');
    const comesInStorms = rule.kind === 'connect' || rule.kind === 'refresh';
    const limits: GateLimits = {
      inFlight: IN_FLIGHT,
      waiting: comesInStorms ? WAITING_CONNECTS : WAITING,
      maxWaitMs: this.config.handlerTimeoutMs,
    };
    const gate = await HandlerGate.create(limits);
    return new RemoteHandler(rule, gate, await this.transportTo(rule.url), this.metrics, this.logger);
  }

  private async transportTo(url: string): Promise<HandlerTransport> {
    const { handlerAttemptMs, handlerSecret, handlerTimeoutMs } = this.config;
    const timeoutMs = Math.min(handlerAttemptMs, handlerTimeoutMs);
    if (!isHttp(url)) {
      const { ServiceTransport } = await import('./service-transport.js');
      return ServiceTransport.open(url, timeoutMs);
    }
    const { HttpTransport } = await import('./http-transport.js');
    return new HttpTransport(this.outbound, url, handlerSecret, timeoutMs);
  }
}
