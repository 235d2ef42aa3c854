import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { randomBytes } from 'node:crypto';
import {
  Engine,
  type Arrival,
  type NodeAnswers,
  type NodeCommand,
  type NodeQuestion,
  type Receipts,
  type RemoteOutcome,
} from '../engine/engine.js';
import type { Stamp } from '../engine/log.js';
import { logFailure } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import { assertNoPlaceholder, measureValue } from '../protocol/json.js';
import type { Publication } from '../protocol/publication.js';
import { Namespaces } from '../sockets/namespaces.js';
import type { GatewaySocket } from '../sockets/socket-state.js';
import { AckRequests } from './ack-requests.js';
import { DELIVERY_WATCH, hearOfMatches, type DeliveryWatch, type PublishedBy } from './delivery-watch.js';
import type { FanOutAdapter } from './fan-out.adapter.js';
import type { AskEvents, DirectEmit, Outbound } from './outbound.js';
import { selectRooms } from './targets.js';
import type { Place } from './unplaced.js';

/** Presence notices that are being gathered. [M7] */
export interface UntoldNotices {
  readonly isAny: boolean;
  isFor(socket: GatewaySocket): boolean;
  /** Tells them now; there is none afterwards. */
  tell(): void;
}

/** What became of a publication so far. */
export interface Sent {
  /** Sockets of this node that it was for. */
  readonly matched: number;
  /** The same of the other nodes; rejects with `engine.unavailable`. `undefined` when there are none. */
  readonly remote: Promise<RemoteOutcome> | undefined;
}

/**
 * The one way out: every publication passes here, whoever made it.
 *
 * It goes to the engine and to the local sockets in the same turn, in the order of acceptance. Sockets that track
 * positions get it when its place is known, which with the memory engine is at once. [D4] [D8]
 */
@Injectable()
export class Publisher implements Outbound {
  private readonly logger = new Logger('Delivery');
  private readonly idPrefix = randomBytes(6).toString('base64url');
  private lastId = 0;
  private lastNodeCount = 1;
  private untold: UntoldNotices | undefined;

  constructor(
    private readonly namespaces: Namespaces<FanOutAdapter>,
    private readonly ackRequests: AckRequests,
    private readonly engine: Engine,
    private readonly metrics: Metrics,
    @Optional() @Inject(DELIVERY_WATCH) readonly watch?: DeliveryWatch,
  ) {}

  /** An ID that no other publication of any node has; those of one node rise. */
  nextId(): string {
    return `${this.idPrefix}-${(++this.lastId).toString(36)}`;
  }

  send(publication: Publication, by?: PublishedBy): Sent {
    const { stamp, remote } = this.engine.publish(publication);
    const matched = this.deliver(publication, stamp ?? 'later', by);
    this.metrics.published(matched);
    if (remote && this.watch) hearOfMatches(this.watch, publication, remote);
    return { matched, remote };
  }

  /** Sends and collects the acknowledgements of all nodes; every targeted socket is in the answer once. [D6] */
  sendWithAck(publication: Publication, timeoutMs: number, by?: PublishedBy): Promise<Receipts> {
    return this.ackRequests.send(publication, timeoutMs, by);
  }

  /** Socket.IO's own emits; nobody waits for what becomes of them. */
  emit(emitted: DirectEmit, onThisNodeOnly: boolean): void {
    const publication: Publication = { ...emitted, id: this.nextId(), at: Date.now() };
    try {
      // All else is the app's own business, as it is with Socket.IO's emit; this would go into histories.
      assertNoPlaceholder(measureValue(emitted.args));
      if (onThisNodeOnly) this.deliver(publication, 'here');
      else this.send(publication).remote?.catch((failure: unknown) => this.lost(publication, failure));
    } catch (failure) {
      this.lost(publication, failure);
    }
  }

  /**
   * To the sockets of this node, at once.
   *
   * @param cursor of what it tells, where that was a while ago
   */
  tellHere(publication: Publication, cursor: string): void {
    this.deliver(publication, { cursor, positions: undefined });
  }

  /** Registers what has to be told to sockets that recover before they are given a later cursor. */
  tellsFirst(untold: UntoldNotices): void {
    this.untold = untold;
  }

