import { Inject, Injectable, Optional, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { connectionsOf, unsentBytes } from '../platform/engine-connection.js';
import { endSocket } from '../sockets/end-socket.js';
import { DELIVERY_WATCH, type DeliveryWatch } from '../delivery/delivery-watch.js';
import type { Backlogs } from '../delivery/socket-writer.js';
import type { Backlog } from '../delivery/replay.js';
import { tellLost } from '../delivery/turn-writer.js';
import { noteUnsent } from '../delivery/vitals.js';
import { Metrics } from '../telemetry/metrics.js';
import { SwitchboardError } from '../protocol/errors.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { Outflow } from './outflow.js';

/** How often connections are looked at that nobody publishes to but an app, or an answer, is written to directly. */
const SWEEP_INTERVAL_MS = 1_000;

/** How often it is looked whether there is room for more of what a client asked for. */
const LOOK_INTERVAL_MS = 20;

type Connection = GatewaySocket['conn'];

/** A large answer that is still under way. */
interface Asked {
  /** What of the unsent data may be part of it. */
  bytes: number;
  isNew: boolean;
  readonly outflow: Outflow;
}

/** Ends sockets that do not read what they are sent, before they cost the others memory. [Q3] */
@Injectable()
export class SlowConsumers implements Backlogs, OnModuleInit, OnModuleDestroy {
  private readonly engines: unknown[] = [];
  /** Connections that have been sent a large answer and have not taken all of it. */
  private readonly answers = new Map<object, Asked>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly namespaces: Namespaces,
    private readonly metrics: Metrics,
    @Optional() @Inject(DELIVERY_WATCH) private readonly deliveries?: DeliveryWatch,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Looks after all connections of an Engine.IO server from now on. */
  watch(server: unknown): void {
    this.engines.push(server);
  }

  /** Called after a write to a socket. */
  readonly check = (socket: GatewaySocket): void => {
    if (!this.isTooFarBehind(socket.conn)) return;
    if (socket.connected) this.deliveries?.exceptNow(socket, 'slow_consumer');
    this.end(socket);
  };

  /**
   * What a client asked for comes in one piece, which may be larger than what may be unsent and takes its time on a slow
   * line. It does not count for as long as its client goes on reading; several do not add up.
   */
  asked({ conn }: GatewaySocket, bytes: number): void {
    const known = this.answers.get(conn);
    const outflow = known?.outflow ?? new Outflow(conn);
    this.answers.set(conn, { bytes: Math.max(bytes, known?.bytes ?? 0), isNew: true, outflow });
  }

  /** Resolves when a client has taken what it asked for before: what it asks for next may be as large. Never rejects. */
  async whenTaken(socket: GatewaySocket): Promise<void> {
    const { conn } = socket;
    // What it was answered in this turn is written when that ends.
    if (this.answers.has(conn)) await setImmediate();
    while (socket.connected && unsentBytes(conn) > this.config.maxBufferedBytes) {
      await setTimeout(LOOK_INTERVAL_MS);
    }
  }

  /** What one socket that is caught up has not taken yet. */
  backlogOf(socket: GatewaySocket): Backlog {
    const { conn } = socket;
    const outflow = new Outflow(conn);
    return {
      maxBytes: this.config.maxBufferedBytes,
      unsentBytes: () => unsentBytes(conn),
      hasStalled: () => outflow.stalledForMs() > this.config.pingTimeoutMs,
      end: () => this.end(socket),
      lost: (count) => this.metrics.undelivered('slow_consumer', count),
      dropped: () => this.dropped(socket),
    };
  }

  /** Called for each volatile publication that a socket was not ready for. [D5] [D10] */
  readonly dropped = (socket: GatewaySocket): void => {
    this.metrics.undelivered('volatile');
    this.deliveries?.exceptNow(socket, 'volatile_dropped');
  };

  /** Called with a connection that did not take a write at once. */
  readonly checkConnection = (connection: object): void => {
    if (!this.isTooFarBehind(connection)) return;
    let isUsed = false;
    for (const socket of this.namespaces.allSockets()) {
      if (socket.conn !== connection) continue;
      isUsed = true;
      this.check(socket);
    }
    if (!isUsed) this.cutOff(connection as Connection);
  };

  private isTooFarBehind(connection: object): boolean {
    const { maxBufferedBytes } = this.config;
    const unsent = unsentBytes(connection);
    noteUnsent(connection, unsent);
    if (unsent <= maxBufferedBytes) return false;
    return unsent > maxBufferedBytes + (this.answers.get(connection)?.bytes ?? 0);
  }

  private end(socket: GatewaySocket): void {
    const { conn } = socket;
    // Once for all sockets of a connection: they end together.
    if (socket.connected && conn.readyState === 'open') {
      tellLost(conn, (count) => this.metrics.undelivered('slow_consumer', count));
    }
    void endSocket(socket, new SwitchboardError('slow_consumer'), { discardUnsent: true });
  }

  /** Refusals pile up as well, for a peer that asks again and again to be let in and reads no answer. */
  private cutOff(connection: Connection): void {
    this.metrics.refused('slow_consumer');
    connection.close(true);
  }

  private sweep(): void {
    for (const [connection, asked] of this.answers) this.lookAfter(connection, asked);
    for (const engine of this.engines) {
      for (const connection of connectionsOf(engine)) this.checkConnection(connection);
    }
  }

  private lookAfter(connection: object, asked: Asked): void {
    const unsent = unsentBytes(connection);
    const isStalled = asked.outflow.stalledForMs() > this.config.pingTimeoutMs;
    const isTaken = unsent <= this.config.maxBufferedBytes;
    // One of this turn may not have been written yet.
    if (isStalled || (isTaken && !asked.isNew)) this.answers.delete(connection);
    else if (!isTaken) asked.bytes = Math.min(asked.bytes, unsent);
    asked.isNew = false;
  }
}
