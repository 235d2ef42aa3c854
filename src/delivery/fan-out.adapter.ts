import { Logger } from '@nestjs/common';
import type { Namespace } from 'socket.io';
import { PacketType, type Packet } from 'socket.io-parser';
import type { Stamp } from '../engine/log.js';
import { logFailure } from '../telemetry/log.js';
import { presenceRoom, userRoom } from '../protocol/names.js';
import { NOTICE } from '../protocol/events.js';
import type { Publication, Selection, Target } from '../protocol/publication.js';
import type { MembershipObserver } from '../sockets/membership.adapter.js';
import type { Namespaces } from '../sockets/namespaces.js';
import { roomNameOf } from '../sockets/room-names.js';
import { findSocketState, sentIn, socketState, type GatewaySocket } from '../sockets/socket-state.js';
import { PAST_THE_LOG, takeDirectEmits } from './direct-emits.js';
import { SharedAdapter, type Outbound } from './shared.adapter.js';
import { selectRooms, type Excepted, type RoomSelection } from './targets.js';
import { Replay, type Backlog } from './replay.js';
import { Tracking } from './tracking.js';
import type { HeldPublication } from './held-publication.js';
import { isReady, type TurnWriter } from './turn-writer.js';
import { noteSent } from './vitals.js';
import { UnplacedDelivery, type Place } from './unplaced.js';
import {
  AckRequestEncodings,
  bytesOf,
  encodeForOne,
  eventPacket,
  Wires,
  type PacketOptions,
  type Encoding,
} from './encoding.js';

const logger = new Logger('Delivery');

/** Receives a socket's acknowledgement. */
export type OnAcknowledgement = (socket: GatewaySocket, args: unknown[]) => void;

/** Told that a socket has ended without having answered. */
export type OnGone = (socket: GatewaySocket) => void;

/** A delivery that waits for acknowledgements; `cancel` forgets those that did not come. */
export interface AwaitedDelivery {
  readonly sockets: readonly GatewaySocket[];
  cancel(): void;
}

/** What ends sockets that do not read in time. [Q3] */
export interface Backlogs {
  /** Told of every socket that was written to past the writer. */
  check(socket: GatewaySocket): void;
  /** Told of what a client is sent because it asked for it, where that is a lot, before it is written. */
  asked(socket: GatewaySocket, bytes: number): void;
  backlogOf(socket: GatewaySocket): Backlog;
  /** Told of every volatile publication that a socket was not ready for. [D10] */
  dropped(socket: GatewaySocket): void;
}

/** Smaller ones are like everything else that a socket is sent. */
const LARGE_ANSWER_BYTES = 65_536;

/** Numbers the requests for acknowledgements. */
type CountingNamespace = Namespace & { _ids: number };

interface SocketInternals {
  readonly acks: Map<number, (...args: unknown[]) => void>;
  readonly client: {
    readonly conn: object;
    writeToEngine(packets: readonly unknown[], options: PacketOptions): void;
  };
  readonly _anyOutgoingListeners?: readonly unknown[];
  notifyOutgoingListeners(packet: Packet): void;
  packet(packet: Packet, options?: unknown): void;
}

const internals = (socket: GatewaySocket): SocketInternals => socket as unknown as SocketInternals;

/** A packet that waits for no publication: it is about the moment, or no event. */
const isSaidAtOnce = ({ type, data }: Packet): boolean =>
  type !== PacketType.EVENT || PAST_THE_LOG.has(String((data as readonly unknown[])[0]));

/** A notice that was addressed to a watcher while it was away is not for one that has lost its room meanwhile. [A7] */
const isPresenceOf = (
  { event, args }: Publication,
  watchedRooms: ReadonlyMap<string, unknown> | undefined,
): boolean =>
  event !== NOTICE.roomPresence || watchedRooms?.has((args[0] as { readonly room: string }).room) === true;

/**
 * The fan-out: puts one publication on the wire for every local socket it is for.
 *
 * The packet is encoded and framed once and shared by all recipients. Everything leaves in the turn in which it was
 * accepted, in the order of acceptance, in one write per connection. [D4] [D8]
 */
export class FanOutAdapter extends SharedAdapter {
  /** The sockets of this namespace that track positions. */
  private readonly trackers = new Map<string, Tracking>();
  /** Deliveries that wait for acknowledgements, by the number that they went out with. */
  private readonly awaited = new Map<number, OnGone>();
  /** Publications that sockets wait for because they have no place yet; by ID, in order. */
  private readonly unplaced = new Map<string, UnplacedDelivery>();
  /** How many publications had been accepted when a socket last came in with all that had no place. */
  private cameInAt = 0;

