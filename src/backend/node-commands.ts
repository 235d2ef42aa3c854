import { Injectable, Logger } from '@nestjs/common';
import type { FanOutAdapter } from '../delivery/fan-out.adapter.js';
import { describeSocket } from '../delivery/remote-sockets.js';
import type { NodeCommand, NodeQuestion, SocketsOfNamespace } from '../engine/engine.js';
import { logFailure } from '../telemetry/log.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { Explainer } from './explainer.js';
import { MembershipService } from './membership.service.js';

/** Carries out what other nodes ask of this one. */
@Injectable()
export class NodeCommands {
  private readonly logger = new Logger('Nodes');

  constructor(
    private readonly membership: MembershipService,
    private readonly namespaces: Namespaces<FanOutAdapter>,
    private readonly explainer: Explainer,
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

  /** Stays open where nobody answers, and rejects where that fails; both are the business of the node that asks. */
  async answer(question: NodeQuestion): Promise<unknown> {
    switch (question.ask) {
      case 'fetch-sockets':
        return this.select(question.from).map(describeSocket);
      case 'server-side-emit':
        return new Promise((resolve) => {
          this.hear(question.namespace, [...question.args, resolve]);
        });
      case 'record':
        return this.explainer.answerNode(question.question);
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
        this.hear(command.namespace, command.args);
        return 0;
    }
  }

  /** Another node's `serverSideEmit()`: a listener that fails costs the others nothing. [L4] */
  private hear(namespace: string, args: readonly unknown[]): void {
    try {
      this.namespaces.of(namespace)[0]?.heardFromServer(args);
    } catch (failure) {
      logFailure(this.logger, `a listener of another node's "${String(args[0])}" failed`, failure);
    }
  }

  private select({ namespace, to, except }: SocketsOfNamespace): GatewaySocket[] {
    return this.namespaces.of(namespace)[0]?.selected(to, except) ?? [];
  }
}
