import type {
  MemberEntry,
  Page,
  RoomEntry,
  SocketEntry,
  UserCount,
  UserEntry,
} from '../../protocol/entries.js';
import { SwitchboardError } from '../../protocol/errors.js';
import { isUserRoom, USER_ROOM_PREFIX } from '../../protocol/names.js';
import type { SharedPageRequest, SharedRegistry } from '../shared-registry.js';
import { unavailable } from './connection.js';
import { decodeCursor, encodeCursor, pageSize } from './list-cursor.js';
import { entryOf, fieldsOf, letterOf, orderOf, type WrittenEntry } from './entry-fields.js';
import { LookUps } from './look-ups.js';
import type { Marks } from './marks.js';
import { CHANGE, type Change } from './scripts/change.js';
import * as pages from './scripts/pages.js';
import { luaJson, type RunScript, type Script } from './scripts/script.js';
import { TurnQueue } from './turn-queue.js';

/** What the registry needs of the engine. */
export interface RegistryContext {
  readonly run: RunScript;
  /** As `run`, also while this node is only just making itself known again. */
  readonly runEarly: RunScript;
  readonly isAvailable: () => boolean;
  /** This node and its generation. */
  readonly identity: () => readonly [node: string, generation: string];
  /** How long a user whose connection broke is held, and how long what sessions miss is kept. */
  readonly recoveryWindowMs: number;
  readonly sessionsKeepMs: number;
  readonly marks: Marks;
  /** A change was not made, or nobody knows: what this node holds has to be written again. */
  readonly lost: () => void;
}

type PageReply<Item> = readonly [
  total: number,
  more: 0 | 1,
  items: readonly (readonly [order: string, Item])[],
];

type MembersReply = PageReply<readonly [user: string, sockets: string, info: string]>;

/** Redis is given time for others: all nodes may have to write everything again at the same time. */
const REWRITTEN_AT_ONCE = 100;
/** How many sockets are compared at a time: 10,000 take eight minutes, and Redis less than a thousandth of its time. */
const CHECKED_AT_ONCE = 100;

/** What a look-up of a user is taken to bring, before it is known. */
const SOCKETS_OF_A_USER = 10;
const MAX_DEPARTURES = 100_000;

/** The registry of all nodes, in Redis. [R4] */
export class RedisRegistry implements SharedRegistry {
  private readonly changes: TurnQueue<Change>;
  private readonly lookUps: LookUps;
  private writes = 0;
  /** Sockets with changes under way, and how many: what is written of them is not yet what it will be. */
  private readonly changing = new Map<string, number>();
  /** What sockets left on purpose that Redis may not know of: once they have gone, nothing else tells that they did. */
  private readonly departures: Change[] = [];
  /** How far the check of what this node holds has come. */
  private checking: Iterator<SocketEntry> | undefined;
  /** Sockets that were let in and are not connected yet, with the generation of this node that wrote them. */
  private readonly entering = new Map<string, string>();

  constructor(private readonly context: RegistryContext) {
    this.lookUps = new LookUps(context.run);
    this.changes = new TurnQueue(async (changes) => {
      try {
        const { recoveryWindowMs, sessionsKeepMs } = context;
        const keep = [recoveryWindowMs, sessionsKeepMs] as const;
        const reply = await context.runEarly(CHANGE, ...context.identity(), luaJson(changes), ...keep);
        const [writes, results] = reply as [number, unknown[]];
        this.writes = writes;
        return results;
      } catch (failure) {
        context.lost();
        throw failure;
      }
    });
  }

  async enter(socket: SocketEntry, maxSocketsPerUser: number): Promise<void> {
    this.entering.set(socket.socketId, this.context.identity()[1]);
    const change: Change = ['enter', socket.socketId, ...fieldsOf(socket), maxSocketsPerUser];
    const result = await this.change(change).catch((failure: unknown) => {
      this.entering.delete(socket.socketId);
      throw failure;
    });
    if (result === 1) return;
    this.entering.delete(socket.socketId);
    throw new SwitchboardError('limit.sockets', {
      message: `this user has the ${maxSocketsPerUser} sockets it may have`,
    });
  }

  connected(socketId: string, entry: () => SocketEntry): void {
    const generation = this.entering.get(socketId);
    this.entering.delete(socketId);
    if (generation === this.context.identity()[1]) return;
    // Where it fails, everything is written again, and it is part of that now.
    this.change(['hold', socketId, ...fieldsOf(entry()), entry().rooms]).then(
      (isHeld) => isHeld === 1 || this.context.lost(),
      () => undefined,
    );
  }

  /** Has what was changed in this turn written before what is asked next. */
  flush(): void {
    this.changes.flush();
  }

  upgraded(socketId: string, transport: SocketEntry['transport']): void {
    // Where it fails, everything is written again.
    this.change(['transport', socketId, letterOf(transport)]).catch(() => undefined);
  }

  async leave(socketId: string, comesBack: boolean): Promise<void> {
    this.entering.delete(socketId);
    await this.change(['leave', socketId, comesBack ? 'broken' : 'left']);
  }