  /** A publication in the order of all nodes: for the sockets that wait for its place, or, from another node, for all. */
  arrived({ publication, stamp, audience, ackTimeoutMs }: Arrival): Promise<Receipts> | undefined {
    const asksForAck = ackTimeoutMs !== undefined;
    if (asksForAck && audience === 'all') {
      return this.ackRequests.collect(publication, ackTimeoutMs, stamp);
    }
    try {
      if (audience === 'tracking') this.placed(publication, stamp, asksForAck);
      else this.metrics.delivered(this.deliver(publication, stamp));
    } catch (failure) {
      this.lost(publication, failure);
    }
    return undefined;
  }

  get isShared(): boolean {
    return this.engine.isShared;
  }

  get cursor(): string {
    return this.engine.cursor;
  }

  get accepted(): number {
    return this.lastId;
  }

  command(command: NodeCommand): void {
    this.engine
      .command(command)
      .catch((failure: unknown) =>
        logFailure(this.logger, `"${command.do}" may not have reached all nodes`, failure),
      );
  }

  /** Socket.IO's own emits that ask for acknowledgements. */
  ask(emitted: DirectEmit, timeoutMs: number, onThisNodeOnly: boolean, heard: AskEvents): void {
    const publication: Publication = { ...emitted, id: this.nextId() };
    try {
      assertNoPlaceholder(measureValue(emitted.args));
      this.ackRequests.ask(publication, timeoutMs, onThisNodeOnly, heard);
    } catch (failure) {
      this.lost(publication, failure);
    }
  }

  askNodes(question: NodeQuestion, timeoutMs: number): Promise<NodeAnswers> {
    return this.engine.ask(question, timeoutMs);
  }

  async countNodes(): Promise<number> {
    try {
      this.lastNodeCount = (await this.engine.nodes(0)).length;
    } catch {
      // As many as there were: what asks all of them runs out of time, and does not take a part for the whole.
    }
    return this.lastNodeCount;
  }

  /** Its place among those that were accepted here; none for one of another node. */
  private orderOf({ id }: Publication): number {
    const prefix = `${this.idPrefix}-`;
    return id.startsWith(prefix) ? Number.parseInt(id.slice(prefix.length), 36) : Infinity;
  }

  /** An own publication was given its place. */
  private placed(publication: Publication, stamp: Stamp, asks: boolean): void {
    if (!asks) this.beforeDelivery(publication, undefined, true);
    const selection = selectRooms(publication.to, publication.except);
    const acceptedAs = this.orderOf(publication);
    let matched = 0;
    for (const adapter of this.namespaces.of(publication.namespace)) {
      matched += adapter.placed(publication, selection, stamp, acceptedAs, asks);
    }
    if (!asks) this.watch?.delivered(publication, matched);
  }

  /** To the sockets of this node; gives how many it was for. */
  private deliver(publication: Publication, place: Place, by?: PublishedBy): number {
    this.beforeDelivery(publication, by, false, place);
    const selection = selectRooms(publication.to, publication.except);
    let matched = 0;
    for (const adapter of this.namespaces.of(publication.namespace))
      matched += adapter.deliver(publication, selection, place);
    this.watch?.delivered(publication, matched);
    return matched;
  }

  private beforeDelivery(
    publication: Publication,
    by: PublishedBy | undefined,
    isAgain: boolean,
    place?: Place,
  ): void {
    if (place !== 'later' && this.untold?.isAny) this.tellFirst(publication, this.untold);
    this.watch?.delivering(publication, by, isAgain);
  }

  /** Only where one that recovers gets both: everything else may wait until it is told together. [H4] [M7] */
  private tellFirst(publication: Publication, untold: UntoldNotices): void {
    const isHurried = (adapter: FanOutAdapter): boolean =>
      adapter.tracksPositions &&
      [...adapter.waitingFor(publication), ...adapter.selected(publication.to, publication.except)].some(
        (socket) => adapter.trackingOf(socket)?.recovers === true && untold.isFor(socket),
      );
    if (this.namespaces.of(publication.namespace).some(isHurried)) untold.tell();
  }

  private lost({ event }: Publication, failure: unknown): void {
    logFailure(this.logger, `a publication of "${event}" failed`, failure);
  }
}
