import type {
  MemberEntry,
  Page,
  RoomEntry,
  SocketEntry,
  UserCount,
  UserEntry,
} from '../../../protocol/entries.js';
import { isUserRoom, USER_ROOM_PREFIX } from '../../../protocol/names.js';
import {
  decodeName,
  encodeName,
  pageSize,
  type ListKind,
  type PageRequest,
} from '../../../protocol/paging.js';
import type { RegistryReader } from '../../registry.js';
import { entryOf, orderOf, type WrittenEntry } from './entry-fields.js';
import { LookupBatcher } from './lookup-batcher.js';
import { MEMBERS, MEMBERS_MARKED, ROOMS, USERS } from '../lua/scripts.js';
import type { Script } from '../lua/script.js';
import type { NodeContext } from '../node/node-context.js';
import type { RedisRegistryWriter } from './registry-writer.js';

/** What the registry needs of the engine. */
export type RegistryContext = Pick<NodeContext, 'run' | 'node' | 'barriers'>;

type PageReply<Item> = readonly [
  total: number,
  more: 0 | 1,
  items: readonly (readonly [order: string, Item])[],
];

type MembersReply = PageReply<readonly [user: string, sockets: string, info: string]>;

/** What a look-up of a user is taken to bring, before it is known. */
const SOCKETS_OF_A_USER = 10;

/** Who is connected on all nodes, as Redis knows it. [R4] */
export class RedisRegistryReader implements RegistryReader {
  private readonly lookUps: LookupBatcher;

  constructor(
    private readonly context: RegistryContext,
    private readonly holdings: Pick<RedisRegistryWriter, 'flush'>,
  ) {
    this.lookUps = new LookupBatcher((script, ...args) => this.run(script, ...args));
  }

  async socket(socketId: string): Promise<SocketEntry | undefined> {
    const written = (await this.lookUps.ask(['socket', socketId])) as WrittenEntry | null;
    return written === null ? undefined : entryOf(written);
  }

  async sockets(
    { user, room }: { user?: string; room?: string },
    request: PageRequest,
  ): Promise<Page<SocketEntry>> {
    if (user !== undefined) return this.socketsOfUser(user, room, request);
    if (room !== undefined && isUserRoom(room)) return this.socketsOfUser(userOf(room), undefined, request);
    const kind: ListKind = room === undefined ? 'sockets' : `sockets in ${room}`;
    const after = afterOf(kind, request);
    const limit = pageSize(request.limit);
    const question = ['sockets', room ?? '', after, String(limit)] as const;
    const reply = await this.lookUps.ask(question, limit);
    const [total, last, written] = reply as [number, string | null, WrittenEntry[]];
    return { items: written.map(entryOf), next: last === null ? null : encodeName(kind, last), total };
  }

  async user(user: string): Promise<UserEntry> {
    const sockets = (await this.allOfUser(user)).map(entryOf);
    const rooms = [...new Set(sockets.flatMap((socket) => socket.rooms))];
    return { user, online: sockets.length > 0, sockets, rooms };
  }

  async users(request: PageRequest): Promise<Page<UserCount>> {
    const reply = (await this.page(USERS, 'users', request)) as PageReply<readonly [string, number]>;
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

  async rooms(prefix: string, request: PageRequest): Promise<Page<RoomEntry>> {
    const after = decodeName('rooms', request.cursor) ?? '';
    const limit = pageSize(request.limit);
    const reply = await this.run(ROOMS, prefix, after, limit);
    const [total, more, rooms] = reply as [number, 0 | 1, [string, number, number][]];
    const items = rooms.map(([room, sockets, users]) => ({ room, sockets, users }));
    return { items, next: more === 1 ? encodeName('rooms', items.at(-1)!.room) : null, total };
  }

  async members(room: string, request: PageRequest): Promise<Page<MemberEntry>> {
    const kind: ListKind = `members of ${room}`;
    if (!isUserRoom(room)) return membersOf(kind, await this.page(MEMBERS, kind, request, room));
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
    const { barriers, node } = this.context;
    const { token, reached } = barriers.next();
    // At the mark, whenever the answer comes: what stands before it is in the list, and what stands behind it is not.
    const told = reached().then(listed);
    told.catch(() => undefined);
    try {
      const reply = await this.run(MEMBERS_MARKED, room, '0', pageSize(limit), node, token);
      await told;
      return membersOf(`members of ${room}`, reply);
    } finally {
      barriers.drop(token);
    }
  }

  async counts(): Promise<{ sockets: number; users: number; rooms: number }> {
    const [sockets, users, rooms] = (await this.lookUps.ask(['counts'])) as [number, number, number];
    return { sockets, users, rooms };
  }

  /** What this node has changed is there for whoever asks it afterwards, in the same turn too. [L3] */
  private run(script: Script, ...args: readonly (string | number)[]): Promise<unknown> {
    this.holdings.flush();
    return this.context.run(script, ...args);
  }

  private page(script: Script, kind: ListKind, request: PageRequest, ...args: string[]): Promise<unknown> {
    return this.run(script, ...args, afterOf(kind, request), pageSize(request.limit));
  }

  /** A user has few sockets, so all are read rather than indexed a second time. */
  private async allOfUser(user: string): Promise<WrittenEntry[]> {
    return (await this.lookUps.ask(['user', user], SOCKETS_OF_A_USER)) as WrittenEntry[];
  }

  private async socketsOfUser(
    user: string,
    room: string | undefined,
    request: PageRequest,
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
      next: rest.length > limit ? encodeName('sockets', String(items.at(-1)!.order)) : null,
      total: matching.length,
    };
  }
}

/** After which order a page begins. */
const afterOf = (kind: ListKind, { cursor }: PageRequest): string =>
  decodeName(kind, cursor, /^\d{1,15}$/) ?? '0';

const membersOf = (kind: ListKind, reply: unknown): Page<MemberEntry> =>
  pageOf(kind, reply as MembersReply, ([user, sockets, info]) => ({
    user,
    info: JSON.parse(info) as unknown,
    sockets: Number(sockets),
  }));

const userOf = (room: string): string => room.slice(USER_ROOM_PREFIX.length);

function pageOf<Item, Entry>(
  kind: ListKind,
  [total, more, items]: PageReply<Item>,
  entry: (item: Item) => Entry,
): Page<Entry> {
  return {
    items: items.map(([, item]) => entry(item)),
    next: more === 1 ? encodeName(kind, items.at(-1)![0]) : null,
    total,
  };
}
