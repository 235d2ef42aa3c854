import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { Engine, type Receipts, type RemoteOutcome } from '../engine/engine.js';
import { logFailure } from '../telemetry/log.js';
import { Metrics } from '../telemetry/metrics.js';
import type { SocketEntry } from '../protocol/entries.js';
import { userRoom } from '../protocol/names.js';
import type { Publication, Selection } from '../protocol/publication.js';
import { Namespaces } from '../sockets/namespaces.js';
import { DELIVERY_WATCH, hearOfMatches, type DeliveryWatch, type PublishedBy } from './delivery-watch.js';
import type { OnAcknowledgement } from './awaited-deliveries.js';
import type { FanOutAdapter } from './fan-out.adapter.js';
import { OpenReceipts } from './open-receipts.js';
import type { AskEvents } from './outbound.js';
import { selectRooms } from './targets.js';
import type { Place } from './unplaced.js';

/** A socket that is named and not connected here. */
interface Absent {
  readonly socketId: string;
  readonly user: null;
}

/** Publications that ask for acknowledgements: of the sockets of this node, and of all nodes. [D6] */
@Injectable()
export class AckRequests {
  private readonly logger = new Logger('Delivery');

  constructor(
    private readonly namespaces: Namespaces<FanOutAdapter>,
    private readonly receipts: OpenReceipts,
    private readonly engine: Engine,
    private readonly metrics: Metrics,
    @Optional() @Inject(DELIVERY_WATCH) private readonly watch?: DeliveryWatch,
  ) {}

  /** Sends and collects the acknowledgements of all nodes; every targeted socket is in the answer once. [D6] */
  async send(publication: Publication, timeoutMs: number, by?: PublishedBy): Promise<Receipts> {
    // Now: a socket that is here and ends while it is waited for is missing under its user's name.
    const absent = this.absentSockets(publication);
    const { stamp, remote } = this.engine.publish(publication, timeoutMs);
    if (remote && this.watch) hearOfMatches(this.watch, publication, remote);
    const [here, elsewhere, takenOff] = await Promise.all([
      this.collect(publication, timeoutMs, stamp ?? 'later', undefined, by),
      remote,
      this.takenOffElsewhere(absent, publication.except),
    ]);
    const responses = [...here.responses, ...(elsewhere?.responses ?? [])];
    const missing = [...here.missing, ...(elsewhere?.missing ?? [])];
    const known = new Set([...responses, ...missing, ...takenOff].map(({ socketId }) => socketId));
    return { responses, missing: [...missing, ...absent.filter(({ socketId }) => !known.has(socketId))] };
  }

  /** Publishes for Socket.IO, which waits itself until all acknowledgements are there, or the time is up. */
  ask(publication: Publication, timeoutMs: number, onThisNodeOnly: boolean, heard: AskEvents): void {
    const { stamp, remote } = onThisNodeOnly
      ? { stamp: 'here' as const, remote: undefined }
      : this.engine.publish(publication, Math.max(1, timeoutMs - replySlackOf(timeoutMs)));
    let asked = 0;
    const answered: OnAcknowledgement = (_, [answer]) => heard.answered(answer);
    const counted = (sockets: number): void => void (asked += sockets);
    void this.collect(publication, timeoutMs, stamp ?? 'later', { answered, counted });
    heard.countedHere(asked);
    void this.hearOthers(remote, heard);
  }

  /** Nothing is told where the others cannot be asked: whoever waits is told by its own time limit. */
  private async hearOthers(remote: Promise<RemoteOutcome> | undefined, heard: AskEvents): Promise<void> {
    try {
      const { matched, responses } = (await remote) ?? { matched: 0, responses: [] };
      heard.countedElsewhere(matched);
      for (const { args } of responses) heard.answered(args[0]);
    } catch (failure) {
      logFailure(this.logger, 'acknowledgements of other nodes could not be had', failure);
    }
  }

  /** Asks the sockets of this node. Where an app waits by Socket.IO, it is told of each at once. */
  collect(
    publication: Publication,
    timeoutMs: number,
    place: Place,
    also?: { readonly answered: OnAcknowledgement; readonly counted: (sockets: number) => void },
    by?: PublishedBy,
  ): Promise<Receipts> {
    const selection = selectRooms(publication.to, publication.except);
    this.watch?.delivering(publication, by, false);
    let asked = 0;
    const receipts = this.receipts.collect(
      this.namespaces.of(publication.namespace).map((adapter) => (onAcknowledgement, onGone) => {
        const heard: OnAcknowledgement = also
          ? (socket, args) => {
              also.answered(socket, args);
              onAcknowledgement(socket, args);
            }
          : onAcknowledgement;
        const delivery = adapter.deliverWithAck(publication, selection, place, heard, onGone);
        this.metrics.published(delivery.sockets.length);
        asked += delivery.sockets.length;
        also?.counted(delivery.sockets.length);
        return delivery;
      }),
      timeoutMs,
    );
    this.watch?.delivered(publication, asked);
    return this.watch ? this.noteReceipts(publication, timeoutMs, receipts, this.watch) : receipts;
  }

  private async noteReceipts(
    { id, event }: Publication,
    timeoutMs: number,
    collecting: Promise<Receipts>,
    watch: DeliveryWatch,
  ): Promise<Receipts> {
    const receipts = await collecting;
    for (const { socketId } of receipts.responses) watch.except(id, socketId, 'acknowledged');
    for (const { socketId } of receipts.missing) {
      const socket = this.namespaces.findSocket(socketId);
      if (socket) watch.notAcknowledged(socket, event, timeoutMs);
    }
    return receipts;
  }

  /** Sockets that are named but not connected here: they are targeted, so the publisher hears of them. [D6] */
  private absentSockets({ to, except }: Publication): Absent[] {
    if ('all' in to) return [];
    const absent = new Set(to.sockets?.filter((socketId) => !this.namespaces.findSocket(socketId)));
    for (const socketId of except.sockets ?? []) absent.delete(socketId);
    return [...absent].map((socketId) => ({ socketId, user: null }));
  }

  /** Absent sockets that are on other nodes and taken off by their user or a room: they are not targeted. */
  private async takenOffElsewhere(absent: readonly Absent[], except: Selection): Promise<SocketEntry[]> {
    const { registry } = this.engine;
    const takesOff = (except.rooms?.length ?? 0) + (except.users?.length ?? 0) > 0;
    if (!takesOff) return [];
    const entries = await Promise.all(absent.map(({ socketId }) => registry.socket(socketId)));
    return entries.filter((entry) => entry !== undefined && isTakenOff(entry, except)) as SocketEntry[];
  }
}

/**
 * How much sooner the other nodes are done than Socket.IO, which waits here: what they have by then is told along with
 * the failure. A tenth of the time, at most a quarter of a second.
 */
const replySlackOf = (timeoutMs: number): number => Math.min(250, Math.ceil(timeoutMs / 10));

/** Whether a selection has the socket by its user or one of its rooms, the two included that every socket has. */
const isTakenOff = ({ socketId, user, rooms }: SocketEntry, except: Selection): boolean =>
  except.users?.includes(user) === true ||
  except.rooms?.some((room) => room === socketId || room === userRoom(user) || rooms.includes(room)) === true;
