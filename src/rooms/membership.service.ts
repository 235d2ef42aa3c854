import { Injectable } from '@nestjs/common';
import { Rights } from '../access/rights.js';
import { endSocket } from '../delivery/end-socket.js';
import { SwitchboardError } from '../protocol/errors.js';
import { isUserRoom } from '../protocol/names.js';
import { Namespaces } from '../registry/namespaces.js';
import type { GatewaySocket } from '../registry/socket-state.js';

/** Whose sockets a backend means: one socket, or all of a user's. */
export type Subject = { readonly socketId: string } | { readonly user: string };

/** What a backend does to sockets: move them between rooms, and end them. */
@Injectable()
export class MembershipService {
  constructor(
    private readonly namespaces: Namespaces,
    private readonly rights: Rights,
  ) {}

  /** @throws SwitchboardError `socket.not_found` for a socket; a user without sockets is not an error */
  async join(subject: Subject, room: string): Promise<void> {
    this.assertShared(room);
    await Promise.all(
      this.socketsOf(subject).map((socket) => {
        this.rights.noLongerByRight(socket, room);
        return socket.join(room);
      }),
    );
  }

  /** @throws SwitchboardError `socket.not_found` for a socket; a user without sockets is not an error */
  async leave(subject: Subject, room: string): Promise<void> {
    this.assertShared(room);
    await Promise.all(
      this.socketsOf(subject).map((socket) => {
        this.rights.noLongerByRight(socket, room);
        return socket.leave(room);
      }),
    );
  }

  /**
   * Ends sockets and resolves when they have left the registry.
   *
   * @param reconnect lets stock clients come back by themselves
   * @returns how many were ended
   * @throws SwitchboardError `socket.not_found` for a socket
   */
  async disconnect(subject: Subject, reconnect: boolean): Promise<number> {
    const sockets = this.socketsOf(subject);
    const kicked = new SwitchboardError('kicked', { retryable: reconnect });
    await Promise.all(sockets.map((socket) => endSocket(socket, kicked)));
    return sockets.length;
  }

  private socketsOf(subject: Subject): GatewaySocket[] {
    if ('user' in subject) return [...this.namespaces.socketsOfUser(subject.user)];
    const socket = this.namespaces.findSocket(subject.socketId);
    if (!socket) throw new SwitchboardError('socket.not_found');
    return [socket];
  }

  /** A socket's own room and users' rooms follow from who is connected; nobody is put there by hand. [M3] */
  private assertShared(room: string): void {
    if (isUserRoom(room) || this.namespaces.isSocketId(room)) throw new SwitchboardError('access.denied');
  }
}
