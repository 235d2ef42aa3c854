import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { MAX_COMMANDS } from '../backend/batch.schemas.js';
import { CommandRunner } from '../backend/command-runner.js';
import { RemoteEvents, type RemoteEventHandler, type RemoteOutcome } from '../backend/remote-events.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { SwitchboardError } from '../protocol/errors.js';
import { assertDeliverable, decodeArgument, encodeUnchecked } from '../protocol/json.js';
import { isListedRoom } from '../protocol/names.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import type { RemoteHandler } from './remote-handler.js';
import { RemoteHandlers } from './remote-handlers.js';

const answer = z.object({
  ack: z.unknown().optional(),
  commands: z.array(z.unknown()).max(MAX_COMMANDS).optional(),
});

/** Events of clients that remote handlers take: one message for each, its commands, then the acknowledgement. [B2] [B3] */
@Injectable()
export class EventHandlers extends RemoteEvents {
  private readonly logger = new Logger('Handlers');

  constructor(
    private readonly handlers: RemoteHandlers,
    private readonly identity: NodeIdentity,
    private readonly commands: CommandRunner,
  ) {
    super();
  }

  handlerOf(event: string): RemoteEventHandler | undefined {
    const handler = this.handlers.find('event', event);
    if (!handler?.carries(event)) return undefined;
    return { handle: (socket, name, args) => this.handle(handler, socket, name, args) };
  }

  private async handle(
    handler: RemoteHandler,
    socket: GatewaySocket,
    event: string,
    args: readonly unknown[],
  ): Promise<RemoteOutcome> {
    assertDeliverable(args);
    const { user, info, address } = socketState(socket);
    const reply = await handler.ask({
      type: 'event',
      id: randomUUID(),
      event,
      args: args.map(encodeUnchecked),
      user,
      info,
      socketId: socket.id,
      rooms: membershipOf(socket).namesOfRooms(socket.id).filter(isListedRoom),
      node: this.identity.id,
      at: new Date().toISOString(),
      address,
    });
    if (reply.kind === 'disconnect') {
      const { message, retryable } = reply;
      return { end: new SwitchboardError('kicked', { message, retryable }) };
    }
    const parsed = answer.safeParse(reply.body);
    if (!parsed.success) {
      const where = parsed.error.issues[0]?.path.join('.') ?? '';
      throw handler.misunderstood(`the answer is not {ack?, commands?}: ${where}`);
    }
    const { ack, commands = [] } = parsed.data;
    // What cannot be acknowledged is found out before anything takes effect.
    const data = ack === undefined ? undefined : this.decode(handler, ack);
    if (commands.length > 0) await this.carryOut(handler, event, commands);
    return data === undefined ? {} : { data };
  }

  /** In order, before the client is answered. A command that is wrong fails by itself: the others still hold. [B3] */
  private async carryOut(handler: RemoteHandler, event: string, commands: readonly unknown[]): Promise<void> {
    const { results } = await this.commands.run(
      'batch',
      { commands: [...commands] },
      { actor: { kind: 'handler', name: handler.name }, method: 'EVENT', route: event },
    );
    const failures = results.flatMap((result, index) =>
      'ok' in result && result.ok === false && 'error' in result
        ? [{ command: index, ...(result.error as { code: string; message: string }) }]
        : [],
    );
    if (failures.length === 0) return;
    const { command, code, message } = failures[0]!;
    this.logger.warn('a command of a remote handler failed', {
      handler: handler.name,
      failed: failures.length,
      command,
      code,
      message,
    });
  }

  private decode(handler: RemoteHandler, ack: unknown): unknown {
    try {
      return decodeArgument(ack, 'ack');
    } catch {
      throw handler.misunderstood('`ack` cannot be delivered to clients');
    }
  }
}