  constructor(
    nsp: Namespace,
    namespaces: Namespaces,
    private readonly writer: TurnWriter,
    private readonly backlogs: Backlogs,
    outbound?: Outbound,
    observer?: MembershipObserver,
  ) {
    super(nsp, namespaces, outbound, observer);
  }

  override addAll(id: string, rooms: Set<string>): Promise<void> | void {
    const tracking = this.trackers.get(id);
    if (tracking) for (const room of rooms) tracking.entered(roomNameOf(room));
    else if (rooms.has(id)) this.trackNew(id);
    return super.addAll(id, rooms);
  }

  /**
   * A socket that recovers is in the namespace now, and reaches its session a moment later: what an app sends it in between
   * waits for that.
   */
  private trackNew(id: string): void {
    const socket = this.nsp.sockets.get(id) as GatewaySocket | undefined;
    if (socket && findSocketState(socket)?.session) this.track(socket, true).hold();
  }

  override del(id: string, room: string): Promise<void> | void {
    this.trackers.get(id)?.left(roomNameOf(room));
    return super.del(id, room);
  }

  override watch(id: string, room: string): void {
    this.trackers.get(id)?.entered(presenceRoom(room));
    super.watch(id, room);
  }

  override unwatch(id: string, room: string): void {
    this.trackers.get(id)?.lost(presenceRoom(room));
    super.unwatch(id, room);
  }

  override loses(id: string, room: string): void {
    this.trackers.get(id)?.lost(room);
  }

  /** A session gives its client what waits, when it is back. */
  override ends(socket: GatewaySocket, comesBack: boolean): void {
    if (!comesBack || this.trackingOf(socket)?.recovers === false) this.giveUnplaced(socket);
  }

  /**
   * The client of a socket is about to be told what there was in a room, or in all of its rooms: what has no place yet
   * stands in no list, and comes live. [H3] [H4]
   */
  comesIn(socket: GatewaySocket, room?: string): void {
    const tracking = this.trackingOf(socket);
    if (!tracking || !this.outbound) return;
    this.cameInAt = this.outbound.accepted;
    tracking.comesIn(this.cameInAt, room);
  }

  /** Socket.IO calls it in the middle of a socket's end: nothing that fails here may get out. [L4] */
  override delAll(id: string): void {
    try {
      super.delAll(id);
    } catch (failure) {
      logFailure(logger, 'a socket could not leave its rooms', failure);
    }
    this.trackers.get(id)?.replay?.stop();
    this.trackers.delete(id);
  }

  /**
   * Delivers and returns how many sockets it was for.
   *
   * Sockets that track positions are told its place. Where that comes later they wait for {@link placed}.
   */
  deliver(publication: Publication, selection: RoomSelection, place: Place): number {
    const wires = new Wires(this, publication);
    let recipients = 0;
    this.select(selection, (socket) => {
      recipients++;
      const tracking = this.trackingOf(socket);
      if (!tracking) this.put(socket, wires.plain, publication.volatile);
      else this.putAt(socket, tracking, wires, publication, place);
    });
    return recipients;
  }

  /** To a socket that tracks positions: now, or in its turn. */
  private putAt(
    socket: GatewaySocket,
    tracking: Tracking,
    wires: Wires | AckRequestEncodings,
    publication: Publication,
    place: Place,
  ): void {
    if (place === 'later') {
      let delivery = this.unplaced.get(publication.id);
      if (!delivery) {
        this.unplaced.set(publication.id, (delivery = new UnplacedDelivery(publication, wires)));
      }
      delivery.sockets.add(socket);
      tracking.waitsFor = delivery;
    } else if (place === 'here') {
      this.inTurn(socket, tracking, () => this.putNow(socket, tracking, wires, publication, this.hereNow));
    } else {
      this.putNow(socket, tracking, wires, publication, place);
    }
  }

  /** Where something stands that has no place, now that it is said. */
  private get hereNow(): Stamp {
    return { cursor: this.outbound!.cursor, positions: undefined };
  }

  /** Says something to a socket behind what it waits for. */
  private inTurn(socket: GatewaySocket, { waitsFor }: Tracking, say: () => void): void {
    if (waitsFor) waitsFor.sayBehind(socket, say);
    else say();
  }

  private putNow(
    socket: GatewaySocket,
    tracking: Tracking,
    wires: Wires | AckRequestEncodings,
    publication: Publication,
    stamp: Stamp,
  ): void {
    if (!(wires instanceof Wires)) this.putAsking(socket, wires, tracking, stamp);
    else if (tracking.keep(publication, stamp)) this.outbound?.watch?.exceptNow(socket, 'waiting');
    else this.putTracked(socket, wires, tracking, stamp, publication);
  }

