import type { HistoryRule } from '../../config/values.js';
import { wireCopy } from '../../protocol/json.js';
import { userRoom } from '../../protocol/names.js';
import type { Position, Publication } from '../../protocol/publication.js';
import type { Stamp } from '../log.js';
import { PublisherQuota, roomShareOf } from '../publisher-quota.js';
import { Cursors } from './cursors.js';
import type { Deadlines } from '../../timers/deadlines.js';
import { HistoryRules } from './history-rules.js';
import { IdleRooms } from './idle-rooms.js';
import { publicationBytes } from './publication-size.js';
import { RecordQueue } from './record-queue.js';
import { type LogRecord, RoomLog } from './room-log.js';

/** Stands for everyone where a room could stand. No room: any text may come as the name of a socket. */
export const EVERYONE = Symbol('everyone');

/** What a session listens to. */
export type Channel = string | typeof EVERYONE;

export interface PublicationLogLimits {
  readonly history: readonly HistoryRule[];
  /** How long publications are kept for sessions. */
  readonly sessionsKeepMs: number;
  /** The memory of everything that is kept. */
  readonly maxBytes: number;
}

/**
 * Everything that is kept of publications: a log per room that keeps history or that a session listens to.
 *
 * A publication is put into every log of its target, in one order for all of them. When the bound on memory is passed,
 * the oldest publication of all goes first, whatever room it is in; each log remembers that it dropped something, so
 * that nobody is told that a part is the whole. [H2]
 */
export class PublicationLog {
  readonly cursors = new Cursors();
  /** What users had kept within a minute. */
  readonly quota: PublisherQuota;
  private readonly rules: HistoryRules;
  private readonly logs = new Map<string, RoomLog>();
  private everyone: RoomLog | undefined;
  private readonly queue = new RecordQueue();
  private readonly idle: IdleRooms;
  /** The logs of one publication; a field, so that most publications allocate nothing. */
  private readonly matched: RoomLog[] = [];
  private matches = 0;
  private lastSeq = 0;
  private lastAt = -Infinity;
  private currentStamp: Stamp;

  constructor(
    private readonly limits: PublicationLogLimits,
    private readonly clock: () => number,
    private readonly deadlines: Deadlines,
  ) {
    this.rules = new HistoryRules(limits.history);
    this.quota = new PublisherQuota(limits.maxBytes, clock);
    this.idle = new IdleRooms(deadlines, (log) => this.logs.delete(log.name));
    this.currentStamp = { cursor: this.cursors.format(0), positions: undefined };
  }

  /** The last place that was given. */
  get seq(): number {
    return this.lastSeq;
  }

  get cursor(): string {
    return this.currentStamp.cursor;
  }

  /** The stamp of what is not kept: the same object until something is. */
  get stamp(): Stamp {
    return this.currentStamp;
  }

  get size(): number {
    return this.queue.size;
  }

  get bytes(): number {
    return this.queue.bytes;
  }

  /** Rooms with a log, those whose publications have all gone included. */
  get rooms(): number {
    return this.logs.size + (this.everyone === undefined ? 0 : 1);
  }

  keeps(room: string): boolean {
    return this.rules.of(room) !== undefined;
  }

  /** Keeps a publication where it is wanted. One that is wanted nowhere takes no place in the order. */
  append(publication: Publication, isAcknowledged = false): Stamp {
    if (this.rules.isEmpty && this.rooms === 0) return this.currentStamp;
    this.match(publication);
    if (this.matched.length === 0) return this.currentStamp;
    return publication.volatile ? this.placeNow() : this.record(publication, isAcknowledged);
  }

  /** The log of a room that keeps history, as it is visible now. */
  historyOf(room: string): RoomLog | undefined {
    const log = this.logOf(room);
    if (log?.rule === undefined) return undefined;
    log.trim(this.now());
    this.settle(log);
    return log;
  }

  /** Forgets what is in a log; what is published later goes on after it. */
  clear(log: RoomLog): void {
    log.dropThrough(this.lastSeq);
    this.settle(log);
  }

  /** From now on what is published there is kept for one session more. */
  retain(channel: Channel): RoomLog {
    const log =
      channel === EVERYONE
        ? (this.everyone ??= this.create('', undefined))
        : (this.logOf(channel) ?? this.create(channel, undefined));
    if (channel !== EVERYONE) this.logs.set(channel, log);
    log.trim(this.now());
    log.interest++;
    this.settle(log);
    return log;
  }

  /** The same for what is sent to one socket, whose ID is no room that a rule could be for. */
  retainSocket(socketId: string): RoomLog {
    const log = this.logs.get(socketId) ?? this.create(socketId, undefined);
    this.logs.set(socketId, log);
    log.isOfSocket = true;
    log.interest++;
    this.settle(log);
    return log;
  }

  /** One session less. */
  release(log: RoomLog): void {
    log.interest--;
    log.trim(this.now());
    this.settle(log);
  }

