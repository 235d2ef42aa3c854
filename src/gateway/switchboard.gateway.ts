import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
} from '@nestjs/websockets';
import type { z } from 'zod';
import { AppAuthorization } from '../access/app-authorization.js';
import { RoomEntrance } from '../access/room-entrance.js';
import { Rights } from '../access/rights.js';
import { REQUEST } from '../protocol/events.js';
import {
  authRefreshRequest,
  roomEmitRequest,
  roomHistoryRequest,
  roomJoinRequest,
  roomLeaveRequest,
  roomMembersRequest,
} from '../protocol/requests.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import type { HistoryAnswer } from '../rooms/history.service.js';
import { RoomService, type JoinAnswer, type MembersAnswer, type SocketInfo } from '../rooms/room.service.js';
import { ConnectionLog } from './connection-log.js';
import { ParseRequest } from './dispatch/parse-request.pipe.js';

type RequestOf<Schema extends z.ZodType> = z.output<Schema>;
type Ok<Answer> = { ok: true } & Answer;

/**
 * The gateway: what a client can ask for, and what is said of its sockets that connect and disconnect.
 *
 * Its hooks run on every namespace, as the first; its requests are those of the default namespace.
 * Failures are thrown as coded errors; the dispatcher turns them into `{ok: false, error}`. [M1]
 */
@WebSocketGateway()
export class SwitchboardGateway implements OnGatewayConnection, OnGatewayDisconnect {
  constructor(
    private readonly rooms: RoomService,
    private readonly rights: Rights,
    private readonly app: AppAuthorization,
    private readonly entrance: RoomEntrance,
    private readonly connectionLog: ConnectionLog,
  ) {}

  handleConnection(socket: GatewaySocket): void {
    this.connectionLog.connected(socket);
  }

  handleDisconnect(socket: GatewaySocket, reason: string, description?: unknown): void {
    this.connectionLog.disconnected(socket, reason, description);
  }

  @SubscribeMessage(REQUEST.roomJoin)
  async join(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody(new ParseRequest(roomJoinRequest)) request: RequestOf<typeof roomJoinRequest>,
  ): Promise<Ok<JoinAnswer>> {
    const { room, since, presence } = request;
    const more = [...(since ? ['history' as const] : []), ...(presence ? ['presence' as const] : [])];
    await this.app.ask(socket, room, 'join', ...more);
    const opened = await this.entrance.open(socket, request);
    try {
      return { ok: true, ...(await this.rooms.join(socket, request)), ...opened?.told };
    } finally {
      opened?.shut();
    }
  }

  @SubscribeMessage(REQUEST.roomLeave)
  async leave(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody(new ParseRequest(roomLeaveRequest)) { room }: RequestOf<typeof roomLeaveRequest>,
  ): Promise<Ok<{ room: string }>> {
    await this.rooms.leave(socket, room);
    return { ok: true, room };
  }

  @SubscribeMessage(REQUEST.roomEmit)
  async emit(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody(new ParseRequest(roomEmitRequest)) request: RequestOf<typeof roomEmitRequest>,
  ): Promise<Ok<{ id: string }>> {
    // With nothing to ask it is published in this turn: a client may leave right behind it.
    const asked = this.app.ask(socket, request.room, 'emit');
    if (asked) await asked;
    return { ok: true, id: await this.rooms.emit(socket, request) };
  }

  @SubscribeMessage(REQUEST.roomMembers)
  async members(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody(new ParseRequest(roomMembersRequest)) request: RequestOf<typeof roomMembersRequest>,
  ): Promise<Ok<MembersAnswer>> {
    await this.app.ask(socket, request.room, 'presence');
    return { ok: true, ...(await this.rooms.members(socket, request)) };
  }

  @SubscribeMessage(REQUEST.roomHistory)
  async history(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody(new ParseRequest(roomHistoryRequest)) request: RequestOf<typeof roomHistoryRequest>,
  ): Promise<Ok<HistoryAnswer>> {
    await this.app.ask(socket, request.room, 'history');
    return { ok: true, ...(await this.rooms.history(socket, request)) };
  }

  @SubscribeMessage(REQUEST.authRefresh)
  async refresh(
    @ConnectedSocket() socket: GatewaySocket,
    @MessageBody(new ParseRequest(authRefreshRequest)) { token }: RequestOf<typeof authRefreshRequest>,
  ): Promise<Ok<{ expiresAt: string | null }>> {
    return { ok: true, ...(await this.rights.refresh(socket, token)) };
  }

  @SubscribeMessage(REQUEST.socketInfo)
  info(@ConnectedSocket() socket: GatewaySocket): Ok<SocketInfo> {
    return { ok: true, ...this.rooms.info(socket) };
  }
}