  /**
   * Where an own publication stands that was delivered without a place: to the sockets that have waited for it, whatever
   * the node has done to them since, and to those that came in since and were told only what has a place. [D4] [H3]
   *
   * @param asks whether it asks for acknowledgements; who came in since is not waited for
   * @returns how many sockets were given it
   */
  placed(
    publication: Publication,
    selection: RoomSelection,
    stamp: Stamp,
    acceptedAs: number,
    asks: boolean,
  ): number {
    const delivery = this.unplaced.get(publication.id);
    this.unplaced.delete(publication.id);
    const waited = new Set(delivery?.sockets);
    try {
      for (const socket of waited) this.giveWaiting(socket, delivery!, stamp);
    } finally {
      // A publication that cannot be encoded holds up no socket: what comes behind it is said all the same.
      for (const socket of delivery?.sockets ?? []) this.goOn(socket, delivery!);
    }
    let recipients = waited.size;
    if (acceptedAs > this.cameInAt) return recipients;
    let wires: Wires | AckRequestEncodings | undefined;
    this.select(selection, (socket) => {
      const tracking = this.trackingOf(socket);
      if (!tracking?.isOwed(acceptedAs, selection.rooms) || waited.has(socket)) return;
      // It got this one when it did not track positions yet.
      if (tracking.had(acceptedAs, selection.rooms)) return;
      recipients++;
      wires ??= asks ? this.askingAgain(publication) : new Wires(this, publication);
      this.putNow(socket, tracking, wires, publication, stamp);
    });
    return recipients;
  }

  private askingAgain(publication: Publication): AckRequestEncodings {
    return new AckRequestEncodings(this, publication, (this.nsp as CountingNamespace)._ids++);
  }

  /** The sockets that wait for the place of a publication. */
  waitingFor({ id }: Publication): Iterable<GatewaySocket> {
    return this.unplaced.get(id)?.sockets ?? [];
  }

  private giveWaiting(
    socket: GatewaySocket,
    delivery: UnplacedDelivery,
    stamp: Stamp,
    wires: Wires | AckRequestEncodings = delivery.wires,
  ): void {
    const tracking = this.trackingOf(socket);
    const { publication } = delivery;
    try {
      // Its client may be back as another socket with the same ID, and has been given it as missed.
      if (!tracking || !socket.connected) return;
      if (tracking.isStillFor(publication, socket.id, socketState(socket).user)) {
        this.putNow(socket, tracking, wires, publication, stamp);
      }
    } finally {
      this.goOn(socket, delivery);
    }
  }

  /** The socket waits for the delivery no longer. */
  private goOn(socket: GatewaySocket, delivery: UnplacedDelivery): void {
    const next = delivery.done(socket);
    if (!socket.connected) return;
    const tracking = this.trackingOf(socket);
    if (tracking?.waitsFor === delivery) tracking.waitsFor = undefined;
    tracking?.settled();
    for (const say of next) say();
  }

  /** Gives one socket what it has missed or what was held back for it, in order, as fast as its client takes it. */
  catchUp(socket: GatewaySocket, missed: readonly HeldPublication[]): void {
    const tracking = this.trackingOf(socket);
    if (!tracking || missed.length === 0) return;
    tracking.replay ??= this.replayTo(socket, tracking);
    tracking.replay.add(missed);
  }

