import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { RemoteEvents, type RemoteEventHandler } from '../backend/remote-events.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { SwitchboardError } from '../protocol/errors.js';
import { assertDeliverable, decodeArgument, encodeUnchecked } from '../protocol/json.js';
import { isListedRoom } from '../protocol/names.js';
import { membershipOf } from '../sockets/membership.adapter.js';
import { endSocket } from '../sockets/end-socket.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import type { RemoteHandler } from './remote-handler.js';
import { RemoteHandlers } from './remote-handlers.js';

const answer = z.object({
  ack: z.unknown().optional(),
  commands: z.array(z.unknown()).max(1_000).optional(),
});

/** Events of clients that remote handlers take: one message for each, its commands, then the acknowledgement. [B2] [B3] */
@Injectable()
export class EventHandlers extends RemoteEvents {
  constructor(
    private readonly handlers: RemoteHandlers,
    private readonly identity: NodeIdentity,
  ) {
    super();
  }

  handlerOf(event: string): RemoteEventHandler | undefined {
    const handler = this.handlers.find('event', event);
    return handler && { handle: (socket, name, args) => this.handle(handler, socket, name, args) };
  }

  private async handle(
    handler: RemoteHandler,
    socket: GatewaySocket,
    event: string,
    args: readonly unknown[],
  ): Promise<{ readonly data?: unknown }> {
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
      const ended = new SwitchboardError('kicked', { message, retryable });
      void endSocket(socket, ended);
      throw ended;
    }
    const parsed = answer.safeParse(reply.body);
    if (!parsed.success)
      throw handler.misunderstood(
        `the answer is not {ack?, commands?}: ${parsed.error.issues[0]?.path.join('.')}`,
      );
    const { ack } = parsed.data;
    return ack === undefined ? {} : { data: this.decode(handler, ack) };
  }

  private decode(handler: RemoteHandler, ack: unknown): unknown {
    try {
      return decodeArgument(ack, 'ack');
    } catch {
      throw handler.misunderstood('`ack` cannot be delivered to clients');
    }
  }
}
