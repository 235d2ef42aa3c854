import { Injectable } from '@nestjs/common';
import { Rights } from '../access/rights.js';
import { fanOutOf } from '../delivery/fan-out.adapter.js';
import { SwitchboardError } from '../protocol/errors.js';
import type { Position } from '../protocol/publication.js';
import { isUserRoom } from '../protocol/names.js';
import { isInRoom, withdraw } from '../sockets/membership.adapter.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { History, type CatchUp } from './history.service.js';
import { Recovery } from './recovery/recovery.service.js';

/** How a client wants to be in a room. */
export interface EntryRequest {
  readonly since?: Position;
  readonly meta: boolean;
  /** Throws when the socket has lost a right that the request needs; called in the turn in which the history is read. [A7] */
  readonly assertAllowed: () => void;
}

/**
 * Brings a socket into a room and up to date with its history, without a gap and without a double in between. [H3]
 *
 * The socket is in the room before the history is read. What arrives meanwhile is held back and sent after the answer,
 * which ends where that begins: what a client gets live also counts as received when it recovers. [H4]
 */
@Injectable()
export class JoinWithHistory {
  constructor(
    private readonly history: History,
    private readonly rights: Rights,
    private readonly recovery: Recovery,
  ) {}

  /** @throws SwitchboardError `engine.unavailable`, and then the socket is not in the room unless it was before */
  async enter(socket: GatewaySocket, room: string, request: EntryRequest): Promise<CatchUp | undefined> {
    // Its client may have come back as another socket with the same ID while this request was looked at.
    if (!socket.connected) throw new SwitchboardError('socket.not_found');
    if (!this.history.keeps(room)) {
      await this.join(socket, room, false);
      return undefined;
    }
    if (request.since === undefined) return this.told(socket, room, await this.joinAt(socket, room, request));
    const tracking = fanOutOf(socket).track(socket);
    tracking.hold();
    try {
      const caughtUp = await this.joinAt(socket, room, request);
      return this.told(socket, room, caughtUp && endBefore(tracking.firstHeldOffset(room), caughtUp));
    } finally {
      // The answer is written when this turn ends: what was held comes after it.
      setImmediate(() => fanOutOf(socket).catchUp(socket, tracking.release()));
    }
  }

  /**
   * The answer carries no cursor: should the client break before its next event, its session knows what it had. Where
   * shared state is elsewhere something may be published between the session's coming in and that of the socket.
   */
  private told(socket: GatewaySocket, room: string, caughtUp: CatchUp | undefined): CatchUp | undefined {
    if (caughtUp && isInRoom(socket, room)) {
      this.recovery.caughtUp(socketState(socket), room, { epoch: caughtUp.epoch, offset: caughtUp.offset });
    }
    return caughtUp;
  }

  private async joinAt(
    socket: GatewaySocket,
    room: string,
    { since, meta, assertAllowed }: EntryRequest,
  ): Promise<CatchUp | undefined> {
    const wasIn = isInRoom(socket, room);
    const wasTold = fanOutOf(socket).trackingOf(socket)?.metaRooms.has(room) === true;
    await this.join(socket, room, meta);
    try {
      assertAllowed();
      return await this.history.catchUp(room, since);
    } catch (failure) {
      // A client that did not ask for a position can do without one; the others are told, and are where they were.
      if (since === undefined && !meta) return undefined;
      if (!socket.connected) throw failure;
      if (!wasIn) await withdraw(socket, room);
      else if (meta && !wasTold) this.tellNoPositions(socket, room);
      throw failure;
    }
  }

  private tellNoPositions(socket: GatewaySocket, room: string): void {
    fanOutOf(socket).trackingOf(socket)?.metaRooms.delete(room);
    void this.recovery.joined(socketState(socket), room);
  }

  private async join(socket: GatewaySocket, room: string, meta: boolean): Promise<void> {
    const wasIn = isInRoom(socket, room);
    if (meta) fanOutOf(socket).track(socket).metaRooms.add(room);
    // Where a backend has put it, it stays, and every socket of a user in the user's room, whatever its token says.
    if (!wasIn && !isUserRoom(room)) this.rights.joinedByRight(socket, room);
    if (this.history.keeps(room)) fanOutOf(socket).comesIn(socket, room);
    // To Socket.IO the user's room is none.
    if (!isUserRoom(room)) await socket.join(room);
    if (wasIn) void this.recovery.joined(socketState(socket), room);
  }
}

function endBefore(offset: number | undefined, caughtUp: CatchUp): CatchUp {
  if (offset === undefined || offset > caughtUp.offset) return caughtUp;
  const publications = caughtUp.publications?.filter((each) => each.offset < offset);
  return { ...caughtUp, offset: offset - 1, publications };
}
