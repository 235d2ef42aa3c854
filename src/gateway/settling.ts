import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { logFailure } from '../telemetry/log.js';
import type { MembershipAdapter } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { tcpSocketOf } from '../platform/engine-connection.js';
import { releaseFirstRequest } from '../platform/footprint/first-request.js';
import { slimConnection, slimSocket } from '../platform/footprint/slim-connection.js';

/** Late enough that a connection that only comes and goes pays nothing, soon enough that memory does not pile up. */
const SETTLE_AFTER_MS = 100;

/**
 * Has connections that stay give back the memory that they needed only to come in.
 *
 * A little later rather than at once, and many together: it costs some microseconds for each connection, and a client
 * that goes again at once is not to cost them.
 */
@Injectable()
export class Settling implements OnModuleDestroy {
  private readonly logger = new Logger('Gateway');
  /** The last socket of a namespace that has been looked at, by its order in the registry. */
  private readonly lastOrders = new WeakMap<MembershipAdapter, number>();
  private readonly upgraded: GatewaySocket[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly namespaces: Namespaces) {}

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  /** A socket has connected. */
  expect(): void {
    this.timer ??= setTimeout(() => this.settle(), SETTLE_AFTER_MS).unref();
  }

  /** Looks at the sockets that have come since the last time. */
  settle(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const socket of this.upgraded.splice(0)) this.settleSocket(socket);
    for (const adapter of this.namespaces.all) {
      let last = this.lastOrders.get(adapter) ?? 0;
      for (const { socket, order } of adapter.connected.after(last)) {
        last = order;
        this.settleSocket(socket);
      }
      this.lastOrders.set(adapter, last);
    }
  }

  private settleSocket(socket: GatewaySocket): void {
    const { conn } = socket;
    if (conn.readyState !== 'open') return;
    if (conn.transport.name !== 'websocket') {
      // Polling goes on with what it has; most clients begin with it and upgrade in a moment.
      conn.once('upgrade', () => {
        this.upgraded.push(socket);
        this.expect();
      });
      return;
    }
    try {
      if (releaseFirstRequest(conn, tcpSocketOf(conn))) slimConnection(conn);
      slimSocket(socket);
    } catch (failure) {
      // It only saves memory: what an upgrade of Socket.IO breaks here costs no connection.
      logFailure(this.logger, 'a connection could not be made smaller', failure);
    }
  }
}
