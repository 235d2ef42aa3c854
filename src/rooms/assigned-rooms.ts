import { Injectable } from '@nestjs/common';
import { isInRoom } from '../sockets/membership.adapter.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { Arriving, Participant } from '../sockets/participants.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { PrivateRooms } from './private-rooms.js';

/** Puts a socket into the rooms that a backend has named with its identity, whatever its `caps` say. [B6] */
@Injectable()
export class AssignedRooms implements Participant {
  private readonly assigned = new WeakMap<GatewaySocket, readonly string[]>();

  constructor(
    private readonly privateRooms: PrivateRooms,
    private readonly namespaces: Namespaces,
  ) {}

  /** @throws SwitchboardError `access.denied` for a room that is a socket's own [M3] */
  arriving({ socket, identity }: Arriving): Promise<void> | void {
    const rooms = identity?.rooms;
    if (rooms === undefined || rooms.length === 0) return;
    this.assigned.set(socket, rooms);
    const elsewhere = rooms.flatMap((room) => this.privateRooms.assertNoSocketId(room) ?? []);
    if (elsewhere.length > 0) return Promise.all(elsewhere).then(() => undefined);
  }

  connected(socket: GatewaySocket): void {
    const rooms = this.assigned.get(socket);
    if (!rooms) return;
    this.assigned.delete(socket);
    if (!socket.connected) return;
    for (const room of rooms) {
      // A socket may have come in under that ID since it was looked up.
      if (!isInRoom(socket, room) && !this.namespaces.isSocketId(room)) void socket.join(room);
    }
  }
}
