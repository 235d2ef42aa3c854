import { NOTICE } from '../../protocol/events.js';
import { userRoom, watchedRoom } from '../../protocol/names.js';
import type { Publication } from '../../protocol/publication.js';
import type { LoggedPublication } from '../log.js';
import type { LastSent, NewSession, SessionRoom } from '../sessions.js';
import type { Deadline } from '../../timers/deadlines.js';
import { PastStays } from './past-stays.js';
import { EVERYONE, type PublicationLog } from './publication-log.js';
import type { LogRecord, RoomLog } from './room-log.js';

/** The session was given to a client that is not through the handshake yet; `endsAt` holds again if it never is. */
export interface ClaimedState {
  readonly is: 'claimed';
  readonly endsAt: number;
}

/** Where a session is in its life. */
export type SessionState =
  /** Its socket is connected, as far as anyone knows. */
  | { readonly is: 'attached' }
  | ClaimedState
  | { readonly is: 'waiting'; readonly endsAt: number; readonly deadline: Deadline }
  | { readonly is: 'ended' };

/** A log that a session listens to, and since when. */
interface Listening {
  readonly log: RoomLog;
  readonly since: number;
  /** The offset of the log when its client went away; until then, when it began to listen. */
  offsetWhenGone: number;
}

/** Beyond this it is told from the offsets of its logs how much it missed. */
const COUNTED_ONE_BY_ONE = 1_000;

interface Membership extends Listening {
  entry: SessionRoom;
}

/**
 * One session: what it listens to, and what of that it missed. [H4]
 *
 * Holds its share in the logs until it has ended.
 */
export class Session {
  state: SessionState = { is: 'attached' };
  token: unknown;
  /** The app's own data of its socket, the object itself as with stock Socket.IO. */
  data: unknown;
  /** Nothing from before was meant for it, and no cursor from before is its own. */
  readonly openedSeq: number;
  private readonly userRoom: string;
  private readonly own: readonly Listening[];
  private readonly rooms = new Map<string, Membership>();
  private readonly pastStays = new PastStays();
  /** The place where the connection broke, when everything until then had been sent, and what the last of that was. */
  private break: { readonly seq: number; readonly sent: LastSent } | undefined;

  /** The last place when its client went away. */
  private goneSeq: number | undefined;

  constructor(
    readonly identity: NewSession,
    private readonly log: PublicationLog,
  ) {
    this.token = identity.token;
    this.data = identity.data;
    this.openedSeq = log.seq;
    this.userRoom = userRoom(identity.user);
    const own = [log.retainSocket(identity.socketId), log.retain(this.userRoom), log.retain(EVERYONE)];
    this.own = own.map((each) => ({ log: each, since: this.openedSeq, offsetWhenGone: each.lastOffset }));
  }

  get entries(): SessionRoom[] {
    return Array.from(this.rooms.values(), ({ entry }) => entry);
  }

  isIn(room: string): boolean {
    return this.rooms.has(room);
  }

  join(entry: SessionRoom): void {
    const membership = this.rooms.get(entry.room);
    if (membership) membership.entry = entry;
    else {
      const log = this.log.retain(entry.room);
      this.rooms.set(entry.room, { entry, since: this.log.seq, log, offsetWhenGone: log.lastOffset });
    }
  }

  leave(room: string): void {
    const membership = this.rooms.get(room);
    if (membership === undefined) return;
    this.rooms.delete(room);
    this.pastStays.add({ room, since: membership.since, until: this.log.seq });
    this.log.release(membership.log);
  }

  end(): void {
    this.state = { is: 'ended' };
    for (const { log } of this.listening()) this.log.release(log);
    this.rooms.clear();
  }

  /** Its connection broke, and this is the last that was sent to it. */
  brokeAfter(sent: LastSent | undefined): void {
    this.break = sent && { seq: this.log.seq, sent };
    if (this.goneSeq !== undefined) return;
    this.goneSeq = this.log.seq;
    for (const each of this.listening()) each.offsetWhenGone = each.log.lastOffset;
  }

