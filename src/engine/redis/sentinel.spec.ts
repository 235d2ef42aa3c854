import { inspect } from 'node:util';
import { freePort } from '../../../test/support/free-port.js';
import { TestNode, publication } from '../../../test/support/redis-node.js';
import { TestSentinels, type SentinelLogin } from '../../../test/support/redis-sentinels.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { until } from '../../../test/support/until.js';

const PASSWORD = 'kumquat-0123456789';
/** What a URL has to escape. */
const SENTINEL_PASSWORD = 'lychee&/?=@:%+0123456789';
const unavailable = { code: 'engine.unavailable' };

const reasonOf = ({ engine }: TestNode): string => {
  const health = engine.health();
  return health.state === 'unavailable' ? health.reason : health.state;
};

describeWithRedis('nodes on a Redis behind Sentinels', () => {
  const nodes: TestNode[] = [];
  let primary: TestRedis;
  let replica: TestRedis | undefined;
  let sentinels: TestSentinels;
  const watched = async (login: SentinelLogin = { kind: 'none' }, replicas = 0): Promise<void> => {
    const auth = ['--masterauth', PASSWORD];
    primary = await TestRedis.start(auth, PASSWORD);
    const follow = ['--replicaof', '127.0.0.1', String(primary.port), '--repl-diskless-sync-delay', '0'];
    if (replicas > 0) replica = await TestRedis.start([...auth, ...follow], PASSWORD);
    const watching = { primaryPort: primary.port, primaryPassword: PASSWORD };
    sentinels = await TestSentinels.start({ ...watching, replicas, login });
  };
  const urlWith = (query: string, hosts = sentinels.hosts, name = 'main'): string =>
    `redis+sentinel://:${PASSWORD}@${hosts}/${name}${query}`;
  const start = async (url = urlWith(sentinels.query)): Promise<TestNode> => {
    const node = await TestNode.start(url);
    nodes.push(node);
    return node;
  };

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map(({ engine }) => engine.stop()));
    await sentinels.stop();
    await replica?.kill();
    replica = undefined;
    await primary.kill();
  });

  it.each<SentinelLogin>([{ kind: 'none' }, { kind: 'password', password: SENTINEL_PASSWORD }])(
    '[O3] find the primary, and go on with the replica that takes its place: login $kind',
    async (login) => {
      await watched(login, 1);
      const [one, two] = [await start(), await start()];
      await one.connect('socket-1', 'ann', ['lobby']);
      await two.connect('socket-2', 'bob', ['lobby']);
      expect(nodes.map(({ isReady }) => isReady)).toEqual([true, true]);

      await primary.kill();
      await until('both nodes go on', () => nodes.every((node) => node.troubles.includes('recovered')));
      expect(one.troubles).toHaveLength(2);

      await until('what the nodes hold is known again', async () => {
        const room = await one.registry.room('lobby');
        return room?.sockets === 2;
      });
      await one.engine.publish(publication({ rooms: ['lobby'] }));
      await until('the publication is there', () => two.got.length === 1);
    },
    40_000,
  );

  it('[O3] log in to Sentinels as a user that may only find the primary', async () => {
    await watched({ kind: 'user', password: SENTINEL_PASSWORD });
    expect(reasonOf(await start())).toBe('ready');
    // The user's password is not that of the default user, which is off.
    const asDefault = await start(urlWith(sentinels.query.replace(/sentinel_username=\w+&/, '')));
    expect(reasonOf(asDefault)).toBe('the Sentinels do not take these credentials');
  });

  it('[O3] say that the Sentinels refuse a password, or that there is none, and never show one', async () => {
    await watched({ kind: 'password', password: SENTINEL_PASSWORD });
    const given = await start(urlWith('?sentinel_password=the-wrong-durian'));
    const without = await start(urlWith(''));
    for (const node of [given, without]) {
      expect(reasonOf(node)).toBe('the Sentinels do not take these credentials');
      const failure: unknown = await node.engine.nodes(0).catch((thrown: unknown) => thrown);
      expect(failure).toMatchObject(unavailable);
      expect(inspect([failure, node.engine.health(), node.troubles], { depth: 20 })).not.toMatch(
        /durian|kumquat|lychee/,
      );
    }
    const elsewhere = await start(urlWith(sentinels.query).replace(PASSWORD, 'the-wrong-durian'));
    expect(reasonOf(elsewhere)).toBe('Redis does not take these credentials');
  });

  it('[O3] ask the next where a Sentinel is gone, and say what none of them knows', async () => {
    await watched();
    const nobody = `127.0.0.1:${await freePort()}`;
    expect(reasonOf(await start(urlWith('', `${nobody},${sentinels.hosts}`)))).toBe('ready');
    expect(reasonOf(await start(urlWith('', nobody)))).toBe('no Sentinel can name the primary');
    expect(reasonOf(await start(urlWith('', sentinels.hosts, 'other')))).toBe(
      'the Sentinels know no primary of this name',
    );
  });
});
