import { SwitchboardError } from '../../protocol/errors.js';
import type { Position, Publication } from '../../protocol/publication.js';
import type { LoggedPublication } from '../log.js';
import type { Claim, ClaimRequest, NewSession, SessionRoom, SessionStore } from '../sessions.js';
import { decodePublication } from './codec.js';
import { unavailable } from './connection.js';
import { hashed, partOfRoom, roomOfPart } from './keys.js';
import type { Marks } from './marks.js';
import { formatPlace, isUpTo, parsePlace, type Place } from './place.js';
import type { RunScript } from './scripts/script.js';
import { CHANGE_SESSIONS, CLAIM, MISSED, type SessionChange } from './scripts/session.js';
import { TurnQueue } from './turn-queue.js';

/** What the sessions need of the engine. */
export interface SessionsContext {
  readonly run: RunScript;
  /** As `run`, also while this node is only just making itself known again. */
  readonly runEarly: RunScript;
  readonly isAvailable: () => boolean;
  /** This node and its generation. */
  readonly identity: () => readonly [node: string, generation: string];
  readonly recoveryWindowMs: number;
  /** The last place this node was told of. */
  readonly seq: () => number;
  readonly keeps: (room: string) => boolean;
  readonly takeOver: (socketId: string) => void;
  readonly marks: Marks;
}

type MissedReply = readonly [
  epoch: string,
  parts: readonly (readonly [part: string, since: number])[],
  entries: readonly (readonly [
    seq: number,
    part: string,
    epoch: string,
    offset: number,
    publication: string,
  ])[],
];

/** What is made up for when it was not written: whoever asked for anything else was told that it failed. */
const ENDS: ReadonlySet<SessionChange[0]> = new Set(['left', 'detach', 'close', 'closeOfUser', 'release']);
const MAX_UNSETTLED = 100_000;

/** Sessions of all nodes, in Redis; by the hash of their IDs, which are secrets. [H4] [H6] */
export class RedisSessions implements SessionStore {
  private readonly changes: TurnQueue<SessionChange>;
  /** Sessions of sockets here, to be written again where Redis has lost them. */
  private readonly live = new Map<
    string,
    { readonly session: NewSession; readonly rooms: Map<string, SessionRoom> }
  >();
  /** Ends that Redis may not know of: a session that nobody ends would be kept for as long as this node lives. */
  private unsettled: SessionChange[] = [];
  /** The session whose socket is being ended in favour of another connection. */
  private takenOver: string | undefined;

  constructor(private readonly context: SessionsContext) {
    this.changes = new TurnQueue(async (changes) => {
      await this.context.runEarly(
        CHANGE_SESSIONS,
        ...this.context.identity(),
        this.context.recoveryWindowMs,
        JSON.stringify(changes),
      );
      return [];
    });
  }

  open(session: NewSession): Promise<void> {
    this.live.set(session.sessionId, { session, rooms: new Map() });
    return this.change(this.opening(session));
  }

  renewed(sessionId: string, token: unknown): Promise<void> {
    const live = this.live.get(sessionId);
    if (live) this.live.set(sessionId, { session: { ...live.session, token }, rooms: live.rooms });
    return this.change(['renewed', hashed(sessionId), JSON.stringify(token)]);
  }

  joined(sessionId: string, room: SessionRoom): Promise<void> {
    this.live.get(sessionId)?.rooms.set(room.room, room);
    return this.change(['joined', hashed(sessionId), room.room, JSON.stringify(room)]);
  }

  left(sessionId: string, room: string): Promise<void> {
    if (hashed(sessionId) !== this.takenOver) this.live.get(sessionId)?.rooms.delete(room);
    return this.change(['left', hashed(sessionId), room]);
  }

  detach(sessionId: string): Promise<void> {
    this.forget(sessionId);
    return this.change(['detach', hashed(sessionId)]);
  }

  close(sessionId: string): Promise<void> {
    this.forget(sessionId);
    return this.change(['close', hashed(sessionId)]);
  }

  closeOfUser(user: string): Promise<void> {
    return this.change(['closeOfUser', user]);
  }

  async claim(sessionId: string, { user, namespace, cursor }: ClaimRequest): Promise<Claim | undefined> {
    const place = cursor === undefined ? undefined : parsePlace(cursor);
    if (cursor !== undefined && place === undefined) return undefined;
    const id = hashed(sessionId);
    this.changes.flush();
    const given = (await this.context.run(
      CLAIM,
      ...this.context.identity(),
      id,
      user,
      namespace,
      place?.epoch ?? '',
      place?.seq ?? 0,
      this.context.recoveryWindowMs,
    )) as readonly [socketId: string, holder: string, rooms: readonly string[], token: string] | null;
    if (given === null) return undefined;
    const [socketId, holder, rooms, token] = given;
    if (holder === this.context.identity()[0]) this.endSocketOf(id, socketId);
    const session = { sessionId, socketId, user, namespace, token: JSON.parse(token) as unknown };
    const entries = rooms.map((how) => JSON.parse(how) as SessionRoom);
    this.live.set(sessionId, { session, rooms: new Map(entries.map((entry) => [entry.room, entry])) });
    return {
      socketId,
      rooms: entries,
      token: session.token,
      missed: () => this.missed(id, session, place),
      release: () => {
        this.forget(sessionId);
        this.change(['release', id]).catch(() => undefined);
      },
    };
  }