  /** Its client has it again, and gets what it missed. */
  cameBack(): void {
    this.state = { is: 'attached' };
    this.goneSeq = undefined;
  }

  /**
   * How many publications were for it since its client went away: each once, those that are no longer kept included,
   * without notices of presence. Of more than 1,000, one to several of its rooms counts for each of them. [D10]
   */
  get undelivered(): number {
    const { goneSeq } = this;
    if (goneSeq === undefined) return 0;
    const logs = [...this.listening()].filter(({ log }) => watchedRoom(log.name) === undefined);
    const all = logs.reduce((sum, { log, offsetWhenGone }) => sum + log.lastOffset - offsetWhenGone, 0);
    if (all === 0 || all > COUNTED_ONE_BY_ONE) return all;
    const kept = this.recordsAfter(goneSeq, logs);
    const found = this.onlyFor(kept).filter(({ publication }) => publication.event !== NOTICE.roomPresence);
    return all - kept.length + found.length;
  }

  /**
   * After which place its client has missed something.
   *
   * Who has the last that was sent has everything until the break. Much may have been published since that last one that
   * was not for it, and is no longer kept.
   */
  seqOf(got: number, cursor: string | undefined): number {
    if (this.break === undefined) return Math.max(got, this.openedSeq);
    const { seq, sent } = this.break;
    return Math.max(sent.cursor === cursor ? seq : got, this.openedSeq);
  }

  /** Whether everything that was published for it after `seq` is still there, and is known to be for it. */
  covers(seq: number): boolean {
    for (const { log, since } of this.listening()) if (log.droppedSeq > Math.max(seq, since)) return false;
    const { forgottenSeq } = this.pastStays;
    return (
      seq >= forgottenSeq ||
      this.recordsAfter(seq, this.listening()).every(
        (record) => record.seq > forgottenSeq || record.logged!.publication.except.rooms === undefined,
      )
    );
  }

  /** What was published for it after `seq`, in order, each once. */
  missedAfter(seq: number): LoggedPublication[] {
    return this.onlyFor(this.recordsAfter(seq, this.listening()));
  }

  private recordsAfter(seq: number, logs: Iterable<Listening>): LogRecord[] {
    const found: LogRecord[] = [];
    for (const { log, since } of logs) log.collectAfter(Math.max(seq, since), found);
    return found.sort((one, other) => one.seq - other.seq);
  }

  /** Of records in their order, each once, the publications that were for it. */
  private onlyFor(found: readonly LogRecord[]): LoggedPublication[] {
    const missed: LoggedPublication[] = [];
    let lastSeq = 0;
    for (const record of found) {
      if (record.seq === lastSeq) continue;
      lastSeq = record.seq;
      // A record loses its publication only when it stands in no log.
      if (record.isAcknowledged) continue;
      if (this.isFor(record.logged!.publication, record.seq)) missed.push(record.logged!);
    }
    return missed;
  }

  private *listening(): Generator<Listening> {
    yield* this.own;
    yield* this.rooms.values();
  }

  private isFor({ namespace, except }: Publication, seq: number): boolean {
    if (namespace !== undefined && namespace !== this.identity.namespace) return false;
    return !(
      except.rooms?.some((room) => this.wasIn(room, seq)) ||
      except.users?.some((user) => this.wasIn(userRoom(user), seq)) ||
      except.sockets?.includes(this.identity.socketId)
    );
  }

  /** Whether it was in a room when something was published, whatever it has joined and left since. */
  private wasIn(room: string, seq: number): boolean {
    if (room === this.userRoom || room === this.identity.socketId) return true;
    const membership = this.rooms.get(room);
    return (membership !== undefined && membership.since < seq) || this.pastStays.wasIn(room, seq);
  }
}