  /** Time as the log sees it. */
  now(): number {
    // Records are found by their time as well, so it must never go back.
    return (this.lastAt = Math.max(this.lastAt, this.clock()));
  }

  /** Finds the logs of a publication, each once. */
  private match({ to }: Publication): void {
    this.matches++;
    this.matched.length = 0;
    if ('all' in to) {
      if (this.everyone !== undefined) this.matched.push(this.everyone);
      return;
    }
    if (to.rooms) for (const room of to.rooms) this.matchRoom(room);
    if (to.users) for (const user of to.users) this.matchRoom(userRoom(user));
    if (to.sockets) for (const socketId of to.sockets) this.matchSocket(socketId);
  }

  private matchRoom(room: string): void {
    this.matchLog(this.logOf(room));
  }

  private matchSocket(socketId: string): void {
    const log = this.logs.get(socketId);
    if (log?.isOfSocket === true) this.matchLog(log);
  }

  private matchLog(log: RoomLog | undefined): void {
    if (log === undefined || log.matchedBy === this.matches) return;
    log.matchedBy = this.matches;
    this.matched.push(log);
  }

  /** The log of a room. A room that keeps history has one as soon as it is asked for. */
  private logOf(room: string): RoomLog | undefined {
    const known = this.logs.get(room);
    if (known !== undefined) return known;
    const rule = this.rules.of(room);
    if (rule === undefined) return undefined;
    const log = this.create(room, rule);
    this.logs.set(room, log);
    return log;
  }

  private create(name: string, rule: HistoryRule | undefined): RoomLog {
    return new RoomLog(name, rule, this.limits.sessionsKeepMs, this.queue.release);
  }

  private record(publication: Publication, isAcknowledged: boolean): Stamp {
    // The caller may change its arguments later; what is kept is what was published.
    const kept = { ...publication, args: wireCopy(publication.args) };
    const now = this.now();
    const seq = ++this.lastSeq;
    const logs = this.matched.slice();
    const record: LogRecord = {
      seq,
      at: now,
      bytes: publicationBytes(kept, logs.length),
      logs,
      places: logs.length,
      logged: undefined,
      isAcknowledged,
    };
    this.queue.add(record);
    for (const log of logs) {
      log.append(record);
      log.trim(now);
      log.keepWithin(roomShareOf(this.limits.maxBytes));
    }
    this.countPublisher(kept, record);
    const stamp = { cursor: this.cursors.format(seq), positions: positionsOf(logs) };
    record.logged = { publication: kept, stamp };
    this.currentStamp =
      stamp.positions === undefined ? stamp : { cursor: stamp.cursor, positions: undefined };
    for (const log of logs) this.settle(log);
    this.keepBound();
    return stamp;
  }

  /** A user over its quota is kept from histories before; what is kept for sessions alone is cut there. [Q7] */
  private countPublisher({ user }: Publication, { bytes, logs, seq }: LogRecord): void {
    if (user === undefined) return;
    this.quota.count(user, bytes, this.queue.bytes > this.limits.maxBytes / 2);
    if (this.quota.overMs(user) === 0) return;
    for (const log of logs) if (log.rule === undefined) log.dropThrough(seq);
  }

  /** The place of what is not kept: after what is. */
  private placeNow(): Stamp {
    for (const log of this.matched) this.settle(log);
    const positions = positionsOf(this.matched);
    return positions === undefined ? this.currentStamp : { cursor: this.cursor, positions };
  }

  private keepBound(): void {
    while (this.queue.bytes > this.limits.maxBytes) {
      const { seq, logs } = this.queue.oldest!;
      for (const log of logs) {
        if (log.size === 0) continue;
        log.dropThrough(seq);
        this.settle(log);
      }
    }
  }

  /** Brings what follows from a log's state in line with it: when it is looked at next, and whether it is there at all. */
  private settle(log: RoomLog): void {
    if (log.size > 0) {
      this.idle.delete(log);
      log.deadline ??= this.deadlines.at(log.keptUntil(), () => this.lookAgain(log));
      return;
    }
    this.deadlines.cancel(log.deadline);
    log.deadline = undefined;
    if (log.interest > 0) this.idle.delete(log);
    else if (log.rule !== undefined) this.idle.use(log, this.now());
    else if (log === this.everyone) this.everyone = undefined;
    else this.logs.delete(log.name);
  }

  private lookAgain(log: RoomLog): void {
    log.deadline = undefined;
    log.trim(this.now());
    this.settle(log);
  }
}

function positionsOf(logs: readonly RoomLog[]): ReadonlyMap<string, Position> | undefined {
  let positions: Map<string, Position> | undefined;
  for (const { rule, name, epoch, lastOffset } of logs) {
    if (rule === undefined) continue;
    positions ??= new Map();
    positions.set(name, { epoch, offset: lastOffset });
  }
  return positions;
}
