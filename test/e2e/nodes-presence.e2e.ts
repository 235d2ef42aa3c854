import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../support/arrivals.js';
import { Cluster } from '../support/cluster.js';
import { leadTo } from '../support/other-node.js';
import { breakOff, comeBack } from '../support/recovering.js';
import { describeWithRedis } from '../support/redis.js';
import { until } from '../support/until.js';

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
});
