import { Injectable } from '@nestjs/common';
import type { Registry } from 'prom-client';
import type { ErrorCode } from '../protocol/errors.js';
import { openRegistry, register, Tally, type Metric } from './prometheus.js';

/** What failed inside: a lifecycle hook, a message handler, a check in the handshake, something other nodes told. */
const FAILURE_PLACES = [
  'connection_hook',
  'disconnect_hook',
  'init_hook',
  'handler',
  'handshake',
  'inbox',
  'microservice',
] as const;
export type FailurePlace = (typeof FAILURE_PLACES)[number];

/** A client came back for its session: it got it, or a new one because that was over or no longer covered. */
const RECOVERY_OUTCOMES = ['recovered', 'new_session'] as const;

/** Why a socket did not get a publication that was for it. [D10] */
export const UNDELIVERED_CAUSES = ['volatile', 'slow_consumer', 'session_over'] as const;
export type UndeliveredCause = (typeof UNDELIVERED_CAUSES)[number];

const NODE_LOST = 'node_lost';

/**
 * The gateway's counters, one registry per gateway so that several can live in one process.
 *
 * A leaf: every layer may count, so this imports none of them. Counting takes a map; the library that writes the figures
 * down is loaded when somebody first asks for them, and what it knows of the process is watched from then on.
 */
@Injectable()
export class Metrics {
  /** Described, and not asked for so far. */
  private readonly unregistered: Metric[] = [];
  private readonly gauges = new Set<string>();
  private labels: Readonly<Record<string, string>> = {};
  private registry?: Registry;

  private readonly connections = this.tally('connections_total', 'Sockets that connected');
  private readonly disconnections = this.tally('disconnections_total', 'Sockets that ended', 'reason');
  private readonly refusals = this.tally('refusals_total', 'Handshakes refused', 'code');
  private readonly failures = this.tally(
    'failures_total',
    'Failures inside hooks and handlers',
    'place',
    FAILURE_PLACES,
  );
  private readonly errors = this.tally('errors_total', 'Requests of clients answered with an error', 'code');
  private readonly recoveries = this.tally(
    'recoveries_total',
    'Clients that came back for their session',
    'outcome',
    RECOVERY_OUTCOMES,
  );
  private readonly publications = this.tally('publications_total', 'Publications accepted');
  private readonly deliveries = this.tally(
    'deliveries_total',
    'Publications times the sockets that they were sent to',
  );
  private readonly undeliveries = this.tally(
    'undelivered_total',
    'Publications times the sockets that they were for and not sent to',
    'cause',
    UNDELIVERED_CAUSES,
  );
  /** Of what is counted as delivered next: a counter that went down would be taken for one that began anew. */
  private notDelivered = 0;

  private readonly keyUses = this.tally('api_key_uses_total', 'Uses of API keys to change something', 'key');
  private readonly keyRefusals = this.tally('api_refusals_total', 'API keys refused', 'code');

  private readonly lostNodes = this.tally(
    'nodes_lost_total',
    'Nodes whose lease lapsed, as seen here',
    'cause',
    [NODE_LOST],
  );
  private readonly lostSockets = this.tally(
    'sockets_lost_total',
    'Sockets taken out of the registry with their node',
    'cause',
    [NODE_LOST],
  );
  private readonly engineLosses = this.tally('engine_lost_total', 'Times that shared state went away');

  private readonly clientEvents = this.tally('client_events_total', 'Events that clients sent');
  private readonly unknownSessions = this.tally(
    'unknown_sessions_total',
    'Requests with the session of a connection that this node does not have',
  );
  private readonly bytes = this.tally(
    'websocket_bytes_total',
    'Bytes of WebSockets that have ended, as they were on the wire',
    'direction',
    ['in', 'out'],
  );
  private readonly stalls = this.tally(
    'event_loop_stalls_total',
    'Times that the event loop stood still for more than a second',
  );

