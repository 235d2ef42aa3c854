import type { Adapter } from 'socket.io-adapter';
import { PacketType, type Packet } from 'socket.io-parser';
import type { Stamp } from '../engine/log.js';
import { divertPackets } from '../platform/socket-of-io.js';
import type { Publication } from '../protocol/publication.js';
import { socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { PAST_THE_LOG } from './direct-emits.js';
import { Encodings, type AckRequestEncodings } from './encoding.js';
import type { Outbound } from './outbound.js';
import type { TrackedSockets } from './tracked-sockets.js';
import type { Tracking } from './tracking.js';
import { UnplacedDelivery, type Place } from './unplaced.js';

/** A packet that waits for no publication: it is about the moment, or no event. */
const isSaidAtOnce = ({ type, data }: Packet): boolean =>
  type !== PacketType.EVENT || PAST_THE_LOG.has(String((data as readonly unknown[])[0]));

/**
 * The order of what is said to sockets that track positions while they wait for the place of a publication: whatever the
 * node says to them, or does to them, meanwhile comes behind it. [D4]
 */
export class UnplacedDeliveries {
  /** Publications that sockets wait for; by ID, in the order in which they were accepted. */
  private readonly deliveries = new Map<string, UnplacedDelivery>();

  constructor(
    private readonly adapter: Adapter,
    private readonly tracked: TrackedSockets,
    private readonly outbound: Outbound,
  ) {}

  /** Gives a publication to a socket that tracks positions: now, or in its turn. */
  give(
    socket: GatewaySocket,
    tracking: Tracking,
    encodings: Encodings | AckRequestEncodings,
    publication: Publication,
    place: Place,
  ): void {
    if (place === 'later') {
      let delivery = this.deliveries.get(publication.id);
      if (!delivery) {
        this.deliveries.set(publication.id, (delivery = new UnplacedDelivery(publication, encodings)));
      }
      delivery.sockets.add(socket);
      tracking.waitsFor = delivery;
    } else if (place === 'here') {
      this.inTurn(socket, tracking, () =>
        this.tracked.give(socket, tracking, encodings, publication, this.hereNow),
      );
    } else {
      this.tracked.give(socket, tracking, encodings, publication, place);
    }
  }

  /** Where something stands that has no place, now that it is said. */
  private get hereNow(): Stamp {
    return { cursor: this.outbound.cursor, positions: undefined };
  }

  /** Says something to a socket behind what it waits for. */
  private inTurn(socket: GatewaySocket, { waitsFor }: Tracking, say: () => void): void {
    if (waitsFor) waitsFor.sayBehind(socket, say);
    else say();
  }

  /** Packets to the one socket, and its disconnection, come behind the publications that it waits for. */
  keepInOrder(socket: GatewaySocket, tracking: Tracking): void {
    const disconnect = socket.disconnect.bind(socket);
    socket.disconnect = (close) => {
      // Once: Socket.IO calls it again to end the connection.
      socket.disconnect = disconnect;
      this.giveBeforeEnd(socket);
      return disconnect(close);
    };
    divertPackets(socket, (packet, send) => {
      if (isSaidAtOnce(packet)) send();
      else this.inTurn(socket, tracking, send);
    });
  }

  /**
   * The place of a publication is known: the sockets that have waited for it get it, whatever the node has done to them
   * since.
   *
   * @returns those sockets
   */
  placed({ id }: Publication, stamp: Stamp): ReadonlySet<GatewaySocket> {
    const delivery = this.deliveries.get(id);
    if (!delivery) return NO_SOCKETS;
    this.deliveries.delete(id);
    const waited = new Set(delivery.sockets);
    try {
      for (const socket of waited) this.giveWaiting(socket, delivery, stamp);
    } finally {
      // A publication that cannot be encoded holds up no socket: what comes behind it is said all the same.
      for (const socket of delivery.sockets) this.goOn(socket, delivery);
    }
    return waited;
  }

  /** The sockets that wait for the place of a publication. */
  waitingFor({ id }: Publication): Iterable<GatewaySocket> {
    return this.deliveries.get(id)?.sockets ?? NO_SOCKETS;
  }

  private giveWaiting(
    socket: GatewaySocket,
    delivery: UnplacedDelivery,
    stamp: Stamp,
    encodings: Encodings | AckRequestEncodings = delivery.encodings,
  ): void {
    const tracking = this.tracked.of(socket);
    const { publication } = delivery;
    try {
      // Its client may be back as another socket with the same ID, and has been given it as missed.
      if (!tracking || !socket.connected) return;
      if (tracking.isStillFor(publication, socket.id, socketState(socket).user)) {
        this.tracked.give(socket, tracking, encodings, publication, stamp);
      }
    } finally {
      this.goOn(socket, delivery);
    }
  }

  /** The socket waits for the delivery no longer. */
  private goOn(socket: GatewaySocket, delivery: UnplacedDelivery): void {
    const next = delivery.done(socket);
    if (!socket.connected) return;
    const tracking = this.tracked.of(socket);
    if (tracking?.waitsFor === delivery) tracking.waitsFor = undefined;
    tracking?.settled();
    for (const say of next) say();
  }

  /**
   * A socket that is about to be disconnected gets what has been said to it before: it would wait for the place of that
   * in vain. Its session ends with it, so that nobody asks for the place again.
   */
  giveBeforeEnd(socket: GatewaySocket): void {
    const tracking = this.tracked.of(socket);
    // What it has missed is given as fast as it reads, and what has arrived live waits behind that.
    if (!tracking || tracking.replay || !socket.connected) return;
    this.tracked.giveHeld(socket, tracking);
    // Its client takes a text that stands last for a cursor.
    const stamp = { cursor: tracking.lastCursor ?? this.hereNow.cursor, positions: undefined };
    for (const delivery of this.deliveries.values()) {
      if (!tracking.waitsFor) return;
      if (!delivery.sockets.has(socket)) continue;
      const { publication, encodings } = delivery;
      // The forms that the others get have their cursors.
      const own = encodings instanceof Encodings ? new Encodings(this.adapter, publication) : encodings;
      this.giveWaiting(socket, delivery, stamp, own);
    }
  }
}

const NO_SOCKETS: ReadonlySet<GatewaySocket> = new Set();
