import { Injectable } from '@nestjs/common';
import type { Counter, Gauge, Histogram } from 'prom-client';
import { Metrics } from '../telemetry/metrics.js';

/** How a request to a remote handler ended. */
export type HandlerOutcome = 'answered' | 'refused' | 'disconnect' | 'failed' | 'timeout' | 'unavailable';

/** The load of one remote handler, read when it is asked for. */
export interface HandlerLoad {
  readonly name: string;
  readonly inFlight: number;
  readonly waiting: number;
  readonly isOpen: boolean;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Counts requests to remote handlers; the label is the pattern of the configuration, so there are few. [B5] */
@Injectable()
export class HandlerMetrics {
  private requests: Counter<'handler' | 'outcome'> | undefined;
  private durations: Histogram<'handler'> | undefined;

  constructor(private readonly metrics: Metrics) {}

  /** Shows the series of these handlers; a gateway without handlers has none. */
  async start(loads: () => readonly HandlerLoad[]): Promise<void> {
    const prometheus = await import('prom-client');
    const registers = [await this.metrics.openRegistry()];
    this.requests = new prometheus.Counter({
      name: 'switchboard_handler_requests_total',
      help: 'Requests to remote handlers, by how they ended',
      labelNames: ['handler', 'outcome'],
      registers,
    });
    this.durations = new prometheus.Histogram({
      name: 'switchboard_handler_duration_seconds',
      help: 'How long remote handlers took, the wait for their turn left out',
      labelNames: ['handler'],
      buckets: SECONDS,
      registers,
    });
    const gauge = (name: string, help: string, read: (load: HandlerLoad) => number): void => {
      const each: Gauge = new prometheus.Gauge({
        name: `switchboard_handler_${name}`,
        help,
        labelNames: ['handler'],
        registers,
        collect: () => loads().forEach((load) => each.set({ handler: load.name }, read(load))),
      });
    };
    gauge('in_flight', 'Requests to remote handlers that have no answer yet', ({ inFlight }) => inFlight);
    gauge('waiting', 'Requests to remote handlers that wait for their turn', ({ waiting }) => waiting);
    gauge('breaker_open', '1 while requests are refused because the handler kept failing', ({ isOpen }) =>
      isOpen ? 1 : 0,
    );
  }

  ended(handler: string, outcome: HandlerOutcome): void {
    this.requests?.inc({ handler, outcome });
  }

  took(handler: string, ms: number): void {
    this.durations?.observe({ handler }, ms / 1_000);
  }
}
