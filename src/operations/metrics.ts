import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import type { ErrorCode } from '../protocol/errors.js';

/** What failed inside: a lifecycle hook, a message handler, a check in the handshake. */
export type FailurePlace = 'connection_hook' | 'disconnect_hook' | 'init_hook' | 'handler' | 'handshake';

/**
 * The gateway's counters, one registry per gateway so that several can live in one process.
 *
 * A leaf: every layer may count, so this imports none of them.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();

  private readonly connections = this.counter('connections_total', 'Sockets that connected');
  private readonly disconnections = this.labelled('disconnections_total', 'Sockets that ended', ['reason']);
  private readonly refusals = this.labelled('refusals_total', 'Handshakes refused', ['code']);
  private readonly failures = this.labelled('failures_total', 'Failures inside hooks and handlers', [
    'place',
  ]);
  private readonly errors = this.labelled('errors_total', 'Requests of clients answered with an error', [
    'code',
  ]);
  private readonly publications = this.counter('publications_total', 'Publications accepted');
  private readonly deliveries = this.counter(
    'deliveries_total',
    'Publications times the sockets they were for',
  );

  /** A value that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name: `switchboard_${name}`,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  connected(): void {
    this.connections.inc();
  }

  disconnected(reason: string): void {
    this.disconnections.inc({ reason });
  }

  refused(code: ErrorCode): void {
    this.refusals.inc({ code });
  }

  failed(place: FailurePlace): void {
    this.failures.inc({ place });
  }

  answeredWithError(code: string): void {
    this.errors.inc({ code });
  }

  published(recipients: number): void {
    this.publications.inc();
    this.deliveries.inc(recipients);
  }

  private counter(name: string, help: string): Counter {
    return new Counter({ name: `switchboard_${name}`, help, registers: [this.registry] });
  }

  private labelled<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `switchboard_${name}`, help, labelNames, registers: [this.registry] });
  }
}
