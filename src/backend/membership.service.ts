import { Injectable } from '@nestjs/common';
import { Rights } from '../access/rights.js';
import { endSocket } from '../sockets/end-socket.js';
import { Engine, type NodeCommand } from '../engine/engine.js';
import type { Subject } from '../protocol/publication.js';
import type { Answer } from '../engine/log.js';
import { SwitchboardError } from '../protocol/errors.js';
import { isUserRoom } from '../protocol/names.js';
import { Namespaces } from '../sockets/namespaces.js';
import { toProblemError } from '../http/problem.js';
import { StandingOrders } from './standing-orders.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { PrivateRooms } from '../rooms/private-rooms.js';

/**
 * What a backend does to sockets, on whatever node they are: move them between rooms, and end them.
 *
 * A session whose client is away has no socket. What takes something away from it holds for it all the same, or its
 * client would come back with that; what gives something is for those who are there. [H4]
 */
@Injectable()
export class MembershipService {
  constructor(
    private readonly namespaces: Namespaces,
    private readonly rights: Rights,
    private readonly engine: Engine,
    private readonly privateRooms: PrivateRooms,
    private readonly orders: StandingOrders,
  ) {}

  /** @throws SwitchboardError `socket.not_found` for a socket; a user without sockets is not an error */
  async join(subject: Subject, room: string): Promise<void> {
    await this.move(subject, 'join', room);
  }

  /** @throws SwitchboardError `socket.not_found` for a socket; a user without sockets is not an error */
  async leave(subject: Subject, room: string): Promise<void> {
    await this.move(subject, 'leave', room);
  }

  /**
   * Ends sockets and resolves when they have left the registry.
   *
   * @param reconnect lets stock clients come back by themselves
   * @returns how many were ended
   * @throws SwitchboardError `socket.not_found` for a socket, `engine.unavailable` when it may be on a node that cannot be reached
   */
  async disconnect(subject: Subject, reconnect: boolean): Promise<number> {
    const command = { do: 'disconnect', subject, reconnect } as const;
    const here = () => this.disconnectHere(subject, reconnect);
    return this.everywhere(command, here, () =>
      reconnect ? undefined : this.engine.sessions.closeOf(subject),
    );
  }

  /** Moves those of the sockets that are on this node and returns how many these are. */
  async moveHere(subject: Subject, change: 'join' | 'leave', room: string): Promise<number> {
    // A socket may have come in under that ID since it was looked up. [M3] [A7]
    if (change === 'join' && this.namespaces.isSocketId(room)) throw new SwitchboardError('access.denied');
    const sockets = this.socketsOf(subject);
    await Promise.all(
      sockets.map((socket) => {
        this.rights.noLongerByRight(socket, room);
        return change === 'join' ? socket.join(room) : socket.leave(room);
      }),
    );
    return sockets.length;
  }

  /** Ends those of the sockets that are on this node and returns how many these are. */
  async disconnectHere(subject: Subject, reconnect: boolean): Promise<number> {
    const sockets = this.socketsOf(subject);
    const kicked = new SwitchboardError('kicked', { retryable: reconnect });
    await Promise.all(sockets.map((socket) => endSocket(socket, kicked)));
    return sockets.length;
  }

  private async move(subject: Subject, change: 'join' | 'leave', room: string): Promise<void> {
    const elsewhere = this.assertShared(room);
    if (elsewhere) await elsewhere;
    await this.everywhere(
      { do: change, subject, room },
      () => this.moveHere(subject, change, room),
      () => (change === 'leave' ? this.engine.sessions.leaveOf(subject, room) : undefined),
    );
  }

  /** A socket is on one node; a user's may be on several. */
  private async everywhere(
    command: NodeCommand & { readonly subject: Subject },
    here: () => Promise<number>,
    inSessions: () => Answer<void>,
  ): Promise<number> {
    const isOneSocket = 'socketId' in command.subject;
    // The sockets here need nobody else, and wait for nobody. [A8]
    const atOnce = here();
    if (isOneSocket && (await atOnce) > 0) return atOnce;
    try {
      // First: whose client comes back after this comes back without it, and whoever was back before is a socket by now.
      await Promise.all([inSessions(), atOnce]);
      const found = await atOnce;
      const [sockets, others] = await Promise.all([here(), this.engine.command(command)]);
      if (isOneSocket && sockets + others === 0) throw new SwitchboardError('socket.not_found');
      return found + sockets + others;
    } catch (failure) {
      if (toProblemError(failure).code === 'engine.unavailable') this.orders.stand(command, inSessions);
      throw failure;
    }
  }

  private socketsOf(subject: Subject): GatewaySocket[] {
    if ('user' in subject) return [...this.namespaces.socketsOfUser(subject.user)];
    const socket = this.namespaces.findSocket(subject.socketId);
    return socket ? [socket] : [];
  }

  /** A socket's own room and users' rooms follow from who is connected; nobody is put there by hand. [M3] */
  private assertShared(room: string): Promise<void> | undefined {
    if (isUserRoom(room)) throw new SwitchboardError('access.denied');
    return this.privateRooms.assertNoSocketId(room);
  }
}
