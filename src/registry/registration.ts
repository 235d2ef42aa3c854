import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import type { RegistryWriter } from '../engine/registry.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from './local-registry.js';
import type { GatewaySocket } from '../sockets/socket-state.js';

/** A socket on its way in that other nodes know of. */
interface Entrant {
  /** As which it was made known. */
  readonly transport: string;
  /** Takes it out again. Also listens to the end of its connection. */
  readonly leave: () => void;
}

/** Makes a socket known on all nodes before its client is told that it is connected. [L3] [R4] */
@Injectable()
export class Registration {
  private readonly entrants = new WeakMap<GatewaySocket, Entrant>();

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly engine: Engine,
    private readonly local: LocalRegistry,
  ) {}

  /**
   * Nothing to wait for where there is one node only. While shared state is gone clients come in all the same, and are
   * made known when it is back. [O3]
   *
   * @throws SwitchboardError `limit.sockets` when the user has as many as it may have on all nodes
   */
  enter(socket: GatewaySocket): Promise<void> | undefined {
    const { holdings } = this.engine;
    return holdings && this.enterShared(holdings, socket);
  }

  /** It is in: its end is noticed from now on, and its move from polling to WebSocket is followed. */
  connected(socket: GatewaySocket): void {
    const { holdings } = this.engine;
    const entrant = holdings && this.forget(socket);
    if (!holdings || !socket.connected) return;
    holdings.connected(socket.id, () => this.local.entry(socket));
    const { name } = socket.conn.transport;
    // It may have moved while the app's own checks took their time.
    if (entrant && entrant.transport !== name) holdings.upgraded(socket.id, name as 'websocket');
    if (name !== 'polling') return;
    socket.conn.once('upgrade', (transport: { name: string }) => {
      if (socket.connected) holdings.upgraded(socket.id, transport.name as 'websocket');
    });
  }

  /** Something else has refused it after it was made known. */
  refused(socket: GatewaySocket): void {
    this.entrants.get(socket)?.leave();
  }

  private async enterShared(holdings: RegistryWriter, socket: GatewaySocket): Promise<void> {
    // Whoever goes before it is connected is refused by nobody and has no end that would be noticed.
    if (socket.conn.readyState === 'closed') return;
    const entry = this.local.entry(socket);
    // By the ID it has now: one that it has claimed it may have to give back first.
    const leave = (): void => {
      this.forget(socket);
      // What fails is made good when shared state is whole again.
      void Promise.resolve(holdings.leave(entry.socketId, false)).catch(() => undefined);
    };
    this.entrants.set(socket, { transport: entry.transport, leave });
    socket.conn.once('close', leave);
    try {
      await holdings.enter(entry, this.config.maxSocketsPerUser);
    } catch (failure) {
      if (failure instanceof SwitchboardError && failure.code === 'engine.unavailable') return;
      this.forget(socket);
      throw failure;
    }
  }

  private forget(socket: GatewaySocket): Entrant | undefined {
    const entrant = this.entrants.get(socket);
    if (entrant) socket.conn.off('close', entrant.leave);
    this.entrants.delete(socket);
    return entrant;
  }
}
