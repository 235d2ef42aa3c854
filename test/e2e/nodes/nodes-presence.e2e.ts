import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { Cluster } from '../../support/cluster.js';
import { leadTo } from '../../support/other-node.js';
import { breakOff, comeBack } from '../../support/recovering.js';
import { describeWithRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const RECOVERY = { recovery: true };
const ROOM = { room: 'lobby' };

interface Notice {
  joined: { user: string }[];
  left: string[];
}

describeWithRedis('presence over two nodes', () => {
  let cluster: Cluster | undefined;
  let a: TestGateway;
  let b: TestGateway;
  let watchers: TestClient[];

  async function start(recoveryWindowMs: number): Promise<void> {
    cluster = await Cluster.start({ recoveryWindowMs, maxSocketsPerUser: 0 });
    ({ a, b } = cluster);
    watchers = [await a.connect({ auth: { user: 'w-a' } }), await b.connect({ auth: { user: 'w-b' } })];
    for (const watcher of watchers) await watcher.request('room:join', { ...ROOM, presence: true });
    // The first sees the second come.
    await watchers[0]!.next('room:presence');
  }
  afterEach(async () => {
    await cluster?.close();
    cluster = undefined;
  });

  /** What both watchers were told, once both have seen a user come that nobody else is. */
  async function told(mark: string): Promise<string[][]> {
    const marker = await a.connect({ auth: { user: mark } });
    await marker.request('room:join', ROOM);
    const lines = (watcher: TestClient): string[] =>
      arrivedAt(watcher, 'room:presence').flatMap(([notice]) => {
        const { joined, left } = notice as Notice;
        return [...joined.map(({ user }) => `+${user}`), ...left.map((user) => `-${user}`)];
      });
    await until(`${mark} is seen`, () => watchers.every((watcher) => lines(watcher).includes(`+${mark}`)));
    return watchers.map((watcher) =>
      lines(watcher).filter((line) => !line.startsWith('+w-') && line !== `+${mark}`),
    );
  }

  it('[M4] [M5] tells of the first socket of a user and of the last, whatever nodes these are on', async () => {
    await start(0);
    const sockets = [
      await a.connect({ auth: { user: 'ada', info: { name: 'Ada' } } }),
      await b.connect({ auth: { user: 'ada' } }),
      await b.connect({ auth: { user: 'ada' }, transport: 'polling' }),
    ];
    for (const socket of sockets) await socket.request('room:join', ROOM);
    expect(await told('mark-1')).toEqual([['+ada'], ['+ada']]);
    for (const watcher of watchers) {
      const { members } = (await watcher.request('room:members', ROOM)) as unknown as {
        members: { user: string; info: unknown; sockets: number }[];
      };
      expect(members.find(({ user }) => user === 'ada')).toMatchObject({ sockets: 3 });
    }
    await sockets[0]!.request('room:leave', ROOM);
    sockets[1]!.close();
    // The watchers, the marker, and the last of the three.
    await until('two of three are out', async () => (await a.registry.getRoom('lobby')).sockets === 4);
    expect(await told('mark-2')).toEqual([
      ['+ada', '+mark-1'],
      ['+ada', '+mark-1'],
    ]);
    await sockets[2]!.request('room:leave', ROOM);
    expect(await told('mark-3')).toEqual([
      ['+ada', '+mark-1', '+mark-2', '-ada'],
      ['+ada', '+mark-1', '+mark-2', '-ada'],
    ]);
  });

  it('[M4] a user who comes back to another node within the recovery window was never away', async () => {
    await start(60_000);
    const recovering = await a.connect({ auth: { user: 'ada', ...RECOVERY } });
    const plain = await a.connect({ auth: { user: 'bob' } });
    for (const client of [recovering, plain]) await client.request('room:join', ROOM);
    await breakOff(a, recovering);
    await breakOff(a, plain);
    leadTo(b, recovering, plain);
    expect(await comeBack(recovering)).toBe(true);
    await comeBack(plain);
    await plain.request('room:join', ROOM);
    for (const lines of await told('mark')) expect(lines.toSorted()).toEqual(['+ada', '+bob']);
  });

  it('[M4] a user who does not come back has left, once, when the window is over', async () => {
    await start(300);
    const client = await b.connect({ auth: { user: 'ada', ...RECOVERY } });
    await client.request('room:join', ROOM);
    await breakOff(b, client);
    await until('both are told', () =>
      watchers.every((watcher) =>
        arrivedAt(watcher, 'room:presence').some(([notice]) => (notice as Notice).left.includes('ada')),
      ),
    );
    expect(await told('mark')).toEqual([
      ['+ada', '-ada'],
      ['+ada', '-ada'],
    ]);
  });

  const heard = (watcher: TestClient): string[] =>
    arrivedAt(watcher, 'room:presence').flatMap(([notice]) => {
      const { joined, left } = notice as Notice;
      return [...joined.map(({ user }) => `+${user}`), ...left.map((user) => `-${user}`)];
    });
  const enter = async (node: TestGateway, user: string, { room } = ROOM): Promise<TestClient> => {
    const client = await node.connect({ auth: { user } });
    await client.request('room:join', { room });
    return client;
  };

  it('[M4] a watcher hears of nobody who was there before it, and not of its own coming', async () => {
    await start(0);
    expect(heard(watchers[1]!)).toEqual([]);
    await told('mark-1');
    const late = await b.connect({ auth: { user: 'late' } });
    await late.request('room:join', { ...ROOM, presence: true });
    await enter(a, 'mark-2');
    await late.next('room:presence');
    expect(heard(late)).toEqual(['+mark-2']);
  });

  it('[H4] [H6] [M4] a watcher that comes back to another node gets the notices it missed, once and in order', async () => {
    // Longer than it takes to come back, on a busy machine too.
    await start(6_000);
    const watcher = await a.connect({ auth: { user: 'ada', ...RECOVERY } });
    await watcher.request('room:join', { ...ROOM, presence: true });
    const bob = await enter(b, 'bob');
    const cleo = await enter(b, 'cleo');
    await until('it knows of both', () => heard(watcher).length === 2);
    await breakOff(a, watcher);
    await bob.request('room:leave', ROOM);
    await enter(b, 'dora');
    leadTo(b, watcher);
    expect(await comeBack(watcher)).toBe(true);
    await breakOff(b, cleo);
    await enter(a, 'eve');
    await until('all has been told', () => heard(watcher).includes('-cleo'));
    expect(heard(watcher)).toEqual(['+bob', '+cleo', '-bob', '+dora', '+eve', '-cleo']);
  });

  it('[H4] [M4] who was away when a watcher began and returns while that is away has come, for it alone', async () => {
    await start(60_000);
    const bob = await a.connect({ auth: { user: 'bob', ...RECOVERY } });
    await bob.request('room:join', ROOM);
    await until('bob is seen', () => watchers.every((watcher) => heard(watcher).includes('+bob')));
    await breakOff(a, bob);
    const late = await b.connect({ auth: { user: 'late', ...RECOVERY } });
    await late.request('room:join', { ...ROOM, presence: true });
    await breakOff(b, late);
    leadTo(b, bob);
    expect(await comeBack(bob)).toBe(true);
    leadTo(a, late);
    expect(await comeBack(late)).toBe(true);
    await late.next('room:presence');
    for (const lines of await told('mark')) expect(lines).toEqual(['+bob', '+late']);
    expect(heard(late)).toEqual(['+bob', '+mark']);
  });

  /** Redis gives the rooms of a session in no order once it has more than a few of them, or long names. */
  it('[H4] [H6] [M4] a watcher of many rooms watches all of them again on another node', async () => {
    await start(60_000);
    const watcher = await a.connect({ auth: { user: 'ada', ...RECOVERY } });
    const rooms = Array.from({ length: 8 }, (_, index) => ({ room: `${'long'.repeat(20)}${index}` }));
    for (const room of rooms) await watcher.request('room:join', { ...room, presence: true });
    await breakOff(a, watcher);
    leadTo(b, watcher);
    expect(await comeBack(watcher)).toBe(true);
    const bob = await a.connect({ auth: { user: 'bob' } });
    for (const room of rooms) await bob.request('room:join', room);
    await until('bob is seen in all', () => heard(watcher).length === rooms.length);
    expect(heard(watcher)).toEqual(rooms.map(() => '+bob'));
  });

  it('[M4] [M5] who is held when a watcher asks who is there comes, for that one, when it returns', async () => {
    await start(60_000);
    const bob = await a.connect({ auth: { user: 'bob', ...RECOVERY } });
    await bob.request('room:join', ROOM);
    await until('bob is seen', () => watchers.every((watcher) => heard(watcher).includes('+bob')));
    await breakOff(a, bob);
    const [asks, asksNot] = watchers;
    const { members } = await asks!.request('room:members', ROOM);
    expect((members as { user: string }[]).map(({ user }) => user)).toEqual(['w-a', 'w-b']);
    leadTo(b, bob);
    expect(await comeBack(bob)).toBe(true);
    await told('mark');
    expect(heard(asks!)).toEqual(['+w-b', '+bob', '+bob', '+mark']);
    expect(heard(asksNot!)).toEqual(['+bob', '+mark']);
  });

  it('[M4] [O3] after Redis lost everything watchers are told what became different meanwhile, and nothing else', async () => {
    await start(2_000);
    const stays = await enter(b, 'stays');
    const away = await enter(b, 'away');
    await told('mark-1');
    await cluster!.redis.kill();
    away.breakTransport();
    const comes = await b.connect({ auth: { user: 'comes' } });
    expect(await comes.request('room:join', ROOM)).toMatchObject({ ok: true });
    // Who is there cannot be told by now.
    expect(await comes.request('room:join', { ...ROOM, presence: true })).toMatchObject({
      ok: false,
      error: { code: 'engine.unavailable', retryable: true },
    });
    await cluster!.redis.run();
    await until('all has been told', () => watchers.every((watcher) => heard(watcher).includes('-away')));
    for (const lines of await told('mark-2')) {
      expect(lines.toSorted()).toEqual(['+away', '+comes', '+mark-1', '+stays', '-away']);
    }
    expect(stays.socket.connected).toBe(true);
    expect(await comes.request('room:join', { ...ROOM, presence: true })).toMatchObject({ ok: true });
  });

  async function loseEverything(): Promise<void> {
    await cluster!.redis.restartEmpty();
    await until('both are back', async () => {
      const states = await Promise.all([a, b].map((node) => node.http('GET', '/health/ready')));
      return states.every(({ status }) => status === 200);
    });
  }

  it.each([
    ['watches too', 'lobby'],
    ['did not watch', 'elsewhere'],
  ])(
    '[M4] [O3] who did not know of a held user before a loss of Redis is told when it returns, on a node that %s',
    async (_, room) => {
      await start(60_000);
      const bob = await a.connect({ auth: { user: 'bob', ...RECOVERY } });
      await bob.request('room:join', { room });
      await breakOff(a, bob);
      const late = await b.connect({ auth: { user: 'late', ...RECOVERY } });
      await late.request('room:join', { room, presence: true });
      await loseEverything();
      await enter(b, 'cleo', { room });
      await until('cleo is seen', () => heard(late).includes('+cleo'));
      await breakOff(b, late);
      leadTo(a, late);
      expect(await comeBack(late)).toBe(true);
      await comeBack(bob);
      await bob.request('room:join', { room });
      await enter(a, 'dora', { room });
      await until('all has been told', () => heard(late).includes('+dora'));
      expect(heard(late)).toEqual(['+cleo', '+bob', '+dora']);
    },
  );

  it('[M4] [O3] a watcher that stayed through a loss of Redis gets what it misses after it', async () => {
    await start(60_000);
    const watcher = await a.connect({ auth: { user: 'ada', ...RECOVERY } });
    await watcher.request('room:join', { ...ROOM, presence: true });
    await enter(b, 'bob');
    await until('bob is seen', () => heard(watcher).length === 1);
    await loseEverything();
    // A notice from after the loss, so that it has a cursor to come back with.
    await enter(b, 'cleo');
    await until('cleo is seen', () => heard(watcher).includes('+cleo'));
    await breakOff(a, watcher);
    await enter(a, 'dora');
    leadTo(b, watcher);
    expect(await comeBack(watcher)).toBe(true);
    await enter(a, 'eve');
    await until('all has been told', () => heard(watcher).includes('+eve'));
    expect(heard(watcher)).toEqual(['+bob', '+cleo', '+dora', '+eve']);
  });
});
