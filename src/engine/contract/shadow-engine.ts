import type { HistoryRule } from '../../config/values.js';
import { userRoom } from '../../protocol/names.js';
import type { Position, Publication, Selection } from '../../protocol/publication.js';
import { HistoryRules } from '../memory/history-rules.js';
import { publicationBytes } from '../memory/publication-size.js';

export interface ShadowLimits {
  readonly history: readonly HistoryRule[];
  readonly recoveryWindowMs: number;
  readonly sessionsKeepMs: number;
  readonly maxBytes: number;
}

/** One publication that is wanted somewhere; where it was dropped on request is kept beside it. */
export interface ShadowRecord {
  readonly seq: number;
  readonly at: number;
  readonly bytes: number;
  readonly publication: Publication;
  readonly channels: ReadonlySet<string>;
  readonly droppedFrom: Set<string>;
}

export type ShadowState =
  | { readonly is: 'attached' }
  | { readonly is: 'claimed' | 'waiting'; readonly endsAt: number }
  | { readonly is: 'ended' };

export interface ShadowSession {
  readonly sessionId: string;
  readonly socketId: string;
  readonly user: string;
  readonly openedSeq: number;
  readonly rooms: Map<string, number>;
  readonly pastStays: { readonly room: string; readonly since: number; readonly until: number }[];
  state: ShadowState;
}

/** What stands for everyone; no room is called so in the tests. */
const EVERYONE = '<everyone>';

const namesOf = ({ rooms = [], users = [], sockets = [] }: Selection): string[] => [
  ...rooms,
  ...users.map(userRoom),
  ...sockets,
];

/**
 * What the engine has to do, in the plainest way: it forgets nothing and looks through everything every time.
 *
 * It says what must be gone, and what may be: an engine is free to keep more than it has to, never to give a part for
 * the whole.
 */
export class ShadowEngine {
  now = 0;
  readonly records: ShadowRecord[] = [];
  readonly sessions: ShadowSession[] = [];
  private readonly rules: HistoryRules;

  constructor(private readonly limits: ShadowLimits) {
    this.rules = new HistoryRules(limits.history);
  }

  get seq(): number {
    return this.records.length;
  }

  /** @returns whether it is wanted anywhere */
  publish(publication: Publication): boolean {
    const { to } = publication;
    const names = 'all' in to ? [EVERYONE] : namesOf(to);
    const channels = new Set(
      names.filter((name) => this.rules.of(name) !== undefined || this.isListenedTo(name)),
    );
    if (publication.volatile || channels.size === 0) return false;
    const bytes = publicationBytes(publication, channels.size);
    const seq = this.seq + 1;
    this.records.push({ seq, at: this.now, bytes, publication, channels, droppedFrom: new Set() });
    return true;
  }

  /** The places of a publication's rooms after it was published. */
  positions({ to }: Publication): Map<string, number> {
    const names = 'all' in to ? [] : namesOf(to);
    const kept = names.filter((name) => this.rules.of(name) !== undefined);
    return new Map(kept.map((name) => [name, this.in(name).length]));
  }

  /** Everything that was ever published in a room; the place in it is the offset. */
  in(channel: string): ShadowRecord[] {
    return this.records.filter(({ channels }) => channels.has(channel));
  }

  /** Whether a room's history has to show a publication, unless memory ran out. */
  shows(room: string, record: ShadowRecord): boolean {
    const rule = this.rules.of(room);
    if (rule === undefined || record.droppedFrom.has(room)) return false;
    const newer = this.in(room).filter(({ seq }) => seq > record.seq).length;
    return newer < rule.size && this.now - record.at <= rule.ttlMs;
  }

  /** Whether the bound on memory can have cost it: only when what came since fills the memory with it. */
  mayBeEvicted(record: ShadowRecord): boolean {
    let bytes = 0;
    for (const each of this.records) if (each.seq >= record.seq) bytes += each.bytes;
    return bytes > this.limits.maxBytes;
  }

  /** What came after a position, where it has to be there. */
  after(room: string, { offset }: Position): { entries: ShadowRecord[]; isShown: boolean } {
    const all = this.in(room);
    const entries = all.slice(Math.max(0, offset));
    const isShown =
      offset >= 0 && offset <= all.length && entries.every((record) => this.shows(room, record));
    return { entries, isShown };
  }

  drop(room: string): void {
    for (const record of this.in(room)) record.droppedFrom.add(room);
  }

  /** @returns whether it was in the room */
  leave({ rooms, pastStays }: ShadowSession, room: string): boolean {
    const since = rooms.get(room);
    if (since === undefined) return false;
    pastStays.push({ room, since, until: this.seq });
    return rooms.delete(room);
  }

  end(session: ShadowSession): void {
    session.state = { is: 'ended' };
  }

  wait(session: ShadowSession, endsAt = this.now + this.limits.recoveryWindowMs): void {
    session.state = { is: 'waiting', endsAt };
  }

  advance(ms: number): void {
    this.now += ms;
    for (const session of this.sessions) {
      if (session.state.is === 'waiting' && session.state.endsAt <= this.now) this.end(session);
    }
  }

  /** What was published where the session listened, and whether it is certain or possible that some of it has gone. */
  since(session: ShadowSession, seq: number): { missed: string[]; isGone: boolean; mayBeGone: boolean } {
    const found = new Map<number, ShadowRecord>();
    let isGone = false;
    let mayBeGone = false;
    for (const [channel, joinedSeq] of this.channelsOf(session)) {
      for (const record of this.in(channel)) {
        if (record.seq <= Math.max(seq, joinedSeq)) continue;
        found.set(record.seq, record);
        if (record.droppedFrom.has(channel)) isGone = true;
        const isOld = this.now - record.at > this.limits.sessionsKeepMs && !this.shows(channel, record);
        if (isOld || this.mayBeEvicted(record)) mayBeGone = true;
      }
    }
    const records = [...found.values()].sort((one, other) => one.seq - other.seq);
    const missed = records
      .filter((record) => this.isFor(session, record))
      .map(({ publication: { id } }) => id);
    return { missed, isGone, mayBeGone };
  }

  private isFor(session: ShadowSession, { seq, publication: { except, namespace } }: ShadowRecord): boolean {
    if (namespace !== undefined && namespace !== '/') return false;
    const inside = new Set([session.socketId, userRoom(session.user)]);
    for (const [room, joinedSeq] of session.rooms) if (joinedSeq < seq) inside.add(room);
    for (const { room, since, until } of session.pastStays) if (since < seq && seq <= until) inside.add(room);
    return !namesOf(except).some((name) => inside.has(name));
  }

  private channelsOf({ socketId, user, openedSeq, rooms }: ShadowSession): (readonly [string, number])[] {
    const own = [socketId, userRoom(user), EVERYONE].map((channel) => [channel, openedSeq] as const);
    return [...own, ...rooms];
  }

  private isListenedTo(channel: string): boolean {
    return this.sessions.some(
      (session) =>
        session.state.is !== 'ended' && this.channelsOf(session).some(([listened]) => listened === channel),
    );
  }
}
