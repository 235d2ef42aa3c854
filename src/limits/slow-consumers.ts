import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { endSocket } from '../delivery/end-socket.js';
import { SwitchboardError } from '../protocol/errors.js';
import { Namespaces } from '../registry/namespaces.js';
import type { GatewaySocket } from '../registry/socket-state.js';
import { unsentBytes, type WritableConnection } from './unsent.js';

/** How often sockets are looked at that nobody publishes to but an app writes to directly. */
const SWEEP_INTERVAL_MS = 1_000;

/** Ends sockets that do not read what they are sent, before they cost the others memory. [Q3] */
@Injectable()
export class SlowConsumers implements OnModuleInit, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly namespaces: Namespaces,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => this.sweep(), SWEEP_INTERVAL_MS);
    this.timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /** Called after a write to a socket. */
  readonly check = (socket: GatewaySocket): void => {
    const connection = socket.conn as unknown as WritableConnection;
    if (unsentBytes(connection) <= this.config.maxBufferedBytes) return;
    void endSocket(socket, new SwitchboardError('slow_consumer'), { discardUnsent: true });
  };

  /** Called with a connection that did not take a write at once. */
  readonly checkConnection = (connection: object): void => {
    if (unsentBytes(connection as WritableConnection) <= this.config.maxBufferedBytes) return;
    for (const socket of this.namespaces.allSockets()) {
      if (socket.conn === connection) this.check(socket);
    }
  };

  private sweep(): void {
    for (const socket of this.namespaces.allSockets()) this.check(socket);
  }
}
