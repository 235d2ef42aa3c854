import { Inject, Injectable } from '@nestjs/common';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Engine } from '../engine/engine.js';
import type { SharedRegistry } from '../engine/shared-registry.js';
import { SwitchboardError } from '../protocol/errors.js';
import { LocalRegistry } from '../registry/local-registry.js';
import type { GatewaySocket } from '../registry/socket-state.js';

/** Makes a socket known on all nodes before its client is told that it is connected. [L3] [R4] */
@Injectable()
export class SharedEntrance {
  /** How to take out a socket that is still on its way in. */
  private readonly leaves = new WeakMap<GatewaySocket, () => void>();

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
    const { registry } = this.engine;
    return registry && this.enterShared(registry, socket);
  }

  /** It is in: its end is noticed from now on, and its move from polling to WebSocket is followed. */
  connected(socket: GatewaySocket): void {
    const { registry } = this.engine;
    if (!registry) return;
    const leave = this.leaves.get(socket);
    if (leave) socket.conn.off('close', leave);
    if (socket.conn.transport.name !== 'polling') return;
    socket.conn.once('upgrade', ({ name }: { name: string }) => {
      if (socket.connected) registry.upgraded(socket.id, name as 'websocket');
    });
  }

  private async enterShared(registry: SharedRegistry, socket: GatewaySocket): Promise<void> {
    // What fails is made good when shared state is whole again.
    const leave = (): void => void Promise.resolve(registry.leave(socket.id, false)).catch(() => undefined);
    try {
      await registry.enter(this.local.entry(socket), this.config.maxSocketsPerUser);
    } catch (failure) {
      if (failure instanceof SwitchboardError && failure.code === 'engine.unavailable') return;
      throw failure;
    }
    // Whoever goes before it is connected is refused by nobody and has no end that would be noticed.
    if (socket.conn.readyState !== 'open') {
      leave();
      return;
    }
    this.leaves.set(socket, leave);
    socket.conn.once('close', leave);
  }
}
