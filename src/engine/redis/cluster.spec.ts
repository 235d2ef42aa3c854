import { inspect } from 'node:util';
import { TestNode, publication } from '../../../test/support/redis-node.js';
import { TestCluster } from '../../../test/support/redis-cluster.js';
import { freePort } from '../../../test/support/free-port.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { until } from '../../../test/support/until.js';
import { hashSlotOf } from './connection/discovery/slot.js';
import { SlotOwner } from './connection/discovery/slot-owner.js';

const PASSWORD = 'kumquat-0123456789';
const unavailable = { code: 'engine.unavailable' };
const history = [{ pattern: '*', size: 100, ttlMs: 60_000 }];

const reasonOf = ({ engine }: TestNode): string => {
  const health = engine.health();
  return health.state === 'unavailable' ? health.reason : health.state;
};

describeWithRedis('nodes on a cluster of Redis', () => {
  let cluster: TestCluster;
  const nodes: TestNode[] = [];
  const extra: (TestRedis | TestCluster)[] = [];
  const alsoStop = <T extends TestRedis | TestCluster>(other: T): T => {
    extra.push(other);
    return other;
  };
  const start = async (url = cluster.url(), config: Parameters<typeof TestNode.start>[1] = { history }) => {
    const node = await TestNode.start(url, config);
    nodes.push(node);
    return node;
  };

  beforeAll(async () => {
    cluster = await TestCluster.start(3, 1, PASSWORD);
  }, 20_000);
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ engine }) => engine.stop()));
    await Promise.all(
      extra.splice(0).map((other) => (other instanceof TestRedis ? other.kill() : other.stop())),
    );
  });
  afterAll(() => cluster.stop());

  /** Two nodes with a socket each in one room, and its epoch. */
  async function startPair() {
    const [one, two] = [await start(), await start()];
    await one.connect('socket-1', 'ann', ['lobby']);
    await two.connect('socket-2', 'bob', ['lobby']);
    await one.engine.publish(publication({ rooms: ['lobby'] })).remote;
    const { epoch } = await one.engine.history.read('lobby', { limit: 1 });
    return { one, two, epoch };
  }

  /** Both go on as if nothing had been. */
  async function expectWhole({ one, two, epoch }: Awaited<ReturnType<typeof startPair>>): Promise<void> {
    await until('they are ready', () => one.isReady && two.isReady);
    const last = publication({ rooms: ['lobby'] });
    expect((await one.engine.publish(last).remote)?.matched).toBe(1);
    await until('it is there', () => two.got.includes(last.id) && one.got.includes(last.id));
    const page = await two.engine.history.read('lobby', { limit: 100 });
    expect(page.epoch).toBe(epoch);
    // What is kept is what was delivered, in this order.
    expect(page.publications.map(({ id }) => id)).toEqual(two.got);
    expect(await one.registry.room('lobby')).toEqual({ room: 'lobby', sockets: 2, users: 2 });
    expect([one.timesFenced, two.timesFenced]).toEqual([0, 0]);
  }

  it('find the slot that a key is in as Redis does', async () => {
    const keys = ['{sb}:state', '{sb}:rs:x', 'plain', '{}x', 'a{b}{c}', '{a', 'ü', '123456789'];
    const asked = await cluster.nodes[0]!.ask((client) =>
      Promise.all(keys.map((key) => client.call('CLUSTER', 'KEYSLOT', key))),
    );
    expect(keys.map(hashSlotOf)).toEqual(asked);
  });

  it('[O3] find who holds the keys through any node of it, and share everything', async () => {
    const { others, replica } = await cluster.roles();
    const nobody = await TestRedis.planned([], PASSWORD);
    const one = await start(cluster.url([nobody, others[0]!]));
    const two = await start(cluster.url([replica]));
    expect([reasonOf(one), reasonOf(two)]).toEqual(['ready', 'ready']);
    await one.connect('socket-1', 'ann', ['lobby']);
    expect(await two.registry.room('lobby')).toEqual({ room: 'lobby', sockets: 1, users: 1 });
    const session = { sessionId: 's', socketId: 'socket-1', user: 'ann', namespace: '/', token: null };
    await one.engine.sessions.open(session);
    await one.engine.sessions.joined('s', { room: 'lobby', meta: true, byRight: true });
    await one.engine.sessions.detach('s');
    const sent = publication({ rooms: ['lobby'] });
    await two.engine.publish(sent).remote;
    await until('it is there', () => one.got.includes(sent.id));
    const claim = await two.engine.sessions.claim('s', { user: 'ann', namespace: '/', cursor: undefined });
    expect((await claim!.missed()).map(({ publication: { id } }) => id)).toEqual([sent.id]);
    expect((await two.engine.history.read('lobby', { limit: 5 })).publications).toHaveLength(1);
    await two.engine.history.drop('lobby');
  });

  it('[O3] refuse while the keys are handed over, leave nothing half done, and go on where they are then', async () => {
    const pair = await startPair();
    const { one, two } = pair;
    const { owner, others } = await cluster.roles();
    const target = others[0]!;
    await cluster.beginMove(owner, target);
    const before = await contents(owner);
    // A room that nobody has been in: the first of its keys that is missing would stop a script half way.
    await expect(one.join('socket-1', 'new room')).rejects.toMatchObject(unavailable);
    await expect(one.engine.publish(publication({ rooms: ['new room'] })).remote).rejects.toMatchObject(
      unavailable,
    );
    expect(reasonOf(one)).toBe('the keys are on their way to another node of the cluster');
    expect(await contents(owner)).toEqual(before);

    await cluster.moveKeys(owner, target);
    await expect(one.registry.counts()).rejects.toMatchObject(unavailable);
    await cluster.endMove(owner, target);
    await until('both are ready', () => one.isReady && two.isReady);
    expect((await cluster.roles()).owner).toBe(target);
    await expectWhole(pair);
    await one.engine.history.drop('lobby');
  });

  it('[O3] follow the keys to a replica that takes over by order, and lose nothing', async () => {
    const pair = await startPair();
    const { owner, replica } = await cluster.roles();
    await replica.ask((client) => client.call('CLUSTER', 'FAILOVER'));
    await until('both have followed', () =>
      [pair.one, pair.two].every(({ troubles }) => troubles.includes('recovered')),
    );
    expect((await cluster.roles()).owner).not.toBe(owner);
    await expectWhole(pair);
    await pair.one.engine.history.drop('lobby');
  });

  it('[O3] go on with the replica that takes the place of one that hangs', async () => {
    const pair = await startPair();
    const { owner } = await cluster.roles();
    owner.pause();
    try {
      await until('both go on', () =>
        [pair.one, pair.two].every(({ troubles }) => troubles.includes('recovered')),
      );
    } finally {
      owner.resume();
    }
    expect(pair.one.troubles[0]).toBe('Redis does not answer');
    await expectWhole(pair);
    await pair.one.engine.history.drop('lobby');
    await until('the other is its replica', async () => (await cluster.roles()).replica === owner);
  }, 30_000);

  it('[O3] go on with the replica that takes the place of one that died', async () => {
    const pair = await startPair();
    const { owner } = await cluster.roles();
    // The replica has all of it, so that the epoch has to stay.
    await owner.ask(async (client) => {
      await client.del('{sb}:nothing');
      expect(await client.wait(1, 5_000)).toBe(1);
    });
    await owner.kill();
    await until('both go on', () =>
      [pair.one, pair.two].every(({ troubles }) => troubles.includes('recovered')),
    );
    await expectWhole(pair);
  }, 20_000);

  it('[O3] say that credentials are wrong, and never which', async () => {
    const node = await start(cluster.url(cluster.nodes, 'the-wrong-secret'));
    expect(reasonOf(node)).toBe('Redis does not take these credentials');
    const failure: unknown = await node.engine.nodes(0).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject(unavailable);
    expect(inspect([failure, node.engine.health(), node.troubles], { depth: 20 })).not.toMatch(
      /secret|kumquat/,
    );
  });

  it('[O3] say that Redis is no cluster', async () => {
    const single = alsoStop(await TestRedis.start());
    const nobody = await freePort();
    const node = await start(`redis+cluster://127.0.0.1:${single.port},127.0.0.1:${nobody}`);
    expect(reasonOf(node)).toBe('this Redis is not a node of a cluster');
  });

  it('[O3] start without it, and begin by themselves when it comes, though it does not know where it is', async () => {
    const late = alsoStop(await TestCluster.planned(1));
    const node = await start(late.url());
    expect(reasonOf(node)).toBe('Redis refuses the connection');
    await late.nodes[0]!.run();
    await until('it is noticed', () => reasonOf(node) === 'the cluster of Redis is down');
    await late.form(1);
    // A node that never met another tells of itself with an empty host.
    const slots = await late.nodes[0]!.ask((client) => client.call('CLUSTER', 'SLOTS'));
    expect(slots).toEqual([[0, 16_383, ['', late.nodes[0]!.port, expect.any(String), []]]]);
    await until('it is ready', () => node.isReady);

    const here = { host: '127.0.0.1', port: late.nodes[0]!.port };
    const set = (name: string, value: string) =>
      late.nodes[0]!.ask((client) => client.config('SET', name, value));
    const found = async (...[name, value]: [string, string]) => {
      await set(name, value);
      const address = { kind: 'cluster', tls: false, login: {}, seeds: [here] } as const;
      return new SlotOwner(address, '{sb}:state').find(new AbortController().signal);
    };
    // Valkey tells a changed address only after something else has changed too.
    await set('cluster-announce-ip', '127.0.0.2');
    expect(await found('cluster-preferred-endpoint-type', 'unknown-endpoint')).toEqual(here);
    expect(await found('cluster-preferred-endpoint-type', 'ip')).toEqual({ ...here, host: '127.0.0.2' });
    // It should tell a name, and has none.
    expect(await found('cluster-preferred-endpoint-type', 'hostname')).toEqual({
      ...here,
      host: '127.0.0.2',
    });
    expect(await found('cluster-announce-hostname', 'redis.test')).toEqual({ ...here, host: 'redis.test' });
    expect(await found('cluster-announce-port', '7')).toEqual({ host: 'redis.test', port: 7 });
  });

  it('[O3] ask first the node that another has named as the one that holds the keys', async () => {
    const single = async () => alsoStop(await TestCluster.start(1, 0));
    const [from, to] = (await Promise.all([single(), single()])).map(({ nodes: [node] }) => ({
      host: '127.0.0.1',
      port: node!.port,
    }));
    const owner = new SlotOwner({ kind: 'cluster', tls: false, login: {}, seeds: [from!] }, '{sb}:state');
    const { signal } = new AbortController();
    expect(await owner.find(signal)).toEqual(from);
    owner.moved(`MOVED 7 127.0.0.1:${to!.port}`);
    expect(await owner.find(signal)).toEqual(to);
    // Where it names no host, it is the one that said so.
    owner.moved(`MOVED 7 :${from!.port}`);
    expect(await owner.find(signal)).toEqual(from);
    owner.moved('READONLY');
    expect(await owner.find(signal)).toEqual(from);
  });

  it('[O3] stop while none of it is there', async () => {
    const node = await start(`redis+cluster://127.0.0.1:${await freePort()}`);
    await node.engine.stop();
    expect(node.isReady).toBe(false);
  });
});

/** All that is kept, but for what changes with time. */
async function contents(redis: TestRedis): Promise<string[]> {
  return redis.ask(async (client) => {
    const keys = (await client.keys('{sb}:*')).sort();
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
    return keys.map((key, index) => `${key} ${dumps[index]?.toString('base64') ?? ''}`);
  });
}