  async joined(socketId: string, room: string): Promise<void> {
    await this.change(['join', socketId, room]);
  }

  async parted(socketId: string, room: string): Promise<void> {
    await this.change(['part', socketId, room]);
  }

  async socket(socketId: string): Promise<SocketEntry | undefined> {
    const written = (await this.lookUps.ask(['socket', socketId])) as WrittenEntry | null;
    return written === null ? undefined : entryOf(written);
  }

  async sockets(
    { user, room }: { user?: string; room?: string },
    request: SharedPageRequest,
  ): Promise<Page<SocketEntry>> {
    if (user !== undefined) return this.socketsOfUser(user, room, request);
    if (room !== undefined && isUserRoom(room)) return this.socketsOfUser(userOf(room), undefined, request);
    const kind = room === undefined ? 'sockets' : `sockets in ${room}`;
    const after = afterOf(kind, request);
    const limit = pageSize(request.limit);
    const question = ['sockets', room ?? '', after, String(limit)] as const;
    const reply = await this.lookUps.ask(question, limit);
    const [total, last, written] = reply as [number, string | null, WrittenEntry[]];
    return { items: written.map(entryOf), next: last === null ? null : encodeCursor(kind, last), total };
  }

  async user(user: string): Promise<UserEntry> {
    const sockets = (await this.allOfUser(user)).map(entryOf);
    const rooms = [...new Set(sockets.flatMap((socket) => socket.rooms))];
    return { user, online: sockets.length > 0, sockets, rooms };
  }

  async users(request: SharedPageRequest): Promise<Page<UserCount>> {
    const reply = (await this.page(pages.USERS, 'users', request)) as PageReply<readonly [string, number]>;
    return pageOf('users', reply, ([user, sockets]) => ({ user, sockets }));
  }

  async room(room: string): Promise<RoomEntry> {
    if (isUserRoom(room)) {
      const sockets = (await this.allOfUser(userOf(room))).length;
      return { room, sockets, users: sockets === 0 ? 0 : 1 };
    }
    const [sockets, users] = (await this.lookUps.ask(['room', room])) as [number, number];
    return { room, sockets, users };
  }

  async rooms(prefix: string, request: SharedPageRequest): Promise<Page<RoomEntry>> {
    const after = decodeCursor('rooms', request.cursor) ?? '';
    const limit = pageSize(request.limit);
    const reply = await this.context.run(pages.ROOMS, prefix, after, limit);
    const [total, more, rooms] = reply as [number, 0 | 1, [string, number, number][]];
    const items = rooms.map(([room, sockets, users]) => ({ room, sockets, users }));
    return { items, next: more === 1 ? encodeCursor('rooms', items.at(-1)!.room) : null, total };
  }

  async members(room: string, request: SharedPageRequest): Promise<Page<MemberEntry>> {
    const kind = `members of ${room}`;
    if (!isUserRoom(room)) return membersOf(kind, await this.page(pages.MEMBERS, kind, request, room));
    const [first, ...others] = await this.allOfUser(userOf(room));
    const items =
      first === undefined
        ? []
        : [{ user: userOf(room), info: entryOf(first).info, sockets: 1 + others.length }];
    return { items, next: null, total: items.length };
  }

  async firstMembers(
    room: string,
    limit: number | undefined,
    listed: () => Promise<void> | void,
  ): Promise<Page<MemberEntry>> {
    if (isUserRoom(room)) {
      await listed();
      return this.members(room, { limit });
    }
    const { marks, identity, run } = this.context;
    const { token, reached } = marks.next();
    // At the mark, whenever the answer comes: what stands before it is in the list, and what stands behind it is not.
    const told = reached().then(listed);
    told.catch(() => undefined);
    try {
      const reply = await run(pages.MEMBERS_MARKED, room, '0', pageSize(limit), identity()[0], token);
      await told;
      return membersOf(`members of ${room}`, reply);
    } finally {
      marks.drop(token);
    }
  }

  async counts(): Promise<{ sockets: number; users: number; rooms: number }> {
    const [sockets, users, rooms] = (await this.lookUps.ask(['counts'])) as [number, number, number];
    return { sockets, users, rooms };
  }

  /** How often this node has changed the registry; Redis knowing of as many shows that it has lost none of them. */
  get timesChanged(): number {
    return this.writes;
  }

