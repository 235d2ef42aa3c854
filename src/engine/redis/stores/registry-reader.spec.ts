import { TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { until } from '../../../../test/support/until.js';
import type { Page, SocketEntry } from '../../../protocol/entries.js';
import type { PageRequest } from '../../../protocol/paging.js';

describeWithRedis('the registry of all nodes', () => {
  let redis: TestRedis;
  let one: TestNode;
  let two: TestNode;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());
  beforeEach(async () => {
    await redis.ask((client) => client.flushall());
    [one, two] = await Promise.all([TestNode.start(redis.url), TestNode.start(redis.url)]);
  });
  afterEach(() => Promise.all([one.engine.stop(), two.engine.stop()]));

  const scriptsRun = async (): Promise<number> => {
    const stats = await redis.ask((client) => client.info('commandstats'));
    return Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)![1]);
  };
  const walk = async <Item>(
    list: (request: PageRequest) => Promise<Page<Item>>,
    limit: number,
    between: () => Promise<unknown> = async () => undefined,
  ): Promise<Item[]> => {
    const items: Item[] = [];
    for (let cursor: string | undefined; ;) {
      const page = await list({ limit, cursor });
      items.push(...page.items);
      if (page.next === null) return items;
      cursor = page.next;
      await between();
    }
  };

  it('[R2] [R4] any node gives the whole entry of any socket', async () => {
    const info = { tags: [], more: {}, name: 'Änn' };
    await two.connect('a', 'ann', ['x', 'y'], { info, address: '::1', protocol: 3, transport: 'polling' });
    two.holdings.upgraded('a', 'websocket');
    await until('the upgrade is known', async () => {
      return (await one.registry.socket('a'))?.transport === 'websocket';
    });
    const held = two.held.get('a')!;
    const entry = await one.registry.socket('a');
    expect({ ...entry, rooms: entry!.rooms.toSorted() }).toEqual({ ...held, transport: 'websocket' });
    expect(await one.registry.socket('none')).toBeUndefined();
  });

  it('[R1] answers for users, rooms, members and all, over all nodes', async () => {
    await one.connect('a', 'ann', ['x']);
    await two.connect('b', 'ann', ['x', 'y']);
    await two.connect('c', 'ben', ['y']);
    const { registry } = one;
    expect(await registry.counts()).toEqual({ sockets: 3, users: 2, rooms: 2 });
    expect(await registry.room('x')).toEqual({ room: 'x', sockets: 2, users: 1 });
    expect(await registry.room('none')).toEqual({ room: 'none', sockets: 0, users: 0 });
    expect(await registry.room('user:ann')).toEqual({ room: 'user:ann', sockets: 2, users: 1 });
    const user = await registry.user('ann');
    expect([user.online, user.sockets.map(({ socketId }) => socketId), user.rooms.toSorted()]).toEqual([
      true,
      ['a', 'b'],
      ['x', 'y'],
    ]);
    expect(await registry.user('nobody')).toEqual({ user: 'nobody', online: false, sockets: [], rooms: [] });
    expect(await registry.members('x', {})).toEqual({
      items: [{ user: 'ann', info: { name: 'ann', tags: [] }, sockets: 2 }],
      next: null,
      total: 1,
    });
    expect((await registry.members('user:ann', {})).items).toMatchObject([{ user: 'ann', sockets: 2 }]);
    const ids = async (filter: { user?: string; room?: string }) => {
      const { items, total } = await registry.sockets(filter, {});
      return [items.map(({ socketId }) => socketId).toSorted(), total];
    };
    expect(await ids({})).toEqual([['a', 'b', 'c'], 3]);
    expect(await ids({ user: 'ann' })).toEqual([['a', 'b'], 2]);
    expect(await ids({ user: 'ann', room: 'y' })).toEqual([['b'], 1]);
    expect(await ids({ room: 'y' })).toEqual([['b', 'c'], 2]);
    expect(await ids({ room: 'user:ben' })).toEqual([['c'], 1]);
    expect(await registry.users({})).toEqual({
      items: [
        { user: 'ann', sockets: 2 },
        { user: 'ben', sockets: 1 },
      ],
      next: null,
      total: 2,
    });
  });

  it('[L3] nothing is left of a socket that has gone', async () => {
    await one.connect('a', 'ann', ['x']);
    await two.connect('b', 'ann', ['x', 'y']);
    await two.disconnect('b');
    await one.holdings.parted('a', 'x');
    expect(await two.registry.counts()).toEqual({ sockets: 1, users: 1, rooms: 0 });
    await one.disconnect('a');
    expect(await two.registry.counts()).toEqual({ sockets: 0, users: 0, rooms: 0 });
    const left = await redis.ask((client) => client.keys('*'));
    const expected = ['{sb}:nodes', '{sb}:state', `{sb}:inbox:`, `{sb}:node:`];
    expect(left.filter((key) => !expected.some((known) => key.startsWith(known)))).toEqual([]);
  });

  it('[R3] what is there during the whole walk is given exactly once', async () => {
    const stays: string[] = [];
    for (let index = 0; index < 20; index++) {
      const node = index % 2 === 0 ? one : two;
      await node.connect(`s${index}`, `u${index}`, ['x', `r${index}`]);
      if (index % 5 !== 0) stays.push(`s${index}`);
    }
    let round = 0;
    const disturb = async () => {
      const leaving = `s${5 * (round % 4)}`;
      await (one.held.has(leaving) ? one : two).disconnect(leaving);
      await one.connect(`new${round}`, `newcomer${round++}`, ['x']);
    };
    const all = (await walk((request) => two.registry.sockets({}, request), 3, disturb)).map(
      ({ socketId }) => socketId,
    );
    expect(all.filter((id) => stays.includes(id)).toSorted()).toEqual(stays.toSorted());
    const ofRoom = await walk((request) => two.registry.sockets({ room: 'x' }, request), 4);
    const members = await walk((request) => one.registry.members('x', request), 4);
    const users = await walk((request) => one.registry.users(request), 4);
    const rooms = await walk((request) => one.registry.rooms('r1', request), 2);
    expect([ofRoom, members, users].map((items) => items.length)).toEqual(
      Array(3).fill(one.held.size + two.held.size),
    );
    expect(rooms.map(({ room }) => room)).toEqual(
      ['r1', ...Array.from({ length: 10 }, (_, index) => `r1${index}`)].filter((room) =>
        [...one.held.values(), ...two.held.values()].some(({ rooms }) => rooms.includes(room)),
      ),
    );
    expect((await one.registry.rooms('r1', { limit: 2 })).total).toBe(rooms.length);
  });

  it('[R4] lists nodes in the order of their starts, whichever has renewed its lease last', async () => {
    const three = await TestNode.start(redis.url);
    const leases = () => redis.ask((client) => client.zrange('{sb}:nodes', 0, -1));
    await until('the youngest is not the last to lapse', async () => (await leases()).at(-1) !== three.id);
    const listed = await one.engine.nodes(0);
    const starts = listed.map(({ startedAt }) => startedAt);
    expect(starts).toEqual(starts.toSorted());
    expect(listed.at(-1)?.node).toBe(three.id);
    await three.engine.stop();
  });

  it('[Q1] two nodes cannot both let the last socket of a user in', async () => {
    const nodes = [one, two];
    const attempts = Array.from({ length: 20 }, (_, index) =>
      nodes[index % 2]!.connect(`s${index}`, 'ann', [], {}, 5).then(
        () => 'in',
        ({ code }: { code: string }) => code,
      ),
    );
    const outcomes = await Promise.all(attempts);
    expect(outcomes.filter((outcome) => outcome === 'in')).toHaveLength(5);
    expect(outcomes.filter((outcome) => outcome === 'limit.sockets')).toHaveLength(15);
    expect((await one.registry.user('ann')).sockets).toHaveLength(5);
    await one.connect('other', 'ben', [], {}, 5);
  });

  it('[M4] tells the nodes in a room when a user comes with its first socket and goes with its last', async () => {
    await one.watch('x');
    await one.connect('a', 'ann', ['x']);
    await two.connect('b', 'ben', ['x']);
    await two.connect('c', 'ben', ['x']);
    await two.disconnect('b');
    await two.disconnect('c');
    await until('ben has come and gone', () => one.presenceChanges.length === 3);
    const place = (seq: number) => ({ epoch: one.engine.place.epoch, seq });
    const nothing = { room: 'x', joined: [], left: [], broken: [], held: [], lost: [] };
    expect(one.presenceChanges).toEqual([
      { ...nothing, at: place(1), joined: [{ user: 'ann', info: { name: 'ann', tags: [] } }] },
      { ...nothing, at: place(2), joined: [{ user: 'ben', info: { name: 'ben', tags: [] } }] },
      { ...nothing, at: place(3), broken: ['ben'] },
    ]);
  });

  it('[M4] [M5] a list for who watches ends where the changes it is told of go on', async () => {
    await one.watch('x');
    let isOver = false;
    const changing = (async () => {
      for (let index = 0; !isOver; index++) {
        await two.connect(`s${index}`, `u${index}`, ['x']);
        if (index % 2 === 1) await two.disconnect(`s${index - 1}`);
      }
    })();
    for (let round = 0; round < 50; round++) {
      const known = new Set<string>();
      const { items } = await one.registry.firstMembers('x', 1_000, () => {
        for (const { joined, broken } of one.presenceChanges) {
          for (const { user } of joined) known.add(user);
          for (const user of broken) known.delete(user);
        }
      });
      expect(items.map(({ user }) => user).toSorted()).toEqual([...known].toSorted());
    }
    isOver = true;
    await changing;
  });

  it('[H4] a socket that comes back on another node is there once, and its user neither goes nor comes', async () => {
    await one.connect('w', 'watcher', ['x']);
    await one.connect('a', 'ann', ['x']);
    await two.connect('a', 'ann');
    await one.disconnect('a');
    await two.join('a', 'x');
    expect(await two.registry.socket('a')).toMatchObject({ node: two.id, rooms: ['x'] });
    expect(await one.registry.counts()).toEqual({ sockets: 2, users: 2, rooms: 1 });
  });

  it('[R4] what the registry has wrong is put right, some sockets at a time', async () => {
    const ids = Array.from({ length: 150 }, (_, index) => `s${index}`);
    for (const id of ids) await one.connect(id, 'ann', ['x']);
    await Promise.all(ids.map((id) => one.holdings.parted(id, 'x')));
    const held = (): Iterable<SocketEntry> => one.held.values();
    await one.holdings.check(held);
    expect((await two.registry.room('x')).sockets).toBe(100);
    await one.holdings.check(held);
    expect((await two.registry.room('x')).sockets).toBe(150);
    one.held.get('s0')!.rooms.splice(0);
    await one.holdings.check(held);
    expect((await two.registry.room('x')).sockets).toBe(149);
  });

  it('[R4] changes of many sockets in one turn are made in order', async () => {
    const sockets = Array.from({ length: 300 }, (_, index) => `s${index}`);
    await Promise.all(sockets.map((id) => one.connect(id, `u-${id}`)));
    await Promise.all(
      sockets.flatMap((id) => [
        one.holdings.joined(id, 'x'),
        one.holdings.parted(id, 'x'),
        one.holdings.joined(id, 'y'),
      ]),
    );
    expect(await two.registry.room('y')).toEqual({ room: 'y', sockets: 300, users: 300 });
    expect(await two.registry.room('x')).toEqual({ room: 'x', sockets: 0, users: 0 });
  });

  it('[R1] look-ups of one turn are one request, and each gets its own answer', async () => {
    for (let index = 0; index < 30; index++) {
      await [one, two][index % 2]!.connect(`s${index}`, `u${index % 10}`, [`r${index % 3}`]);
    }
    const before = await scriptsRun();
    const { registry } = one;
    const asked = Array.from({ length: 30 }, (_, index) =>
      Promise.all([
        registry.socket(`s${index}`),
        registry.user(`u${index % 10}`),
        registry.sockets({ room: `r${index % 3}` }, { limit: 1 + (index % 4) }),
        registry.room(`r${index % 3}`),
        registry.sockets({ user: `u${index % 10}`, room: 'r0' }, {}),
        registry.socket(`none${index}`),
        registry.counts(),
      ]),
    );
    for (const [index, answers] of (await Promise.all(asked)).entries()) {
      const [socket, user, page, room, ofUser, none, counts] = answers;
      expect(socket).toMatchObject({ socketId: `s${index}`, rooms: [`r${index % 3}`] });
      const sockets = [0, 10, 20].map((add) => (index % 10) + add);
      expect(user.sockets.map(({ socketId }) => socketId)).toEqual(sockets.map((each) => `s${each}`));
      expect(page.items.map(({ socketId }) => socketId)).toEqual(
        Array.from({ length: 1 + (index % 4) }, (_, at) => `s${(index % 3) + 3 * at}`),
      );
      expect([page.total, room]).toEqual([10, { room: `r${index % 3}`, sockets: 10, users: 10 }]);
      expect(ofUser.items.map(({ socketId }) => socketId)).toEqual(
        sockets.filter((each) => each % 3 === 0).map((each) => `s${each}`),
      );
      expect([none, counts]).toEqual([undefined, { sockets: 30, users: 10, rooms: 3 }]);
    }
    // 210 questions; both nodes also renew their leases meanwhile.
    expect((await scriptsRun()) - before).toBeLessThan(50);
  });

  it('[R3] a cursor that is refused fails no other look-up of its turn', async () => {
    await one.connect('a', 'ann', ['x']);
    const { registry } = one;
    const refused = { status: 'rejected', reason: { code: 'payload.invalid' } };
    const outcomes = await Promise.allSettled([
      registry.sockets({ room: 'x' }, { cursor: 'made up' }),
      registry.sockets({ room: 'x' }, {}),
      registry.sockets({ user: 'ann' }, { cursor: 'made up' }),
      registry.sockets({}, { limit: 0 }),
      registry.user('ann'),
    ]);
    expect(outcomes).toMatchObject([
      refused,
      { status: 'fulfilled', value: { total: 1 } },
      refused,
      refused,
      { status: 'fulfilled', value: { online: true } },
    ]);
  });

  it('[R4] what is asked after a change was made shows it, also while other look-ups are under way', async () => {
    await one.connect('a', 'ann');
    await two.connect('b', 'ann');
    for (let round = 0; round < 30; round++) {
      const room = `r${round}`;
      const others = [one.registry.user('ann'), two.registry.socket('a')];
      await one.join('a', room);
      const [user, there, entry] = await Promise.all([
        one.registry.user('ann'),
        two.registry.sockets({ room }, {}),
        two.registry.socket('a'),
      ]);
      expect(user.sockets[0]!.rooms).toContain(room);
      expect(there.items).toMatchObject([{ socketId: 'a', rooms: one.held.get('a')!.rooms }]);
      expect(entry!.rooms).toEqual(one.held.get('a')!.rooms);
      await Promise.all(others);
    }
  });

  it('[R2] rooms come and go at the end of an entry, whatever stands before them', async () => {
    const info = { x: 1, list: ['q', 'x', ',"x"', ']'], ',"x"': { y: ',"y"' }, half: 'Änn "☃"' };
    const user = 'x","y';
    await one.connect('a', user, ['x', 'y', 'xy', 'room:/=@#+'], {
      info,
      userAgent: '"x","y"]',
      address: 'x',
    });
    const entry = () => two.registry.socket('a');
    const { rooms, ...rest } = one.held.get('a')!;
    expect(await entry()).toEqual({ ...rest, rooms });
    expect((await two.registry.members('x', {})).items).toEqual([{ user, info, sockets: 1 }]);
    await one.holdings.parted('a', 'x');
    expect(await entry()).toEqual({ ...rest, rooms: ['y', 'xy', 'room:/=@#+'] });
    await one.holdings.parted('a', 'room:/=@#+');
    await one.holdings.parted('a', 'room:/=@#+');
    one.holdings.upgraded('a', 'webtransport');
    await one.holdings.joined('a', 'x');
    await one.holdings.joined('a', 'x');
    expect(await entry()).toEqual({ ...rest, transport: 'webtransport', rooms: ['y', 'xy', 'x'] });
    expect((await two.registry.user(user)).rooms).toEqual(['y', 'xy', 'x']);
  });

  it('[R3] gives a user with more sockets than Lua can pass on, and pages of the largest size', async () => {
    const ids = Array.from({ length: 2_500 }, (_, index) => `s${index}`);
    // Not all at once: what a busy machine does not get done in a second counts as hung.
    for (let first = 0; first < ids.length; first += 250) {
      await Promise.all(ids.slice(first, first + 250).map((id) => one.connect(id, 'ann', ['x'])));
    }
    const user = await two.registry.user('ann');
    expect(user.sockets.map(({ socketId }) => socketId).toSorted()).toEqual(ids.toSorted());
    const pages = await Promise.all(
      [{ user: 'ann' }, { room: 'x' }, {}].map((filter) =>
        walk((request) => two.registry.sockets(filter, request), 1_000),
      ),
    );
    for (const items of pages) {
      expect(items.map(({ socketId }) => socketId).toSorted()).toEqual(ids.toSorted());
    }
  });
});
