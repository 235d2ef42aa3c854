import { publication, TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { until } from '../../../../test/support/until.js';
import {
  keyOfRoom,
  keyOfUser,
  MAX_EVENTS_OF_PARTITION,
  partitionOf,
  PARTITIONS,
  type UserEvent,
} from '../../outbox.js';

const WANTS = {
  webhooks: [{ name: 'shop', url: 'http://127.0.0.1/' }],
  webhookEvents: [
    {
      name: 'shop',
      events: [
        { event: 'user.online', rooms: '*' },
        { event: 'user.offline', rooms: '*' },
        { event: 'node.lost', rooms: '*' },
      ],
    },
  ],
} as const;
const LEASE_MS = 1_000;

describeWithRedis('the outbox of several nodes', () => {
  let redis: TestRedis;
  const nodes: TestNode[] = [];
  const start = async (config: object = WANTS): Promise<TestNode> => {
    const node = await TestNode.start(redis.url, { nodeLeaseMs: LEASE_MS, recoveryWindowMs: 500, ...config });
    nodes.push(node);
    return node;
  };
  const claim = async (node: TestNode) => (await node.engine.outbox.claim(['shop'])).owned;

  beforeEach(async () => {
    redis = await TestRedis.start();
  });
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.engine.stop();
    await redis.kill();
  });

  it('[W5] the first event of a partition is behind where an endpoint begins', async () => {
    const node = await start();
    await claim(node);
    await node.connect('s-1', 'ada');
    const partition = partitionOf(keyOfUser('ada'));
    const [first] = await node.engine.outbox.read(partition, 0, 10);
    expect(first).toMatchObject({ type: 'user.online', seq: 1, data: { user: 'ada' } });
  });

  describe('a partition that is full', () => {
    const ADA = keyOfUser('ada');
    /** Events of a size, as the scripts write them. */
    const fill = (key: string, count: number): Promise<unknown> =>
      redis.ask((client) =>
        client.eval(
          `for _ = 1, ARGV[1] do redis.call('XADD', KEYS[1], '1-*', 'd', ARGV[2]) end`,
          1,
          `{sb}:ev:${partitionOf(key).toString(16)}`,
          count,
          '{"t":"room.vacated","e":"e","k":"rother","at":1,"d":{"room":"other"}}',
        ),
      );
    const firstSeq = async (node: TestNode, key: string): Promise<number> =>
      (await node.engine.outbox.read(partitionOf(key), 0, 1))[0]!.seq;
    const lastSeq = async (node: TestNode, key: string): Promise<number> =>
      (await node.engine.outbox.state([])).last[partitionOf(key)]!;

    it('[W6] loses its oldest events, and what is kept is found, however far back', async () => {
      const node = await start();
      await claim(node);
      await node.connect('s-1', 'ada');
      // Redis looks at the number of events with every hundredth.
      await fill(ADA, MAX_EVENTS_OF_PARTITION + 198);
      expect(await node.engine.outbox.find(ADA, 10)).toMatchObject([{ type: 'user.online', seq: 1 }]);
      await node.holdings.leave('s-1', false);
      const last = await lastSeq(node, ADA);
      expect(last).toBe(MAX_EVENTS_OF_PARTITION + 200);
      const kept = last - (await firstSeq(node, ADA)) + 1;
      // Redis drops whole pieces of a stream.
      expect(kept).toBeGreaterThanOrEqual(MAX_EVENTS_OF_PARTITION);
      expect(kept).toBeLessThan(last);
      expect(await node.engine.outbox.find(ADA, 10)).toMatchObject([{ type: 'user.offline', seq: last }]);
    });

    it('[W6] keeps 64 MiB of large events, and loses nothing before for a few of them', async () => {
      const [room, bytes] = ['big', 16_000];
      const key = keyOfRoom(room);
      const publications = { event: 'publication', rooms: '*' } as const;
      const node = await start({ ...WANTS, webhookEvents: [{ name: 'shop', events: [publications] }] });
      await claim(node);
      await fill(key, 6_000);
      const publish = async (count: number): Promise<void> => {
        for (let index = 0; index < count; index++) {
          await node.engine.publish(publication({ rooms: [room] }, { args: ['x'.repeat(bytes)] })).remote;
        }
      };
      await publish(10);
      expect(await firstSeq(node, key)).toBeLessThanOrEqual(1);
      await publish(67_108_864 / bytes);
      const last = await lastSeq(node, key);
      expect(await firstSeq(node, key)).toBeGreaterThan(6_000);
      const kept = last - (await firstSeq(node, key)) + 1;
      expect(kept * bytes).toBeGreaterThan(0.9 * 67_108_864);
      expect(kept * bytes).toBeLessThan(67_108_864 + 2 * bytes);
      expect(await node.engine.outbox.find(key, 1)).toMatchObject([{ type: 'publication', seq: last }]);
    });
  });

  it('[W2] says when a change was made by what the clock of Redis shows, also where that was set meanwhile', async () => {
    await redis.ask((client) => client.hset('{sb}:state', 'shift', 3_600_000));
    const timeOfRedis = async (): Promise<number> => {
      const [seconds, micros] = await redis.ask((client) => client.time());
      return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    };
    const node = await start();
    const before = await timeOfRedis();
    // With the first change a node learns that somebody wants to know, and from then on says when it made them.
    for (const user of ['ada', 'bob', 'cid']) await node.connect(`s-${user}`, user);
    const after = await timeOfRedis();
    for (const user of ['ada', 'bob', 'cid']) {
      const [{ at } = { at: 0 }] = await node.engine.outbox.find(keyOfUser(user), 1);
      expect(at).toBeGreaterThanOrEqual(before - 1_000);
      expect(at).toBeLessThanOrEqual(after + 1_000);
    }
  });

  it('[W5] writes events as well where a node of an older build said last what all want', async () => {
    const node = await start();
    const events = '{"user.online":["*"],"user.offline":["*"]}';
    await redis.ask((client) => client.hset('{sb}:state', 'want', `{"h":{},"e":${events},"m":{}}`));
    await node.connect('s-1', 'ada');
    await node.holdings.leave('s-1', false);
    const found = await node.engine.outbox.find(keyOfUser('ada'), 10);
    expect(found.map(({ type }) => type)).toEqual(['user.offline', 'user.online']);
  });

  it('[W7] a replay leaves out nothing where one node said later than another when it happened', async () => {
    const node = await start();
    await claim(node);
    const key = keyOfUser('ada');
    const since = Date.now() - 60_000;
    for (const at of [since + 100, since + 50, since + 200]) {
      const event = `{"t":"user.online","e":"e","k":"${key}","at":${at},"d":{}}`;
      await redis.ask((client) => client.xadd(`{sb}:ev:${partitionOf(key).toString(16)}`, '1-*', 'd', event));
    }
    const { epoch, endpoints, last } = await node.engine.outbox.state(['shop']);
    const partition = partitionOf(key);
    const { replays } = endpoints[0]!;
    const delivered = { endpoint: 'shop', epoch, partition, seq: last[partition]!, replays };
    await node.engine.outbox.commit([delivered], []);
    expect(await node.engine.outbox.replay('shop', since + 100)).toBe(3);
  });

  it('[W8] nodes share the partitions, and whoever has lost one is refused', async () => {
    const a = await start();
    expect(await claim(a)).toHaveLength(PARTITIONS);
    const b = await start();
    expect(await claim(b)).toEqual([]);
    const { epoch, share, owned } = await a.engine.outbox.claim(['shop']);
    expect(share).toBe(PARTITIONS / 2);
    await a.engine.outbox.release(owned.slice(share));
    expect(await claim(b)).toEqual(owned.slice(share));
    const partition = owned.at(-1)!;
    const mark = { endpoint: 'shop', epoch, partition, seq: 1, replays: 0 };
    expect(await a.engine.outbox.commit([mark], [])).toEqual([false]);
    expect(await b.engine.outbox.commit([mark], [])).toEqual([true]);
    expect(await a.engine.outbox.read(partition, 0, 10)).toEqual([]);
  });

  it('[W5] users of a node that dies are offline after its lease and the window, told by another, which sends it', async () => {
    const a = await start();
    const b = await start();
    await claim(a);
    for (const user of ['ada', 'bob']) await a.connect(`s-${user}`, user);
    await b.connect('s-again', 'bob');
    // As when its process is killed: nothing more of it reaches Redis.
    a.engine['registration']['isStopped'] = true;
    clearTimeout(a.engine['registration']['timer']);
    nodes.splice(nodes.indexOf(a), 1);
    const typesOf = async (user: string): Promise<string[]> =>
      (await b.engine.outbox.find(keyOfUser(user), 10)).map(({ type }) => type);
    await until('ada is offline', async () => (await typesOf('ada')).length === 2);
    expect(await typesOf('ada')).toEqual(['user.offline', 'user.online']);
    expect(await typesOf('bob')).toEqual(['user.online']);
    const [lost] = await b.engine.outbox.find(`n${a.id}`, 1);
    expect(lost).toMatchObject({ type: 'node.lost', data: { node: a.id, sockets: 2 } });
    expect(await claim(b)).toHaveLength(PARTITIONS);
    await a.engine.stop();
  });

  it('[W3] a Redis that lost its memory has another epoch, in which everybody is online anew', async () => {
    const a = await start();
    await a.connect('s-1', 'ada');
    const [before] = await a.engine.outbox.find(keyOfUser('ada'), 1);
    await redis.restartEmpty();
    await until('it is told anew', async () => {
      const found = await a.engine.outbox.find(keyOfUser('ada'), 10).catch(() => []);
      return found.length === 1;
    });
    const [after] = await a.engine.outbox.find(keyOfUser('ada'), 10);
    expect(after).toMatchObject({ type: 'user.online' });
    expect(after!.epoch).not.toBe(before!.epoch);
    const [started] = await a.engine.outbox.find('g', 10);
    expect(started).toMatchObject({ type: 'gateway.started', epoch: after!.epoch });
  });

  it('[N7] every node that listens hears each change once, others hear nothing', async () => {
    const [a, b, c] = [await start({}), await start({}), await start({})];
    const heard = new Map<TestNode, UserEvent[]>([a, b].map((node) => [node, []]));
    for (const [node, events] of heard) node.engine.outbox.hear((event) => events.push(event));
    for (const node of [a, b]) await node.engine.outbox.state([]);
    await c.connect('s-1', 'ada');
    await a.connect('s-2', 'ada');
    await c.holdings.leave('s-1', false);
    await a.holdings.leave('s-2', false);
    await until('both have heard', () => [...heard.values()].every(({ length }) => length >= 2));
    for (const events of heard.values()) {
      expect(events.map(({ type, data }) => [type, data['user']])).toEqual([
        ['user.online', 'ada'],
        ['user.offline', 'ada'],
      ]);
    }
  });
});