  private replayTo(socket: GatewaySocket, tracking: Tracking): Replay {
    return new Replay(
      {
        ...this.backlogs.backlogOf(socket),
        encode: ({ publication, stamp }) =>
          encodeForOne(this, eventPacket(this.nsp, publication, tracking.suffixOf(publication, stamp).args)),
        put: ({ publication, stamp, asks }, wire) => {
          const { user, watchedRooms } = socketState(socket);
          if (!tracking.isStillFor(publication, socket.id, user)) return;
          if (!isPresenceOf(publication, watchedRooms)) return;
          if (!asks) tracking.lastCursor = stamp.cursor;
          this.put(socket, wire, false);
          this.outbound?.watch?.except(publication.id, socket.id, 'replayed');
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

  private putTracked(
    socket: GatewaySocket,
    wires: Wires,
    tracking: Tracking,
    stamp: Stamp,
    publication: Publication,
  ): void {
    const wire = wires.with(tracking, stamp);
    if (tracking.replay) {
      if (!publication.volatile) this.outbound?.watch?.exceptNow(socket, 'waiting');
      tracking.replay.addLive({ publication, stamp }, wire);
      return;
    }
    // Before it is written: that may end the socket, and then nobody knows whether it arrived.
    tracking.lastCursor = stamp.cursor;
    this.put(socket, wire, publication.volatile);
  }

  get tracksPositions(): boolean {
    return this.trackers.size > 0;
  }

  /** What a socket that tracks positions is told; `undefined` for all others. */
  trackingOf(socket: GatewaySocket): Tracking | undefined {
    return this.trackers.size === 0 ? undefined : this.trackers.get(socket.id);
  }

  /** From now on the socket tracks positions, until it ends. */
  track(socket: GatewaySocket, recovers = false): Tracking {
    let tracking = this.trackers.get(socket.id);
    if (!tracking) {
      const accepted = this.outbound?.accepted ?? 0;
      const began = recovers ? undefined : { accepted, rooms: this.namesOf(socket) };
      this.trackers.set(socket.id, (tracking = new Tracking(recovers, began)));
      this.keepInOrder(socket, tracking);
    }
    return tracking;
  }

  /** Packets to the one socket, and its disconnection, come behind the publications that it waits for. [D4] */
  private keepInOrder(socket: GatewaySocket, tracking: Tracking): void {
    const disconnect = socket.disconnect.bind(socket);
    socket.disconnect = (close) => {
      // Once: Socket.IO calls it again to end the connection.
      socket.disconnect = disconnect;
      this.giveUnplaced(socket);
      return disconnect(close);
    };
    const internal = internals(socket);
    const packet = internal.packet.bind(socket);
    internal.packet = (each, options) => {
      if (isSaidAtOnce(each)) packet(each, options);
      else this.inTurn(socket, tracking, () => packet(each, options));
    };
  }

  /** All rooms that a publication for it may name: its own and its user's are among them. */
  private namesOf({ id }: GatewaySocket): ReadonlySet<string> {
    const names = new Set([id, ...this.namesOfRooms(id)]);
    const state = this.stateOf(id);
    if (state) names.add(userRoom(state.user));
    for (const room of state?.watchedRooms?.keys() ?? []) names.add(presenceRoom(room));
    return names;
  }

  /** The local sockets of a selection. */
  selected(to: Target, except: Selection): GatewaySocket[] {
    const sockets: GatewaySocket[] = [];
    this.select(selectRooms(to, except), (socket) => sockets.push(socket));
    return sockets;
  }

  /**
   * Delivers and hands every acknowledgement to `onAcknowledgement`, at most one per socket. [D6]
   *
   * A client takes no cursor from an event that asks for an acknowledgement, so it carries none and is never replayed:
   * whoever published it is told who did not answer. It has its place in histories all the same, so a socket that tracks
   * positions is told that one, and gets it in its turn; where it comes later that is when it is {@link placed}.
   */
  deliverWithAck(
    publication: Publication,
    selection: RoomSelection,
    place: Place,
    onAcknowledgement: OnAcknowledgement,
    onGone: OnGone,
  ): AwaitedDelivery {
    // One number for all recipients: the counter is the namespace's, so it collides with no other request.
    const id = (this.nsp as CountingNamespace)._ids++;
    const sockets: GatewaySocket[] = [];
    const cancel = (): void => {
      this.awaited.delete(id);
      for (const socket of sockets) internals(socket).acks.delete(id);
    };
    const wires = new AckRequestEncodings(this, publication, id);
    this.awaited.set(id, onGone);
    try {
      this.select(selection, (socket) => {
        sockets.push(socket);
        internals(socket).acks.set(id, (...answer) => onAcknowledgement(socket, answer));
        const tracking = this.trackingOf(socket);
        if (!tracking) this.put(socket, wires.plain, publication.volatile);
        else this.putAt(socket, tracking, wires, publication, place);
      });
    } catch (failure) {
      cancel();
      throw failure;
    }
    return { sockets, cancel };
  }

  private putAsking(
    socket: GatewaySocket,
    wires: AckRequestEncodings,
    tracking: Tracking,
    stamp: Stamp,
  ): void {
    if (!socket.connected) return;
    const { publication } = wires;
    const wire = wires.with(tracking, stamp);
    if (tracking.keep(publication, stamp, wire)) return;
    if (tracking.replay) tracking.replay.addLive({ publication, stamp, asks: true }, wire);
    else this.put(socket, wire, publication.volatile);
  }

  /** A socket has ended: nobody waits for its answers any longer. */
  stopAwaiting(socket: GatewaySocket): void {
    // It has a few requests open at the most, where all of them together may be many.
    for (const id of internals(socket).acks.keys()) this.awaited.get(id)?.(socket);
  }

  /** Sends one packet to one socket, in order with everything else that goes to it. */
  send(socket: GatewaySocket, packet: Packet): void {
    packet.nsp = this.nsp.name;
    const wire = encodeForOne(this, packet);
    const { packets, options, frame } = wire;
    const bytes = bytesOf(wire);
    if (bytes > LARGE_ANSWER_BYTES) this.backlogs.asked(socket, bytes);
    if (frame && this.writer.collect(socket.conn, frame)) return;
    noteSent(socket.conn);
    internals(socket).client.writeToEngine(packets, options);
  }

  private put(socket: GatewaySocket, wire: Encoding, volatile: boolean): void {
    const { _anyOutgoingListeners, client } = internals(socket);
    if (_anyOutgoingListeners?.length) internals(socket).notifyOutgoingListeners(wire.packet);
    if (volatile && !isReady(client.conn)) {
      this.backlogs.dropped(socket);
      return;
    }
    if (wire.frame !== undefined && this.writer.collect(client.conn, wire.frame)) return;
    noteSent(client.conn);
    client.writeToEngine(wire.packets, volatile ? { ...wire.options, volatile } : wire.options);
    this.backlogs.check(socket);
  }

  /**
   * A socket that is about to be disconnected gets what has been said to it before: it would wait for the place of that
   * in vain. Its session ends with it, so that nobody asks for the place again.
   */
  private giveUnplaced(socket: GatewaySocket): void {
    const tracking = this.trackingOf(socket);
    // What it has missed is given as fast as it reads, and what has arrived live waits behind that.
    if (!tracking || tracking.replay || !socket.connected) return;
    for (const { publication, stamp, wire } of tracking.takeHeld()) {
      const { args } = tracking.suffixOf(publication, stamp);
      this.put(
        socket,
        wire ?? encodeForOne(this, eventPacket(this.nsp, publication, args)),
        publication.volatile,
      );
    }
    // Its client takes a text that stands last for a cursor.
    const stamp = { cursor: tracking.lastCursor ?? this.hereNow.cursor, positions: undefined };
    for (const delivery of this.unplaced.values()) {
      if (!tracking.waitsFor) return;
      if (!delivery.sockets.has(socket)) continue;
      const { publication, wires } = delivery;
      // The forms that the others get have their cursors.
      const own = wires instanceof Wires ? new Wires(this, publication) : wires;
      this.giveWaiting(socket, delivery, stamp, own);
    }
  }

  /** From now on what an app emits to the one socket can be recovered, and is never taken for a cursor. [H4] */
  takeDirectEmits(socket: GatewaySocket): void {
    const { outbound } = this;
    if (!outbound) return;
    // Also when it has ended: its client may be back for it.
    const isTracked = (): boolean => {
      const session = findSocketState(socket)?.session;
      return session !== undefined && sentIn(session) !== undefined;
    };
    takeDirectEmits(socket, isTracked, (event, args, volatile) => {
      const to = { sockets: [socket.id] };
      outbound.emit({ event, args, to, except: {}, volatile, namespace: this.nsp.name }, false);
    });
  }

  /** Visits every selected socket once. [D1] */
  private select(selection: RoomSelection, visit: (socket: GatewaySocket) => void): void {
    const except = this.exceptedIn(selection.except);
    if (selection.rooms === undefined) {
      for (const [socketId, socket] of this.nsp.sockets) {
        if (!except?.has(socketId)) visit(socket as GatewaySocket);
      }
      return;
    }
    // One room cannot hold a socket twice, so only a union needs to remember whom it has served.
    const served = selection.rooms.size > 1 ? new Set<string>() : undefined;
    for (const room of selection.rooms) {
      const members = selection.sockets?.has(room) ? [room] : (this.membersNamed(room) ?? []);
      for (const socketId of members) {
        if (except?.has(socketId) || served?.has(socketId)) continue;
        const socket = this.nsp.sockets.get(socketId);
        if (!socket) continue;
        served?.add(socketId);
        visit(socket as GatewaySocket);
      }
    }
  }

  private exceptedIn({ rooms, sockets }: Excepted): ReadonlySet<string> | undefined {
    if (rooms.size === 0) return sockets.size === 0 ? undefined : sockets;
    const socketIds = new Set(sockets);
    for (const room of rooms) {
      for (const socketId of this.membersNamed(room) ?? []) socketIds.add(socketId);
    }
    return socketIds;
  }
}
