import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { Broadcaster, User, type GatewaySocket } from 'switchboard-gateway';

/** What the team's members say to each other; the app knows who says it from its own login. */
@WebSocketGateway()
export class ChatGateway {
  constructor(private readonly broadcaster: Broadcaster) {}

  @SubscribeMessage('say')
  async say(
    @ConnectedSocket() socket: GatewaySocket,
    @User() user: string,
    @MessageBody() { team, text }: { team?: unknown; text?: unknown },
  ): Promise<void> {
    const room = `team:${String(team)}`;
    if (!socket.rooms.has(room)) throw new WsException('join the team first');
    await this.broadcaster.toRooms(room).emit('said', { user, text: String(text).slice(0, 500) });
  }
}
