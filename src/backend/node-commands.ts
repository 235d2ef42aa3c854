import { Injectable, Logger } from '@nestjs/common';
import type { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import type { NodeCommand, SocketsOfNamespace } from '../engine/engine.js';
import { logFailure } from '../telemetry/log.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { MembershipService } from './membership.service.js';

/** Carries out what other nodes ask of this one. */
@Injectable()
export class NodeCommands {
  private readonly logger = new Logger('Nodes');

  constructor(
    private readonly membership: MembershipService,
    private readonly namespaces: Namespaces,
  ) {}

  /** Resolves with how many sockets it was for; never rejects. */
  async carryOut(command: NodeCommand): Promise<number> {
    try {
      return await this.dispatch(command);
    } catch (failure) {
      logFailure(this.logger, `another node's command "${command.do}" failed`, failure);
      return 0;
    }
  }

  private async dispatch(command: NodeCommand): Promise<number> {
    switch (command.do) {
      case 'join':
      case 'leave':
        return this.membership.moveHere(command.subject, command.do, command.room);
      case 'disconnect':
        return this.membership.disconnectHere(command.subject, command.reconnect);
      case 'move': {
        const sockets = this.select(command.from);
        await Promise.all(
          sockets.map(async (socket) => {
            const adapter = membershipOf(socket);
            if (command.join.length > 0) await adapter.addNamed(socket.id, command.join);
            await adapter.delNamed(socket.id, command.leave);
          }),
        );
        return sockets.length;
      }
      case 'disconnect-all': {
        const sockets = this.select(command.from);
        for (const socket of sockets) socket.disconnect(command.close);
        return sockets.length;
      }
      case 'server-side-emit':
        this.adapterOf(command.namespace)?.heardFromServer(command.args);
        return 0;
    }
  }

  private select({ namespace, to, except }: SocketsOfNamespace): GatewaySocket[] {
    return this.adapterOf(namespace)?.selected(to, except) ?? [];
  }

  private adapterOf(namespace: string): FanOutAdapter | undefined {
    return (this.namespaces.all as readonly FanOutAdapter[]).find(({ nsp }) => nsp.name === namespace);
  }
}
