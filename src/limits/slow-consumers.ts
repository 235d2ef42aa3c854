import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { endSocket } from '../delivery/end-socket.js';
import type { Backlogs } from '../delivery/fan-out.adapter.js';
import type { Backlog } from '../delivery/replay.js';
import { Metrics } from '../operations/metrics.js';
import { SwitchboardError } from '../protocol/errors.js';
import { Namespaces } from '../registry/namespaces.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import { Outflow, unsentBytes, type WritableConnection } from './unsent.js';

/** How often connections are looked at that nobody publishes to but an app, or an answer, is written to directly. */
const SWEEP_INTERVAL_MS = 1_000;

/** A connection as Engine.IO lists it. */
interface Connection extends WritableConnection {
  close(discard: boolean): void;
}

/** What is read of an Engine.IO server. */
interface ConnectionList {
  readonly clients: Readonly<Record<string, Connection>>;
}

/** Ends sockets that do not read what they are sent, before they cost the others memory. [Q3] */
@Injectable()
export class SlowConsumers implements Backlogs, OnModuleInit, OnModuleDestroy {
  private readonly servers: ConnectionList[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly namespaces: Namespaces,
    private readonly metrics: Metrics,
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
    this.servers.push(server as ConnectionList);
  }

  /** Called after a write to a socket. */
  readonly check = (socket: GatewaySocket): void => {
    const connection = socket.conn as unknown as WritableConnection;
    if (unsentBytes(connection) > this.config.maxBufferedBytes) this.end(socket);
  };

  /** What one socket that is caught up has not taken yet. */
  backlogOf(socket: GatewaySocket): Backlog {
    const connection = socket.conn as unknown as WritableConnection;
    const outflow = new Outflow(connection);
    return {
      maxBytes: this.config.maxBufferedBytes,
      unsentBytes: () => unsentBytes(connection),
      hasStalled: () => outflow.stalledForMs() > this.config.pingTimeoutMs,
      end: () => this.end(socket),
    };
  }

  /** Called with a connection that did not take a write at once. */
  readonly checkConnection = (connection: object): void => {
    if (unsentBytes(connection as WritableConnection) <= this.config.maxBufferedBytes) return;
    let isUsed = false;
    for (const socket of this.namespaces.allSockets()) {
      if (socket.conn !== connection) continue;
      isUsed = true;
      this.check(socket);
    }
    if (!isUsed) this.cutOff(connection as Connection);
  };

  private end(socket: GatewaySocket): void {
    void endSocket(socket, new SwitchboardError('slow_consumer'), { discardUnsent: true });
  }

  /** Refusals pile up as well, for a peer that asks again and again to be let in and reads no answer. */
  private cutOff(connection: Connection): void {
    this.metrics.refused('slow_consumer');
    connection.close(true);
  }

  private sweep(): void {
    for (const { clients } of this.servers) {
      for (const connection of Object.values(clients)) this.checkConnection(connection);
    }
  }
}
