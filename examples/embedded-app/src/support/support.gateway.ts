import { StandardSchemaValidationPipe, UseGuards, UsePipes } from '@nestjs/common';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Broadcaster, SwitchboardError, User, type GatewaySocket } from 'switchboard-gateway';
import { z } from 'zod';
import type { ShopEvents } from '../events.js';
import { StaffGuard } from './staff.guard.js';

const line = z.object({ text: z.string().trim().min(1).max(500) });
const answer = line.extend({ customer: z.string().min(1) });

const STAFF_ROOM = 'support:staff';

/**
 * The chat between customers and staff, on the app's own events.
 *
 * The gateway has settled who is who before any of this runs, and answers each request with what is returned here or,
 * when something is thrown, with `{ok: false, error}`.
 */
@WebSocketGateway()
@UsePipes(new StandardSchemaValidationPipe())
export class SupportGateway {
  constructor(private readonly broadcaster: Broadcaster<ShopEvents>) {}

  @SubscribeMessage('support:on-duty')
  @UseGuards(StaffGuard)
  async goOnDuty(@ConnectedSocket() socket: GatewaySocket): Promise<void> {
    await socket.join(STAFF_ROOM);
  }

  @SubscribeMessage('support:ask')
  async ask(
    @User() user: string,
    @MessageBody({ schema: line }) { text }: z.infer<typeof line>,
  ): Promise<{ ok: true; staff: number }> {
    const { matched } = await this.broadcaster.toRooms(STAFF_ROOM).emit('support:line', { from: user, text });
    if (matched === 0) throw new SwitchboardError('request.refused', { message: 'nobody is on duty' });
    return { ok: true, staff: matched };
  }

  @SubscribeMessage('support:answer')
  @UseGuards(StaffGuard)
  async answer(
    @ConnectedSocket() socket: GatewaySocket,
    @User() user: string,
    @MessageBody({ schema: answer }) { customer, text }: z.infer<typeof answer>,
  ): Promise<{ ok: true; devices: number }> {
    const { matched } = await this.broadcaster
      .toUsers(customer)
      .except({ sockets: [socket.id] })
      .emit('support:line', { from: user, text });
    return { ok: true, devices: matched };
  }
}