  /**
   * Writes again what this node holds, and takes out what it does not.
   *
   * A socket that is being changed right now is left as it is: what is known of it here is not settled.
   * @returns whether there was one, so that it has to be done again
   */
  async rewrite(held: () => Iterable<SocketEntry>): Promise<boolean> {
    const known = new Set<string>();
    let isUnsettled = false;
    let batch: Change[] = [];
    for (const socket of held()) {
      known.add(socket.socketId);
      if (this.changing.has(socket.socketId)) {
        isUnsettled = true;
        continue;
      }
      batch.push(holdOf(socket));
      if (batch.length < REWRITTEN_AT_ONCE) continue;
      if (!(await this.makeAll(batch))) isUnsettled = true;
      batch = [];
    }
    if (!(await this.makeAll(batch))) isUnsettled = true;
    const written = (await this.context.runEarly(pages.HELD, this.context.identity()[0])) as string[];
    const unknown = written.some((id) => !known.has(id));
    // What they left on purpose, nobody waits for.
    while (this.departures.length > 0) {
      // Whoever has come in while this was written and asked is here now, and was not when the walk passed.
      for (const { socketId } of held()) known.add(socketId);
      const departures = this.departures.splice(0, REWRITTEN_AT_ONCE).filter(([, id]) => !known.has(id));
      await this.makeAll(departures);
    }
    if (unknown) for (const { socketId } of held()) known.add(socketId);
    const gone = written.filter((id) => !known.has(id) && !this.entering.has(id) && !this.changing.has(id));
    while (gone.length > 0) {
      await this.makeAll(gone.splice(0, REWRITTEN_AT_ONCE).map((id) => ['leave', id, 'broken']));
    }
    return isUnsettled;
  }

  /** Writes the next few of the sockets that this node holds again: whatever went wrong with them is right then. */
  async check(held: () => Iterable<SocketEntry>): Promise<void> {
    const changes: Change[] = [];
    this.checking ??= held()[Symbol.iterator]();
    for (let count = 0; count < CHECKED_AT_ONCE; count++) {
      const next = this.checking.next();
      if (next.done) {
        this.checking = undefined;
        break;
      }
      if (!this.changing.has(next.value.socketId)) changes.push(holdOf(next.value));
    }
    await this.makeAll(changes);
  }

  /** Whether all of them took effect: a socket that another node still seems to hold is not taken from it. */
  private async makeAll(changes: readonly Change[]): Promise<boolean> {
    const results = await Promise.all(changes.map((change) => this.changes.push(change)));
    return results.every((result) => result === 1);
  }

  private async change(change: Change): Promise<unknown> {
    if (!this.context.isAvailable()) {
      this.remember(change);
      this.context.lost();
      throw unavailable();
    }
    const socketId = change[1];
    this.changing.set(socketId, (this.changing.get(socketId) ?? 0) + 1);
    try {
      return await this.changes.push(change);
    } catch (failure) {
      this.remember(change);
      throw failure;
    } finally {
      const others = this.changing.get(socketId)! - 1;
      if (others === 0) this.changing.delete(socketId);
      else this.changing.set(socketId, others);
    }
  }

  private remember(change: Change): void {
    const isOnPurpose = change[0] === 'part' || (change[0] === 'leave' && change[2] === 'left');
    if (isOnPurpose && this.departures.length < MAX_DEPARTURES) this.departures.push(change);
  }

  private page(
    script: Script,
    kind: string,
    request: SharedPageRequest,
    ...args: string[]
  ): Promise<unknown> {
    return this.context.run(script, ...args, afterOf(kind, request), pageSize(request.limit));
  }

  /** A user has few sockets, so all are read rather than indexed a second time. */
  private async allOfUser(user: string): Promise<WrittenEntry[]> {
    return (await this.lookUps.ask(['user', user], SOCKETS_OF_A_USER)) as WrittenEntry[];
  }

  private async socketsOfUser(
    user: string,
    room: string | undefined,
    request: SharedPageRequest,
  ): Promise<Page<SocketEntry>> {
    const limit = pageSize(request.limit);
    const after = Number(afterOf('sockets', request));
    const isOwnRoom = room !== undefined && isUserRoom(room) && userOf(room) === user;
    const all = (await this.allOfUser(user)).map((written) => ({
      order: orderOf(written),
      entry: entryOf(written),
    }));
    const matching = all.filter(({ entry }) => room === undefined || isOwnRoom || entry.rooms.includes(room));
    const rest = matching.filter(({ order }) => order > after);
    const items = rest.slice(0, limit);
    return {
      items: items.map(({ entry }) => entry),
      next: rest.length > limit ? encodeCursor('sockets', String(items.at(-1)!.order)) : null,
      total: matching.length,
    };
  }
}

const holdOf = (socket: SocketEntry): Change => ['hold', socket.socketId, ...fieldsOf(socket), socket.rooms];

/** After which order a page begins. */
const afterOf = (kind: string, { cursor }: SharedPageRequest): string =>
  decodeCursor(kind, cursor, /^\d{1,15}$/) ?? '0';

const membersOf = (kind: string, reply: unknown): Page<MemberEntry> =>
  pageOf(kind, reply as MembersReply, ([user, sockets, info]) => ({
    user,
    info: JSON.parse(info) as unknown,
    sockets: Number(sockets),
  }));

const userOf = (room: string): string => room.slice(USER_ROOM_PREFIX.length);

function pageOf<Item, Entry>(
  kind: string,
  [total, more, items]: PageReply<Item>,
  entry: (item: Item) => Entry,
): Page<Entry> {
  return {
    items: items.map(([, item]) => entry(item)),
    next: more === 1 ? encodeCursor(kind, items.at(-1)![0]) : null,
    total,
  };
}
