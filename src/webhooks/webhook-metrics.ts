import { Injectable } from '@nestjs/common';
import type { Counter, Histogram } from 'prom-client';
import { Metrics } from '../telemetry/metrics.js';
import type { PostResult } from './webhook-post.js';

/** What a node sends to an endpoint, read when it is asked for. */
export interface EndpointLoad {
  readonly name: string;
  readonly depth: number;
  readonly lagMs: number;
  readonly isStopped: boolean;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15];

/** Counts what is sent to endpoints. Depth and lag are of the partitions that this node sends: the sum of all nodes is all. [W7] */
@Injectable()
export class WebhookMetrics {
  private deliveries: Counter<'endpoint' | 'outcome'> | undefined;
  private events: Counter<'endpoint'> | undefined;
  private lostEvents: Counter<'endpoint'> | undefined;
  private durations: Histogram<'endpoint'> | undefined;

  constructor(private readonly metrics: Metrics) {}

  /** Shows the series of these endpoints; a gateway without webhooks has none. */
  async start(loads: () => readonly EndpointLoad[]): Promise<void> {
    const prometheus = await import('prom-client');
    const registers = [await this.metrics.openRegistry()];
    const endpoint = { labelNames: ['endpoint'] as const, registers };
    this.deliveries = new prometheus.Counter({
      name: 'switchboard_webhook_deliveries_total',
      help: 'Requests to webhook endpoints, by how they ended',
      labelNames: ['endpoint', 'outcome'],
      registers,
    });
    this.events = new prometheus.Counter({
      name: 'switchboard_webhook_events_total',
      help: 'Events that were delivered',
      ...endpoint,
    });
    this.lostEvents = new prometheus.Counter({
      name: 'switchboard_webhook_lost_events_total',
      help: 'Events that were dropped before they were delivered',
      ...endpoint,
    });
    this.durations = new prometheus.Histogram({
      name: 'switchboard_webhook_duration_seconds',
      help: 'How long endpoints took to answer',
      buckets: SECONDS,
      ...endpoint,
    });
    const gauge = (name: string, help: string, read: (load: EndpointLoad) => number): void => {
      const each = new prometheus.Gauge({
        name: `switchboard_webhook_${name}`,
        help,
        ...endpoint,
        collect: () => loads().forEach((load) => each.set({ endpoint: load.name }, read(load))),
      });
    };
    gauge('queue_depth', 'Events that this node is to deliver', ({ depth }) => depth);
    gauge('lag_seconds', 'Age of the oldest of these', ({ lagMs }) => lagMs / 1_000);
    gauge('stopped', '1 since the endpoint answered 410', ({ isStopped }) => (isStopped ? 1 : 0));
    for (const { name } of loads()) {
      this.events.inc({ endpoint: name }, 0);
      this.lostEvents.inc({ endpoint: name }, 0);
    }
  }

  attempted(endpoint: string, { outcome, ms }: PostResult, events: number): void {
    this.deliveries?.inc({ endpoint, outcome });
    this.durations?.observe({ endpoint }, ms / 1_000);
    if (outcome === 'delivered') this.events?.inc({ endpoint }, events);
  }

  lost(endpoint: string, events: number): void {
    this.lostEvents?.inc({ endpoint }, events);
  }
}
