import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { RoomAction } from '../access/capabilities.js';
import { Rights } from '../access/rights.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Broadcaster } from '../delivery/broadcaster.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { SwitchboardError } from '../protocol/errors.js';
import { isUserRoom, userRoom } from '../protocol/names.js';
import type { roomEmitRequest, roomJoinRequest, roomMembersRequest } from '../protocol/requests.js';
import type { MemberEntry } from '../registry/entries.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { Namespaces } from '../registry/namespaces.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { socketState, type GatewaySocket } from '../registry/socket-state.js';

export interface JoinAnswer {
  readonly room: string;
}

export interface MembersAnswer {
  readonly members: MemberEntry[];
  readonly total: number;
  readonly next: string | null;
}

export interface SocketInfo {
  readonly socketId: string;
  readonly user: string;
  readonly rooms: string[];
  readonly node: string;
  readonly recovered: boolean;
}

/** What a client may do with rooms, and what keeps it out of those that are not its business. [M3] */
@Injectable()
export class RoomService {
  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly rights: Rights,
    private readonly broadcaster: Broadcaster,
    private readonly registry: SocketRegistry,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces,
    private readonly node: NodeIdentity,
  ) {}

  async join(socket: GatewaySocket, request: z.output<typeof roomJoinRequest>): Promise<JoinAnswer> {
    const { room, token } = request;
    this.assertPublic(socket, room);
    this.assertSupported(request);
    if (token !== undefined) await this.rights.addRoomToken(socket, token, room);
    this.assertAllowed(socket, 'join', room);
    if (!socket.rooms.has(room) && this.local.roomsOf(socket).length >= this.config.maxRoomsPerSocket) {
      throw new SwitchboardError('limit.rooms', {
        message: `this socket is in ${this.config.maxRoomsPerSocket} rooms, which is the limit`,
      });
    }
    await socket.join(room);
    // Every socket of a user stays in the user's room, whatever its token says.
    if (!isUserRoom(room)) this.rights.joinedByRight(socket, room);
    return { room };
  }

  async leave(socket: GatewaySocket, room: string): Promise<void> {
    this.assertPublic(socket, room);
    // Every socket of a user stays in the user's room for as long as it lives.
    if (room === userRoom(socketState(socket).user)) throw new SwitchboardError('access.denied');
    this.assertJoined(socket, room);
    this.rights.noLongerByRight(socket, room);
    await socket.leave(room);
  }

  async emit(socket: GatewaySocket, request: z.output<typeof roomEmitRequest>): Promise<string> {
    const { room, event, args, echo } = request;
    this.assertAllowed(socket, 'emit', room);
    this.assertJoined(socket, room);
    const { id } = await this.broadcaster.publish({
      to: { rooms: [room] },
      except: echo ? {} : { sockets: [socket.id] },
      event,
      args,
    });
    return id;
  }

  async members(
    socket: GatewaySocket,
    { room, limit, cursor }: z.output<typeof roomMembersRequest>,
  ): Promise<MembersAnswer> {
    this.assertAllowed(socket, 'presence', room);
    const { items, total, next } = await this.registry.getMembers(room, { limit, cursor });
    return { members: items, total, next };
  }

  async history(socket: GatewaySocket, room: string): Promise<never> {
    this.assertAllowed(socket, 'history', room);
    throw new SwitchboardError('history.disabled');
  }

  info(socket: GatewaySocket): SocketInfo {
    return {
      socketId: socket.id,
      user: socketState(socket).user,
      rooms: this.local.roomsOf(socket),
      node: this.node.id,
      recovered: socket.recovered,
    };
  }

  private assertAllowed(socket: GatewaySocket, action: RoomAction, room: string): void {
    this.assertPublic(socket, room);
    if (room === userRoom(socketState(socket).user)) return;
    if (!this.rights.allows(socket, action, room)) throw new SwitchboardError('access.denied');
  }

  /** Neither a socket's own room nor another user's: they carry private traffic. [M3] */
  private assertPublic(socket: GatewaySocket, room: string): void {
    const isForeign = isUserRoom(room) && room !== userRoom(socketState(socket).user);
    if (isForeign || this.namespaces.isSocketId(room)) throw new SwitchboardError('access.denied');
  }

  private assertJoined(socket: GatewaySocket, room: string): void {
    if (!socket.rooms.has(room)) throw new SwitchboardError('room.not_joined');
  }

  private assertSupported({ since, meta, presence }: z.output<typeof roomJoinRequest>): void {
    if (since !== undefined || meta === true) throw new SwitchboardError('history.disabled');
    if (presence !== true) return;
    throw new SwitchboardError('payload.invalid', {
      errors: [{ path: 'presence', message: 'presence events are not available on this gateway' }],
    });
  }
}