  /** Labels that every metric has from now on. */
  label(labels: Readonly<Record<string, string>>): void {
    this.labels = labels;
  }

  /** A value that is read when it is asked for; the first of a name stands. */
  gauge(name: string, help: string, read: () => number): void {
    if (this.gauges.has(name)) return;
    this.gauges.add(name);
    this.unregistered.push({ kind: 'gauge', name: `switchboard_${name}`, help, read });
  }

  /** Something that does not change, in labels. */
  info(name: string, help: string, labels: Readonly<Record<string, string>>): void {
    if (this.gauges.has(name)) return;
    this.gauges.add(name);
    this.unregistered.push({ kind: 'info', name: `switchboard_${name}`, help, labels });
  }

  /** The same for what only rises. */
  counter(name: string, help: string, read: () => number): void {
    this.unregistered.push({ kind: 'reading', name: `switchboard_${name}`, help, read });
  }

  /** Where a part adds metrics that need more than a counter or a gauge; loads the library, so only a part in use asks. */
  async openRegistry(): Promise<Registry> {
    const prometheus = await import('prom-client');
    this.registry ??= openRegistry(prometheus);
    for (const metric of this.unregistered.splice(0)) register(prometheus, this.registry, metric);
    return this.registry;
  }

  /** All figures as Prometheus reads them. [O1] */
  async scrape(): Promise<string> {
    const registry = await this.openRegistry();
    registry.setDefaultLabels(this.labels);
    return registry.metrics();
  }

  connected(): void {
    this.connections.add(1);
  }

  disconnected(reason: string): void {
    this.disconnections.add(1, reason);
  }

  cameBack(outcome: (typeof RECOVERY_OUTCOMES)[number]): void {
    this.recoveries.add(1, outcome);
  }

  refused(code: ErrorCode): void {
    this.refusals.add(1, code);
  }

  failed(place: FailurePlace): void {
    this.failures.add(1, place);
  }

  answeredWithError(code: string): void {
    this.errors.add(1, code);
  }

  published(recipients: number): void {
    this.publications.add(1);
    this.delivered(recipients);
  }

  /** Sockets did not get a publication that was for them, which counts as delivered until then. [D10] */
  undelivered(cause: UndeliveredCause, count = 1): void {
    this.undeliveries.add(count, cause);
    this.notDelivered += count;
  }

  /** An API key was used to change something. */
  usedKey(name: string): void {
    this.keyUses.add(1, name);
  }

  /** A request had no valid API key, or one without the scope that it needed. */
  refusedKey(code: ErrorCode): void {
    this.keyRefusals.add(1, code);
  }

  /** Another node died and this one took its sockets out of the registry. */
  nodeLost(sockets: number): void {
    this.lostNodes.add(1, NODE_LOST);
    this.lostSockets.add(sockets, NODE_LOST);
  }

  /** Shared state could not be used any longer. */
  engineLost(): void {
    this.engineLosses.add(1);
  }

  /** A client has sent an event. */
  received(): void {
    this.clientEvents.add(1);
  }

  /** A WebSocket has ended that carried so much. */
  transferred(bytesIn: number, bytesOut: number): void {
    this.bytes.add(bytesIn, 'in');
    this.bytes.add(bytesOut, 'out');
  }

  /** A request came for a connection that is not here. */
  unknownSession(): void {
    this.unknownSessions.add(1);
  }

  stalled(): void {
    this.stalls.add(1);
  }

  /** A publication of another node. */
  delivered(recipients: number): void {
    const missed = Math.min(this.notDelivered, recipients);
    this.notDelivered -= missed;
    this.deliveries.add(recipients - missed);
  }

  /** @param known values of the label that are shown from the start: nobody sees a series rise that begins with 1 */
  private tally(name: string, help: string, label?: string, known: readonly string[] = []): Tally {
    const tally = new Tally(known);
    this.unregistered.push({ kind: 'counter', name: `switchboard_${name}`, help, label, tally });
    return tally;
  }
}
