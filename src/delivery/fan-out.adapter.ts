import { Logger } from '@nestjs/common';
import type { Namespace } from 'socket.io';
import type { BroadcastOptions, Room, SocketId } from 'socket.io-adapter';
import type { Packet } from 'socket.io-parser';
import type { Stamp } from '../engine/log.js';
import { hearServerSideEmit, nextPacketNumber } from '../platform/namespace-of-io.js';
import { presenceRoom, userRoom } from '../protocol/names.js';
import type { Publication, Selection, Target } from '../protocol/publication.js';
import { MembershipAdapter, type MembershipObserver } from '../sockets/membership.adapter.js';
import type { Namespaces } from '../sockets/namespaces.js';
import { roomNameOf } from '../sockets/room-names.js';
import { findSocketState, type GatewaySocket } from '../sockets/socket-state.js';
import { logFailure } from '../telemetry/log.js';
import {
  AwaitedDeliveries,
  type AwaitedDelivery,
  type OnAcknowledgement,
  type OnGone,
} from './awaited-deliveries.js';
import { Audiences } from './audiences.js';
import { takeDirectEmits } from './direct-emits.js';
import { AckRequestEncodings, encode, Encodings } from './encoding.js';
import type { HeldPublication } from './held-publication.js';
import type { Outbound } from './outbound.js';
import { SocketIoCalls } from './socket-io-calls.js';
import { SocketWriter, type Backlogs } from './socket-writer.js';
import { visitSelected } from './selected-sockets.js';
import { selectRooms, type RoomSelection } from './targets.js';
import { TrackedSockets } from './tracked-sockets.js';
import type { Tracking } from './tracking.js';
import type { TurnWriter } from './turn-writer.js';
import { UnplacedDeliveries } from './unplaced-deliveries.js';
import type { Place } from './unplaced.js';

const logger = new Logger('Delivery');

/**
 * The fan-out: puts one publication on the wire for every local socket it is for.
 *
 * The packet is encoded and framed once and shared by all recipients. Everything leaves in the turn in which it was
 * accepted, in the order of acceptance, in one write per connection. [D4] [D8]
 */
export class FanOutAdapter extends MembershipAdapter {
  private readonly writer: SocketWriter;
  private readonly audiences: Audiences;
  private readonly tracked: TrackedSockets;
  private readonly unplaced: UnplacedDeliveries;
  private readonly calls: SocketIoCalls;
  private readonly awaited: AwaitedDeliveries;

  constructor(
    nsp: Namespace,
    namespaces: Namespaces<FanOutAdapter>,
    turn: TurnWriter,
    backlogs: Backlogs,
    private readonly outbound: Outbound,
    observer: MembershipObserver,
  ) {
    super(nsp, namespaces, observer);
    this.writer = new SocketWriter(turn, backlogs);
    this.audiences = new Audiences(this, turn, () => this.changes);
    this.tracked = new TrackedSockets(this, this.writer, outbound);
    this.unplaced = new UnplacedDeliveries(this, this.tracked, outbound);
    this.calls = new SocketIoCalls(this, outbound);
    this.awaited = new AwaitedDeliveries(nsp);
  }

  override addAll(id: string, rooms: Set<string>): Promise<void> | void {
    const tracking = this.tracked.named(id);
    if (tracking) for (const room of rooms) tracking.entered(roomNameOf(room));
    else if (rooms.has(id)) this.trackNew(id);
    return super.addAll(id, rooms);
  }

  /**
   * A socket that recovers is in the namespace now, and reaches its session a moment later: what an app sends it in between
   * waits for that.
   */
  private trackNew(id: string): void {
    const socket = this.nsp.sockets.get(id);
    if (socket && findSocketState(socket)?.session) this.track(socket, true).hold();
  }

  override del(id: string, room: string): Promise<void> | void {
    this.tracked.named(id)?.left(roomNameOf(room));
    return super.del(id, room);
  }

  override watch(id: string, room: string): void {
    this.tracked.named(id)?.entered(presenceRoom(room));
    super.watch(id, room);
  }

  override unwatch(id: string, room: string): void {
    this.tracked.named(id)?.lost(presenceRoom(room));
    super.unwatch(id, room);
  }

  override loses(id: string, room: string): void {
    this.tracked.named(id)?.lost(room);
  }

  /** A session gives its client what waits, when it is back. */
  override ends(socket: GatewaySocket, comesBack: boolean): void {
    if (!comesBack || this.trackingOf(socket)?.recovers === false) this.unplaced.giveBeforeEnd(socket);
  }

  /** Socket.IO calls it in the middle of a socket's end: nothing that fails here may get out. [L4] */
  override delAll(id: string): void {
    try {
      super.delAll(id);
    } catch (failure) {
      logFailure(logger, 'a socket could not leave its rooms', failure);
    }
    this.tracked.remove(id);
  }

  /**
   * Delivers and returns how many sockets it was for.
   *
   * Sockets that track positions are told its place. Where that comes later they wait for {@link placed}.
   */
  deliver(publication: Publication, selection: RoomSelection, place: Place): number {
    const encodings = new Encodings(this, publication);
    const { tracked, writer } = this;
    const frameOf = publication.volatile ? undefined : () => encodings.plain.frame;
    return this.audiences.give(selection, frameOf, (socket) => {
      const tracking = tracked.of(socket);
      if (!tracking) return writer.put(socket, encodings.plain, publication.volatile);
      this.unplaced.give(socket, tracking, encodings, publication, place);
      return false;
    });
  }

