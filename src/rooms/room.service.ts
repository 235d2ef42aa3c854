import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { RoomAction } from '../protocol/capabilities.js';
import { Rights } from '../access/rights.js';
import type { SwitchboardConfig } from '../config/config.js';
import { SWITCHBOARD_CONFIG } from '../config/config.token.js';
import { Broadcaster } from '../delivery/broadcaster.js';
import { Engine } from '../engine/engine.js';
import { NodeIdentity } from '../engine/node-identity.js';
import { EventPatterns } from '../protocol/event-patterns.js';
import { SwitchboardError } from '../protocol/errors.js';
import { isUserRoom, userRoom } from '../protocol/names.js';
import type {
  roomEmitRequest,
  roomHistoryRequest,
  roomJoinRequest,
  roomMembersRequest,
} from '../protocol/requests.js';
import { SlowConsumers } from '../limits/slow-consumers.js';
import type { MemberEntry, Page } from '../protocol/entries.js';
import { LocalRegistry } from '../registry/local-registry.js';
import { isInRoom, withdraw } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { History, withinPacket, type CatchUp, type HistoryAnswer } from './history.service.js';
import { Presence } from './presence/presence.service.js';
import { PrivateRooms } from './private-rooms.js';
import { RepeatedEmits } from './repeated-emits.js';
import { JoinWithHistory } from './join-with-history.js';

export interface JoinAnswer extends Partial<CatchUp> {
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
  /** The events that clients may send. [D9] */
  private readonly clientEvents: EventPatterns;

  constructor(
    @Inject(SWITCHBOARD_CONFIG) private readonly config: SwitchboardConfig,
    private readonly rights: Rights,
    private readonly broadcaster: Broadcaster,
    private readonly engine: Engine,
    private readonly registry: SocketRegistry,
    private readonly local: LocalRegistry,
    private readonly namespaces: Namespaces,
    private readonly node: NodeIdentity,
    private readonly entry: JoinWithHistory,
    private readonly histories: History,
    private readonly presence: Presence,
    private readonly privateRooms: PrivateRooms,
    private readonly slowConsumers: SlowConsumers,
    private readonly repeatedEmits: RepeatedEmits,
  ) {
    this.clientEvents = new EventPatterns(config.clientEvents);
  }

  async join(socket: GatewaySocket, request: z.output<typeof roomJoinRequest>): Promise<JoinAnswer> {
    const { room, token, since, meta = false, presence = false } = request;
    this.assertPublic(socket, room);
    if (token !== undefined) await this.rights.addRoomToken(socket, token, room);
    // The socket may lose a right in every wait below: each use has a check in its own turn. [A7]
    const assertAllowed = (): void => this.assertMayJoin(socket, request);
    assertAllowed();
    if (meta && !this.histories.keeps(room)) throw new SwitchboardError('history.disabled');
    const elsewhere = this.privateRooms.assertNoSocketId(room);
    if (elsewhere) await elsewhere;
    if (since !== undefined) await this.slowConsumers.whenTaken(socket);
    assertAllowed();
    this.assertRoomForOneMore(socket, room);
    const wasIn = isInRoom(socket, room);
    try {
      const caughtUp = await this.entry.enter(socket, room, { since, meta, assertAllowed });
      assertAllowed();
      if (presence) await this.presence.watch(socket, room, () => this.allows(socket, 'presence', room));
      assertAllowed();
      // A position in a room that keeps no history: nothing can be proven of what came after it. [H2]
      const uncovered = since && !caughtUp ? { recovered: false, publications: [] } : {};
      socketState(socket).inbox?.charge(caughtUp?.publications);
      return { room, ...uncovered, ...caughtUp };
    } catch (failure) {
      // A join that fails leaves the socket where it was.
      if (!wasIn && socket.connected && isInRoom(socket, room)) await withdraw(socket, room);
      throw failure;
    }
  }

  async leave(socket: GatewaySocket, room: string): Promise<void> {
    this.assertPublic(socket, room);
    // Every socket of a user stays in the user's room for as long as it lives.
    if (room === userRoom(socketState(socket).user)) throw new SwitchboardError('access.denied');
    this.assertJoined(socket, room);
    this.rights.noLongerByRight(socket, room);
    await withdraw(socket, room);
  }

