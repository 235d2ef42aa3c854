import { Logger } from '@nestjs/common';
import type { Adapter } from 'socket.io-adapter';
import type { Stamp } from '../engine/log.js';
import { NOTICE } from '../protocol/events.js';
import type { Publication } from '../protocol/publication.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { logFailure } from '../telemetry/log.js';
import { Encodings, type AckRequestEncodings } from './encoding.js';
import type { Outbound } from './outbound.js';
import type { HeldPublication } from './held-publication.js';
import { ReplayEncodings } from './replay-encodings.js';
import { Replay } from './replay.js';
import type { SocketWriter } from './socket-writer.js';
import { Tracking } from './tracking.js';

const logger = new Logger('Delivery');

/** A notice that was addressed to a watcher while it was away is not for one that has lost its room meanwhile. [A7] */
const isPresenceOf = (
  { event, args }: Publication,
  watchedRooms: ReadonlyMap<string, unknown> | undefined,
): boolean =>
  event !== NOTICE.roomPresence || watchedRooms?.has((args[0] as { readonly room: string }).room) === true;

/**
 * The sockets of a namespace that track positions, and how one of them is given a publication whose place is known: now,
 * when it has caught up, or behind what it has missed.
 */
export class TrackedSockets {
  private readonly trackings = new Map<string, Tracking>();
  /** How many publications had been accepted when a socket last came in with all that had no place. */
  private cameInAt = 0;
  private readonly encodings: ReplayEncodings;

  constructor(
    adapter: Adapter,
    private readonly writer: SocketWriter,
    private readonly outbound: Outbound,
  ) {
    this.encodings = new ReplayEncodings(adapter);
  }

  get size(): number {
    return this.trackings.size;
  }

  /** What a socket that tracks positions is told; `undefined` for all others. */
  of(socket: GatewaySocket): Tracking | undefined {
    return this.trackings.size === 0 ? undefined : this.trackings.get(socket.id);
  }

  named(socketId: string): Tracking | undefined {
    return this.trackings.get(socketId);
  }

  /**
   * Adds a socket, until it ends.
   *
   * @param rooms that it is in; `undefined` for one that recovers, which is told what it has missed
   */
  add(socket: GatewaySocket, rooms: ReadonlySet<string> | undefined): Tracking {
    const tracking = new Tracking(rooms === undefined, rooms && { accepted: this.outbound.accepted, rooms });
    this.trackings.set(socket.id, tracking);
    return tracking;
  }

  /** A socket has ended. */
  remove(socketId: string): void {
    this.trackings.get(socketId)?.replay?.stop();
    this.trackings.delete(socketId);
  }

  /** The client of a socket is about to be told what there was in a room, or in all of its rooms. */
  comesIn(socket: GatewaySocket, room?: string): void {
    const tracking = this.of(socket);
    if (!tracking) return;
    this.cameInAt = this.outbound.accepted;
    tracking.comesIn(this.cameInAt, room);
  }

  /** Whether some socket has come in since a publication was accepted, and so may be owed it. */
  hasComeInSince(acceptedAs: number): boolean {
    return acceptedAs <= this.cameInAt;
  }

  /** Gives a socket a publication, in order with what it has missed. */
  give(
    socket: GatewaySocket,
    tracking: Tracking,
    encodings: Encodings | AckRequestEncodings,
    publication: Publication,
    stamp: Stamp,
  ): void {
    if (!(encodings instanceof Encodings)) this.giveAsking(socket, encodings, tracking, stamp);
    else if (tracking.keep(publication, stamp)) this.outbound.watch?.exceptNow(socket, 'waiting');
    else this.giveNow(socket, encodings, tracking, stamp, publication);
  }

  private giveNow(
    socket: GatewaySocket,
    encodings: Encodings,
    tracking: Tracking,
    stamp: Stamp,
    publication: Publication,
  ): void {
    const encoding = encodings.with(tracking, stamp);
    if (tracking.replay) {
      if (!publication.volatile) this.outbound.watch?.exceptNow(socket, 'waiting');
      tracking.replay.addLive({ publication, stamp }, encoding);
      return;
    }
    // Before it is written: that may end the socket, and then nobody knows whether it arrived.
    tracking.lastCursor = stamp.cursor;
    this.writer.put(socket, encoding, publication.volatile);
  }

  private giveAsking(
    socket: GatewaySocket,
    encodings: AckRequestEncodings,
    tracking: Tracking,
    stamp: Stamp,
  ): void {
    if (!socket.connected) return;
    const { publication } = encodings;
    const encoding = encodings.with(tracking, stamp);
    if (tracking.keep(publication, stamp, encoding)) return;
    if (tracking.replay) tracking.replay.addLive({ publication, stamp, asks: true }, encoding);
    else this.writer.put(socket, encoding, publication.volatile);
  }

  /** Gives a socket that is about to end what was held back for it. */
  giveHeld(socket: GatewaySocket, tracking: Tracking): void {
    for (const { publication, stamp, encoding } of tracking.takeHeld()) {
      this.writer.put(
        socket,
        encoding ?? this.encodings.with(tracking, { publication, stamp }),
        publication.volatile,
      );
    }
  }

  /** Gives one socket what it has missed or what was held back for it, in order, as fast as its client takes it. */
  catchUp(socket: GatewaySocket, missed: readonly HeldPublication[]): void {
    const tracking = this.of(socket);
    if (!tracking || missed.length === 0) return;
    tracking.replay ??= this.replayTo(socket, tracking);
    tracking.replay.add(missed);
  }

  private replayTo(socket: GatewaySocket, tracking: Tracking): Replay {
    return new Replay(
      {
        ...this.writer.backlogOf(socket),
        encode: (held) => this.encodings.with(tracking, held),
        put: ({ publication, stamp, asks }, encoding) => {
          const { user, watchedRooms } = socketState(socket);
          if (!tracking.isStillFor(publication, socket.id, user)) return;
          if (!isPresenceOf(publication, watchedRooms)) return;
          if (!asks) tracking.lastCursor = stamp.cursor;
          this.writer.put(socket, encoding, false);
          this.outbound.watch?.except(publication.id, socket.id, 'replayed');
        },
        failed: (failure) => {
          logFailure(logger, 'what a socket has missed could not be sent', failure);
          // Those who are told of its coming are told first.
          process.nextTick(() => socket.conn.close(true));
        },
      },
      () => {
        tracking.replay = undefined;
        tracking.settled();
      },
    );
  }
}