  /**
   * Where an own publication stands that was delivered without a place: to the sockets that have waited for it, and to
   * those that came in since and were told only what has a place. [D4] [H3]
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
    const waited = this.unplaced.placed(publication, stamp);
    let recipients = waited.size;
    if (!this.tracked.hasComeInSince(acceptedAs)) return recipients;
    let encodings: Encodings | AckRequestEncodings | undefined;
    visitSelected(this, selection, (socket) => {
      const tracking = this.trackingOf(socket);
      if (!tracking?.isOwed(acceptedAs, selection.rooms) || waited.has(socket)) return;
      // It got this one when it did not track positions yet.
      if (tracking.had(acceptedAs, selection.rooms)) return;
      recipients++;
      encodings ??= asks
        ? new AckRequestEncodings(this, publication, nextPacketNumber(this.nsp))
        : new Encodings(this, publication);
      this.tracked.give(socket, tracking, encodings, publication, stamp);
    });
    return recipients;
  }

  /** The sockets that wait for the place of a publication. */
  waitingFor(publication: Publication): Iterable<GatewaySocket> {
    return this.unplaced.waitingFor(publication);
  }

  /**
   * The client of a socket is about to be told what there was in a room, or in all of its rooms: what has no place yet
   * stands in no list, and comes live. [H3] [H4]
   */
  comesIn(socket: GatewaySocket, room?: string): void {
    this.tracked.comesIn(socket, room);
  }

  /** Gives one socket what it has missed or what was held back for it, in order, as fast as its client takes it. */
  catchUp(socket: GatewaySocket, missed: readonly HeldPublication[]): void {
    this.tracked.catchUp(socket, missed);
  }

  get tracksPositions(): boolean {
    return this.tracked.size > 0;
  }

  /** What a socket that tracks positions is told; `undefined` for all others. */
  trackingOf(socket: GatewaySocket): Tracking | undefined {
    return this.tracked.of(socket);
  }

  /** From now on the socket tracks positions, until it ends. */
  track(socket: GatewaySocket, recovers = false): Tracking {
    const known = this.tracked.named(socket.id);
    if (known) return known;
    this.changes++;
    const tracking = this.tracked.add(socket, recovers ? undefined : this.namesOf(socket));
    this.unplaced.keepInOrder(socket, tracking);
    return tracking;
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
    visitSelected(this, selectRooms(to, except), (socket) => sockets.push(socket));
    return sockets;
  }

  /**
   * Delivers and hands every acknowledgement to `onAcknowledgement`, at most one per socket. [D6]
   *
   * The publication has its place in histories, so a socket that tracks positions is told that one, and gets it in its turn; where it comes
   * later that is when it is {@link placed}.
   */
  deliverWithAck(
    publication: Publication,
    selection: RoomSelection,
    place: Place,
    onAcknowledgement: OnAcknowledgement,
    onGone: OnGone,
  ): AwaitedDelivery {
    const delivery = this.awaited.begin(onAcknowledgement, onGone);
    const encodings = new AckRequestEncodings(this, publication, delivery.id);
    try {
      visitSelected(this, selection, (socket) => {
        delivery.awaits(socket);
        const tracking = this.trackingOf(socket);
        if (!tracking) this.writer.put(socket, encodings.plain, publication.volatile);
        else this.unplaced.give(socket, tracking, encodings, publication, place);
      });
    } catch (failure) {
      delivery.cancel();
      throw failure;
    }
    return delivery;
  }

  /** A socket has ended: nobody waits for its answers any longer. */
  stopAwaiting(socket: GatewaySocket): void {
    this.awaited.stop(socket);
  }

  /** Sends one packet to one socket, in order with everything else that goes to it. */
  send(socket: GatewaySocket, packet: Packet): void {
    packet.nsp = this.nsp.name;
    this.writer.answer(socket, encode(this, packet));
  }

  /** From now on what an app emits to the one socket can be recovered, and is never taken for a cursor. [H4] */
  takeDirectEmits(socket: GatewaySocket): void {
    takeDirectEmits(socket, this.outbound);
  }

  // Calls of an app on Socket.IO are for the sockets of all nodes.

  override broadcast(packet: Packet, options: BroadcastOptions): void {
    this.calls.broadcast(packet, options);
  }

  override broadcastWithAck(...args: Parameters<SocketIoCalls['broadcastWithAck']>): void {
    this.calls.broadcastWithAck(...args);
  }

  override serverCount(): Promise<number> {
    return this.calls.serverCount();
  }

  override sockets(rooms: Set<Room>): Promise<Set<SocketId>> {
    return this.calls.sockets(rooms);
  }

  override addSockets(options: BroadcastOptions, rooms: Room[]): void {
    this.calls.addSockets(options, rooms);
  }

  override delSockets(options: BroadcastOptions, rooms: Room[]): void {
    this.calls.delSockets(options, rooms);
  }

  override disconnectSockets(options: BroadcastOptions, close: boolean): void {
    this.calls.disconnectSockets(options, close);
  }

  override fetchSockets(options: BroadcastOptions): Promise<unknown[]> {
    return this.calls.fetchSockets(options);
  }

  override serverSideEmit(args: unknown[]): void {
    this.calls.serverSideEmit(args);
  }

  /** Another node's `serverSideEmit()`. */
  heardFromServer(args: readonly unknown[]): void {
    hearServerSideEmit(this.nsp, args);
  }
}

/** The fan-out of a socket's namespace. Every namespace of the gateway is made with one. */
export function fanOutOf({ nsp }: GatewaySocket): FanOutAdapter {
  const { adapter } = nsp;
  if (!(adapter instanceof FanOutAdapter)) throw new Error(`namespace ${nsp.name} is not one of the gateway`);
  return adapter;
}