  /** Another node has the session of a socket here. Rare, so that no second index is kept for it. */
  takenFrom(socketId: string): void {
    for (const [sessionId, { session }] of this.live) {
      if (session.socketId === socketId) this.live.delete(sessionId);
    }
  }

  /** Makes up for what was not written while Redis was away. */
  async settle(): Promise<void> {
    const changes = this.unsettled;
    this.unsettled = [];
    const outcomes = await Promise.allSettled(changes.map((change) => this.changes.push(change)));
    if (outcomes.every(({ status }) => status === 'fulfilled')) return;
    this.unsettled = [...changes, ...this.unsettled].slice(0, MAX_UNSETTLED);
    throw unavailable();
  }

  /** Writes the sessions of sockets here again: from now on they can come back, for what is published from now on. */
  async rewrite(): Promise<void> {
    this.unsettled = [];
    const writes: Promise<unknown>[] = [];
    for (const [sessionId, { session, rooms }] of this.live) {
      const id = hashed(sessionId);
      writes.push(this.changes.push(this.opening(session)));
      for (const room of rooms.values()) {
        writes.push(this.changes.push(['joined', id, room.room, JSON.stringify(room)]));
      }
    }
    await Promise.all(writes);
  }

  private opening({ sessionId, socketId, user, namespace, token }: NewSession): SessionChange {
    const known = this.context.seq();
    return ['open', hashed(sessionId), socketId, user, namespace, known, JSON.stringify(token)];
  }

  /** Nothing is written for it again; not while its socket makes room for another one of the same session. */
  private forget(sessionId: string): void {
    if (hashed(sessionId) !== this.takenOver) this.live.delete(sessionId);
  }

  private async change(change: SessionChange): Promise<void> {
    // What an ending socket says of its session on the way out is no longer true of it.
    if (change[1] === this.takenOver) return;
    try {
      if (!this.context.isAvailable()) throw unavailable();
      await this.changes.push(change);
    } catch (failure) {
      if (ENDS.has(change[0]) && this.unsettled.length < MAX_UNSETTLED) this.unsettled.push(change);
      throw failure;
    }
  }

  private endSocketOf(id: string, socketId: string): void {
    this.takenOver = id;
    try {
      this.context.takeOver(socketId);
    } finally {
      this.takenOver = undefined;
    }
  }

  /** Resolves between what it holds and what reaches the socket live: see {@link Marks}. */
  private async missed(
    id: string,
    session: SessionOwner,
    after: Place | undefined,
  ): Promise<readonly LoggedPublication[]> {
    const { token, reached } = this.context.marks.next();
    this.changes.flush();
    const identity = this.context.identity();
    const reply = (await this.context.run(
      MISSED,
      ...identity,
      id,
      after?.seq ?? 0,
      token,
    )) as MissedReply | null;
    if (reply === null) {
      throw new SwitchboardError('engine.unavailable', { message: 'the session can no longer be recovered' });
    }
    const missed = missedBy(session, reply, after, this.context.keeps);
    await reached;
    return missed;
  }
}

/** Whose session it is, and where. */
type SessionOwner = Pick<NewSession, 'socketId' | 'user' | 'namespace'>;

interface MissedEntry {
  readonly text: string;
  readonly positions: Map<string, Position>;
}

function missedBy(
  { socketId, user, namespace }: SessionOwner,
  [epoch, parts, entries]: MissedReply,
  after: Place | undefined,
  keeps: (room: string) => boolean,
): LoggedPublication[] {
  const since = new Map(parts);
  /** Whether it was in a part when something was published: one that it joined later took nothing off. */
  const wasIn = (part: string, seq: number): boolean => (since.get(part) ?? Infinity) < seq;
  const isFor = ({ namespace: only, except }: Publication, seq: number): boolean => {
    if (only !== undefined && only !== namespace) return false;
    return !(
      except.rooms?.some((room) => room === socketId || wasIn(partOfRoom(room), seq)) ||
      except.users?.some((name) => name === user) ||
      except.sockets?.includes(socketId)
    );
  };
  const found = new Map<number, MissedEntry>();
  for (const [seq, part, partEpoch, offset, text] of entries) {
    const entry = found.get(seq) ?? { text, positions: new Map<string, Position>() };
    found.set(seq, entry);
    const room = roomOfPart(part);
    if (room !== undefined && keeps(room)) entry.positions.set(room, { epoch: partEpoch, offset });
  }
  const missed: LoggedPublication[] = [];
  for (const [seq, { text, positions }] of [...found].sort(([one], [other]) => one - other)) {
    const publication = decodePublication(text);
    const had = after?.had !== undefined && isUpTo(publication.id, after.had);
    if (had || !isFor(publication, seq)) continue;
    const stamp = {
      cursor: formatPlace({ epoch, seq, ...(after?.had === undefined ? {} : { had: after.had }) }),
      positions: positions.size === 0 ? undefined : positions,
    };
    missed.push({ publication, stamp });
  }
  return missed;
}