  async emit(socket: GatewaySocket, request: z.output<typeof roomEmitRequest>): Promise<string> {
    const { room, event, args, echo = false, volatile = false, id } = request;
    const { user } = socketState(socket);
    const publish = async (): Promise<string> => {
      this.assertMayEmit(socket, room, event);
      if (!volatile) this.histories.assertWithinQuota(room, user);
      const except = echo ? {} : { sockets: [socket.id] };
      const published = this.broadcaster.publish({
        to: { rooms: [room] },
        except,
        event,
        args,
        volatile,
        user,
      });
      return (await published).id;
    };
    if (id === undefined) return publish();
    this.assertMayEmit(socket, room, event);
    return this.repeatedEmits.once({ user, id, args, request: [room, event, args, echo, volatile] }, publish);
  }

  private assertMayEmit(socket: GatewaySocket, room: string, event: string): void {
    this.assertAllowed(socket, 'emit', room);
    const isOwn = room === userRoom(socketState(socket).user);
    if (!this.clientEvents.allows(event) || !(isOwn || this.rights.allows(socket, 'emit', room, event))) {
      throw new SwitchboardError('access.denied', { message: 'clients may not send this event here' });
    }
    this.assertJoined(socket, room);
  }

  async members(
    socket: GatewaySocket,
    { room, limit, cursor }: z.output<typeof roomMembersRequest>,
  ): Promise<MembersAnswer> {
    this.assertAllowed(socket, 'presence', room);
    const page = await (cursor === undefined && this.presence.isWatching(socket, room)
      ? this.membersForWatcher(socket, room, limit)
      : this.registry.getMembers(room, { limit, cursor }));
    this.assertAllowed(socket, 'presence', room);
    socketState(socket).inbox?.charge(page.items);
    return { members: page.items, total: page.total, next: page.next };
  }

  /** What it is told from then on begins where the list ends. */
  private async membersForWatcher(
    socket: GatewaySocket,
    room: string,
    limit: number | undefined,
  ): Promise<Page<MemberEntry>> {
    const listed = (): Promise<void> | void => this.presence.listed(socket, room);
    return this.engine.registry.firstMembers(room, limit, listed);
  }

  async history(
    socket: GatewaySocket,
    { room, since, limit }: z.output<typeof roomHistoryRequest>,
  ): Promise<HistoryAnswer> {
    this.assertAllowed(socket, 'history', room);
    // A rule of histories may fit the name of a socket of another node.
    const elsewhere = this.privateRooms.assertNoSocketId(room);
    if (elsewhere) await elsewhere;
    await this.slowConsumers.whenTaken(socket);
    this.assertAllowed(socket, 'history', room);
    const page = await this.histories.read(room, { since, limit });
    this.assertAllowed(socket, 'history', room);
    const answer = withinPacket(page);
    socketState(socket).inbox?.charge(answer.publications);
    return answer;
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

  /** Everything that a request to join asks for is allowed now. */
  private assertMayJoin(
    socket: GatewaySocket,
    { room, since, presence }: z.output<typeof roomJoinRequest>,
  ): void {
    this.assertAllowed(socket, 'join', room);
    if (since !== undefined) this.assertAllowed(socket, 'history', room);
    if (presence) this.assertAllowed(socket, 'presence', room);
  }

  private assertAllowed(socket: GatewaySocket, action: RoomAction, room: string): void {
    this.assertPublic(socket, room);
    if (!this.allows(socket, action, room)) throw new SwitchboardError('access.denied');
  }

  /** A socket that has ended has no rights: its token may have ended or been revoked. */
  private allows(socket: GatewaySocket, action: RoomAction, room: string): boolean {
    if (!socket.connected) return false;
    return room === userRoom(socketState(socket).user) || this.rights.allows(socket, action, room);
  }

  /** Neither a socket's own room nor another user's: they carry private traffic. [M3] */
  private assertPublic(socket: GatewaySocket, room: string): void {
    const isForeign = isUserRoom(room) && room !== userRoom(socketState(socket).user);
    if (isForeign || this.namespaces.isSocketId(room)) throw new SwitchboardError('access.denied');
  }

  private assertJoined(socket: GatewaySocket, room: string): void {
    if (!isInRoom(socket, room)) throw new SwitchboardError('room.not_joined');
  }

  private assertRoomForOneMore(socket: GatewaySocket, room: string): void {
    if (isInRoom(socket, room) || this.local.roomsOf(socket).length < this.config.maxRoomsPerSocket) return;
    throw new SwitchboardError('limit.rooms', {
      message: `this socket is in ${this.config.maxRoomsPerSocket} rooms, which is the limit`,
    });
  }
}
