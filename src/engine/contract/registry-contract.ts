import fc from 'fast-check';
import type { Page, SocketEntry } from '../../protocol/entries.js';
import type { PageRequest } from '../../protocol/paging.js';
import type { Answer } from '../log.js';
import type { RegistryReader } from '../registry.js';

/** A registry, and a node that holds sockets as a gateway does. */
export interface RegistryUnderTest {
  readonly registry: RegistryReader;
  readonly node: string;
  /** The socket sees `connect`, and is in the rooms. */
  connect(socketId: string, user: string, rooms?: readonly string[]): Promise<void>;
  join(socketId: string, room: string): Promise<void>;
  part(socketId: string, room: string): Promise<void>;
  disconnect(socketId: string): Promise<void>;
  close(): Promise<void>;
}

/** What every socket of these tests says of itself. */
export const DESCRIBED = {
  namespace: '/',
  transport: 'websocket',
  protocol: 4,
  address: '127.0.0.1',
  userAgent: 'test',
} as const;
export const infoOf = (user: string): { readonly name: string; readonly tags: readonly string[] } => ({
  name: user,
  tags: [],
});

/** What anyone can do to a registry; numbers name sockets, users and rooms, of which there are few. */
type Step =
  | { readonly do: 'connect'; readonly socket: number; readonly user: number }
  | { readonly do: 'disconnect'; readonly socket: number }
  | { readonly do: 'join' | 'part'; readonly socket: number; readonly room: number };

const socket = fc.nat(7);
const room = fc.nat(3);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('connect' as const), socket, user: fc.nat(3) }),
  fc.record({ do: fc.constant('disconnect' as const), socket }),
  {
    arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'part' as const), socket, room }),
    weight: 3,
  },
);

interface ModelSocket {
  readonly user: string;
  readonly rooms: Set<string>;
}

