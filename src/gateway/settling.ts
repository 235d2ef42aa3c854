import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { logFailure } from '../telemetry/log.js';
import type { MembershipAdapter } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { tcpSocketOf } from '../platform/engine-connection.js';
import { releaseFirstRequest } from '../platform/footprint/first-request.js';
import { slimConnection, slimSocket } from '../platform/footprint/slim-connection.js';

/** How often is looked for connections that stay: those that were there the last time as well. */
const LOOK_EVERY_MS = 200;

/**
 * Has connections that stay give back the memory that they needed only to come in.
 *
 * A little later rather than at once, and many together: it costs a tenth of what a connection costs, and a client that goes
 * again at once is not to cost it. Nor is one that happens to be there when it is looked: on a busy machine that was two of three
 * of those that begin with polling.
 */
@Injectable()
export class Settling implements OnModuleDestroy {
  private readonly logger = new Logger('Gateway');
  /** The last socket of a namespace that has been settled, by its order in the registry. */
  private readonly settled = new WeakMap<MembershipAdapter, number>();
  /** And the newest that there was when it was looked last. */
  private readonly seen = new WeakMap<MembershipAdapter, number>();
  private upgraded: GatewaySocket[] = [];
  private upgradedBefore: GatewaySocket[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly namespaces: Namespaces) {}

  onModuleDestroy(): void {
    clearTimeout(this.timer);
  }

  /** A socket has connected. */
  expect(): void {
    this.timer ??= setTimeout(() => this.look(), LOOK_EVERY_MS).unref();
  }

  /** Has all settle that are there now. */
  settle(): void {
    this.look();
    this.look();
  }

  /** Has those settle that were there the last time. */
  private look(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const due = this.upgradedBefore;
    this.upgradedBefore = this.upgraded;
    this.upgraded = [];
    for (const socket of due) this.settleSocket(socket);
    let areMore = this.upgradedBefore.length > 0;
    for (const adapter of this.namespaces.all) {
      const last = this.seen.get(adapter) ?? 0;
      const { newest } = adapter.connected;
      this.seen.set(adapter, newest);
      this.settleUntil(adapter, last);
      areMore ||= newest > last;
    }
    if (areMore) this.expect();
  }

  private settleUntil(adapter: MembershipAdapter, last: number): void {
    for (const { socket, order } of adapter.connected.after(this.settled.get(adapter) ?? 0)) {
      if (order > last) break;
      this.settleSocket(socket);
    }
    this.settled.set(adapter, last);
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
