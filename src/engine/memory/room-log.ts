import { randomBytes } from 'node:crypto';
import type { HistoryRule } from '../../config/values.js';
import {
  historyEntry,
  MAX_PAGE_BYTES,
  type HistoryEntry,
  type HistoryPage,
  type HistoryRequest,
  type LoggedPublication,
} from '../log.js';
import type { Deadline } from '../../timers/deadlines.js';
import { Deque } from './deque.js';

/** A publication that is kept. It stands in one or several logs and goes when it stands in none. */
export interface LogRecord {
  /** Orders all records of the engine. */
  readonly seq: number;
  readonly at: number;
  readonly bytes: number;
  /** The logs it was put in, and in how many of them it still stands. */
  logs: readonly RoomLog[];
  places: number;
  /** Its publisher is told who did not get it, so no session is given it again. */
  readonly isAcknowledged: boolean;
  /** `undefined` once it stands in no log, so that what waits to be cleared away holds no payload. */
  logged: LoggedPublication | undefined;
}

/**
 * What is kept of one room: its history, and what sessions in it may have missed.
 *
 * Both are the newest part of the same list, each with its own bounds; what neither needs is dropped from the front.
 * Offsets are not stored: the last one and the number of records give them all. [H2]
 */
export class RoomLog {
  /** Another life of this log is another epoch; only histories show it. */
  readonly epoch: string;
  /** Of a socket, and not of a room that happens to be named so: what is sent to a socket goes nowhere else. */
  isOfSocket = false;
  /** How many open sessions want what is published here. */
  interest = 0;
  /** The newest record that was dropped, for whatever reason: nothing up to it is covered. */
  droppedSeq = 0;
  lastOffset = 0;
  /** When it was last used; kept for logs that wait to be forgotten. */
  usedAt = 0;
  /** When it is looked at next. */
  deadline: Deadline | undefined;
  /** The last publication that was matched with it, so that one that names a room twice stands in it once. */
  matchedBy = 0;
  private readonly records = new Deque<LogRecord>();
  private bytes = 0;

  /**
   * @param sessionsKeepMs how long a record is kept for sessions
   * @param release takes a record that no longer stands here
   */
  constructor(
    readonly name: string,
    readonly rule: HistoryRule | undefined,
    private readonly sessionsKeepMs: number,
    private readonly release: (record: LogRecord) => void,
  ) {
    this.epoch = rule === undefined ? '' : randomBytes(6).toString('base64url');
  }

  get size(): number {
    return this.records.length;
  }

  append(record: LogRecord): void {
    this.records.push(record);
    this.bytes += record.bytes;
    this.lastOffset++;
  }

  /** Drops what neither the history nor a session needs. */
  trim(now: number): void {
    while (this.records.length > 0 && this.keptUntil() < now) this.dropFirst();
  }

  /** Drops the oldest until the log is within its share; the newest stays, however large it is. [Q7] */
  keepWithin(maxBytes: number): void {
    while (this.bytes > maxBytes && this.records.length > 1) this.dropFirst();
  }

  /** Drops what is not newer than `seq`. */
  dropThrough(seq: number): void {
    while (this.records.length > 0 && this.records.at(0).seq <= seq) this.dropFirst();
  }

  /** Until when the oldest record is needed; the past when it is not. There must be one. */
  keptUntil(): number {
    const { at } = this.records.at(0);
    const inHistory = this.rule !== undefined && this.records.length <= this.rule.size;
    return Math.max(
      inHistory ? at + this.rule.ttlMs : -Infinity,
      this.interest > 0 ? at + this.sessionsKeepMs : -Infinity,
    );
  }

  /** Everything newer than `seq`, added to a list. */
  collectAfter(seq: number, into: LogRecord[]): void {
    const first = this.records.firstPlace((record) => record.seq > seq);
    for (let place = first; place < this.records.length; place++) into.push(this.records.at(place));
  }

  /** A part of the history as it is visible now. [H1] [H2] */
  page({ since, limit }: HistoryRequest, now: number): HistoryPage {
    const place = { epoch: this.epoch, offset: this.lastOffset };
    const firstVisible = this.firstVisibleOffset(now);
    if (since === undefined) {
      const first = Math.max(firstVisible, this.lastOffset - limit + 1);
      return { ...place, ...this.entries(first, this.lastOffset), covered: true };
    }
    const { epoch, offset } = since;
    const isCovered =
      epoch === this.epoch &&
      Number.isSafeInteger(offset) &&
      offset <= this.lastOffset &&
      offset + 1 >= firstVisible;
    if (!isCovered) return { ...place, publications: [], more: false, covered: false };
    const last = Math.min(offset + limit, this.lastOffset);
    return { ...place, ...this.entries(offset + 1, last), covered: true };
  }

  /** The offset of the oldest publication that the rule still shows; the next one's when it shows none. */
  private firstVisibleOffset(now: number): number {
    if (this.rule === undefined) return this.lastOffset + 1;
    const oldestAt = now - this.rule.ttlMs;
    const young = this.firstOffset + this.records.firstPlace((record) => record.at >= oldestAt);
    return Math.max(young, this.lastOffset - this.rule.size + 1);
  }

  /** The offset of the oldest record; the next one's when there is none. */
  private get firstOffset(): number {
    return this.lastOffset - this.records.length + 1;
  }

  private entries(first: number, last: number): Pick<HistoryPage, 'publications' | 'more'> {
    const publications: HistoryEntry[] = [];
    let bytes = 0;
    let offset = first;
    for (; offset <= last && bytes < MAX_PAGE_BYTES; offset++) {
      const record = this.records.at(offset - this.firstOffset);
      // Which are of memory, of two a character.
      bytes += record.bytes / 2;
      // A record loses its publication only when it stands in no log.
      publications.push(historyEntry(record.logged!.publication, offset));
    }
    return { publications, more: offset <= this.lastOffset };
  }

  private dropFirst(): void {
    const record = this.records.shift()!;
    this.bytes -= record.bytes;
    this.droppedSeq = record.seq;
    this.release(record);
  }
}