/** What holds for the registry of every engine. */
export function describeRegistry(create: () => Promise<RegistryUnderTest>): void {
  let test: RegistryUnderTest;
  beforeEach(async () => {
    test = await create();
  });
  afterEach(() => test.close());

  /** All items of a list, page by page. */
  async function walk<Item>(
    list: (request: PageRequest) => Answer<Page<Item>>,
    limit: number,
    between: () => Promise<unknown> = async () => undefined,
  ): Promise<Item[]> {
    const items: Item[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await list({ limit, cursor });
      items.push(...page.items);
      if (page.next === null) return items;
      cursor = page.next;
      await between();
    }
  }

  const idsOf = (sockets: readonly SocketEntry[]): string[] =>
    sockets.map(({ socketId }) => socketId).toSorted();

  it('[R2] gives the whole entry of a socket, with its rooms in the order of joining', async () => {
    await test.connect('a', 'ann', ['y', 'x']);
    const { connectedAt, ...entry } = (await test.registry.socket('a'))!;
    expect(Number.isNaN(Date.parse(connectedAt))).toBe(false);
    expect(entry).toEqual({
      socketId: 'a',
      user: 'ann',
      node: test.node,
      ...DESCRIBED,
      rooms: ['y', 'x'],
      info: infoOf('ann'),
    });
    expect(await test.registry.socket('none')).toBeUndefined();
  });

  it('[R1] answers for users, rooms, members and all', async () => {
    await test.connect('a', 'ann', ['x']);
    await test.connect('b', 'ann', ['x', 'y']);
    await test.connect('c', 'ben', ['y']);
    const { registry } = test;
    expect(await registry.counts()).toEqual({ sockets: 3, users: 2, rooms: 2 });
    expect(await registry.room('x')).toEqual({ room: 'x', sockets: 2, users: 1 });
    expect(await registry.room('none')).toEqual({ room: 'none', sockets: 0, users: 0 });
    expect(await registry.room('user:ann')).toEqual({ room: 'user:ann', sockets: 2, users: 1 });
    const ann = await registry.user('ann');
    expect([ann.online, idsOf(ann.sockets), ann.rooms.toSorted()]).toEqual([true, ['a', 'b'], ['x', 'y']]);
    expect(await registry.user('nobody')).toEqual({ user: 'nobody', online: false, sockets: [], rooms: [] });
    expect(await registry.members('x', {})).toEqual({
      items: [{ user: 'ann', info: infoOf('ann'), sockets: 2 }],
      next: null,
      total: 1,
    });
    expect((await registry.members('user:ann', {})).items).toMatchObject([{ user: 'ann', sockets: 2 }]);
    const listed = async (filter: { user?: string; room?: string }): Promise<unknown> => {
      const { items, total } = await registry.sockets(filter, {});
      return [idsOf(items), total];
    };
    expect(await listed({})).toEqual([['a', 'b', 'c'], 3]);
    expect(await listed({ user: 'ann' })).toEqual([['a', 'b'], 2]);
    expect(await listed({ user: 'ann', room: 'y' })).toEqual([['b'], 1]);
    expect(await listed({ room: 'y' })).toEqual([['b', 'c'], 2]);
    expect(await listed({ room: 'user:ben' })).toEqual([['c'], 1]);
    const users = await registry.users({});
    expect(users.items.toSorted((one, other) => (one.user < other.user ? -1 : 1))).toEqual([
      { user: 'ann', sockets: 2 },
      { user: 'ben', sockets: 1 },
    ]);
    expect([users.next, users.total]).toEqual([null, 2]);
  });

  it('[L3] nothing is left of a socket that has gone', async () => {
    await test.connect('a', 'ann', ['x']);
    await test.connect('b', 'ann', ['x', 'y']);
    await test.disconnect('b');
    await test.part('a', 'x');
    expect(await test.registry.counts()).toEqual({ sockets: 1, users: 1, rooms: 0 });
    await test.disconnect('a');
    expect(await test.registry.counts()).toEqual({ sockets: 0, users: 0, rooms: 0 });
  });

  it('[R3] what is there during the whole walk is given exactly once', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `s${index}`);
    for (const [index, id] of ids.entries()) await test.connect(id, `u-${id}`, ['x', `r${index}`]);
    const stays = ids.filter((_, index) => index % 5 !== 0);
    let round = 0;
    const disturb = async (): Promise<void> => {
      if (round < 4) await test.disconnect(`s${5 * round}`);
      await test.connect(`new${round}`, `newcomer${round++}`, ['x']);
    };
    const { registry } = test;
    const all = await walk((request) => registry.sockets({}, request), 3, disturb);
    const given = all.map(({ socketId }) => socketId);
    expect(new Set(given).size).toBe(given.length);
    expect(given).toEqual(expect.arrayContaining(stays));
    const { sockets } = await registry.counts();
    const ofRoom = await walk((request) => registry.sockets({ room: 'x' }, request), 4);
    const members = await walk((request) => registry.members('x', request), 4);
    const users = await walk((request) => registry.users(request), 4);
    expect([ofRoom, members, users].map(({ length }) => length)).toEqual([sockets, sockets, sockets]);
    const rooms = await walk((request) => registry.rooms('r1', request), 2);
    const expected = stays.map((id) => id.replace('s', 'r')).filter((name) => name.startsWith('r1'));
    expect(rooms.map((each) => each.room)).toEqual(expected.toSorted());
    expect((await registry.rooms('r1', { limit: 2 })).total).toBe(expected.length);
  });

  it('[R3] refuses limits and cursors that are none of the list', async () => {
    await test.connect('a', 'ann', ['x']);
    await test.connect('b', 'ben', ['x']);
    const { registry } = test;
    const { next } = await registry.users({ limit: 1 });
    const refused = { code: 'payload.invalid' };
    const ask = async (answer: () => unknown): Promise<unknown> => answer();
    await expect(ask(() => registry.sockets({}, { cursor: next! }))).rejects.toMatchObject(refused);
    await expect(ask(() => registry.rooms('', { cursor: 'made up' }))).rejects.toMatchObject(refused);
    await expect(ask(() => registry.members('x', { limit: 0 }))).rejects.toMatchObject(refused);
    await expect(ask(() => registry.users({ limit: 1_001 }))).rejects.toMatchObject(refused);
  });

  it('[M5] says where the first list of members ends', async () => {
    await test.connect('a', 'ann', ['x']);
    await test.connect('b', 'ben', ['x']);
    let told = 0;
    const { items, total } = await test.registry.firstMembers('x', 1, () => void told++);
    expect([items.length, total, told]).toEqual([1, 2, 1]);
    const { items: own } = await test.registry.firstMembers('user:ann', 1, () => void told++);
    expect([own.map(({ user }) => user), told]).toEqual([['ann'], 2]);
  });

  it('[R1] answers as a model does, whatever was done before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const model = new Map<string, ModelSocket>();
        for (const each of steps) {
          const id = `s${each.socket}`;
          const held = model.get(id);
          if (each.do === 'connect') {
            if (held) continue;
            model.set(id, { user: `u${each.user}`, rooms: new Set() });
            await test.connect(id, `u${each.user}`);
          } else if (!held) {
            continue;
          } else if (each.do === 'disconnect') {
            model.delete(id);
            await test.disconnect(id);
          } else {
            const name = `r${each.room}`;
            if (each.do === 'join') held.rooms.add(name);
            else held.rooms.delete(name);
            await test[each.do](id, name);
          }
        }
        await expectAsModelled(test.registry, model);
        for (const id of model.keys()) await test.disconnect(id);
      }),
      { numRuns: 60 },
    );
  });

  async function expectAsModelled(
    registry: RegistryReader,
    model: ReadonlyMap<string, ModelSocket>,
  ): Promise<void> {
    const sockets = [...model];
    const rooms = [...new Set(sockets.flatMap(([, held]) => [...held.rooms]))].toSorted();
    const users = new Set(sockets.map(([, held]) => held.user));
    const counts = { sockets: model.size, users: users.size, rooms: rooms.length };
    expect(await registry.counts()).toEqual(counts);
    const inRoom = (name: string): [string, ModelSocket][] =>
      sockets.filter(([, held]) => held.rooms.has(name));
    expect((await registry.rooms('', {})).items).toEqual(
      rooms.map((name) => {
        const members = inRoom(name);
        return {
          room: name,
          sockets: members.length,
          users: new Set(members.map(([, held]) => held.user)).size,
        };
      }),
    );
    for (const [id, held] of sockets) {
      const entry = await registry.socket(id);
      expect(entry).toMatchObject({ socketId: id, user: held.user });
      expect(entry!.rooms).toEqual([...held.rooms]);
    }
    for (const name of rooms) {
      const { items } = await registry.sockets({ room: name }, {});
      expect(idsOf(items)).toEqual(
        inRoom(name)
          .map(([id]) => id)
          .toSorted(),
      );
    }
    const listed = await registry.users({});
    expect(new Set(listed.items.map(({ user }) => user))).toEqual(users);
  }
}
