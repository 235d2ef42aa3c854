import { TestNode } from '../../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../../test/support/redis.js';
import { TcpProxy } from '../../../../test/support/tcp-proxy.js';
import { until } from '../../../../test/support/until.js';
import { RecordedReplica } from '../../contract/revocation-contract.js';
import { RedisRevocations } from './redis-revocations.js';

describeWithRedis('blocks and revocations', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let one: TestNode;
  let two: TestNode;
  let copies: [RecordedReplica, RecordedReplica];
  const later = Date.now() + 600_000;

  beforeEach(async () => {
    redis = await TestRedis.start();
    proxy = await TcpProxy.to(redis.port);
    copies = [new RecordedReplica(), new RecordedReplica()];
    [one, two] = await Promise.all([
      TestNode.start(redis.url, {}, copies[0]),
      TestNode.start(proxy.url, {}, copies[1]),
    ]);
  });
  afterEach(async () => {
    await Promise.all([one.engine.stop(), two.engine.stop()]);
    await proxy.close();
    await redis.kill();
  });

  it('[A6] hold at once where they are made, and soon on all nodes', async () => {
    const { revocations } = one.engine;
    await revocations.block('ann');
    await revocations.revokeJti('j1', later);
    await revocations.revokeJti('j2', Infinity);
    await revocations.revokeUser('ben', 100, Infinity);
    expect([...copies[0].blocked]).toEqual(['ann']);
    await until('the other node has them', () => copies[1].users.size === 1);
    expect(copies[1].tokens).toEqual(
      new Map([
        ['j1', later],
        ['j2', Infinity],
      ]),
    );
    expect(copies[1].users.get('ben')).toEqual([100, Infinity]);
    expect(await two.engine.revocations.unblock('ann')).toBe(true);
    expect(await two.engine.revocations.unblock('ann')).toBe(false);
    await until('it holds nowhere', () => copies[0].blocked.size === 0);
  });

  it('[A6] name the user whose sockets are to be looked at, where it is one', async () => {
    const changed: (string | undefined)[] = [];
    two.engine.revocations.replicateTo(copies[1], (user) => changed.push(user));
    const { revocations } = one.engine;
    await revocations.block('ann');
    await revocations.unblock('ann');
    await revocations.revokeUser('ben', 100, later);
    await revocations.revokeJti('j', later);
    await until('the other node has them', () => copies[1].tokens.size === 1);
    expect(changed).toEqual(['ann', 'ben', undefined]);
  });

  it('[A6] hold on a node that comes later, the widest of several', async () => {
    const { revocations } = one.engine;
    await revocations.block('ann');
    await revocations.revokeJti('j', later);
    await revocations.revokeJti('j', later - 1_000);
    await revocations.revokeJti('over', Date.now() - 1_000);
    await revocations.revokeUser('ben', 200, later - 1_000);
    await revocations.revokeUser('ben', 100, later);
    const copy = new RecordedReplica();
    const three = await TestNode.start(redis.url, {}, copy);
    expect([[...copy.blocked], [...copy.tokens], [...copy.users]]).toEqual([
      ['ann'],
      [['j', later]],
      [['ben', [200, later]]],
    ]);
    await three.engine.stop();
  });

  it('[A6] a node that was away has them when it is back', async () => {
    await one.engine.revocations.block('ann');
    await until('both have it', () => copies[1].blocked.has('ann'));
    proxy.cut();
    await until('it is away', () => !two.isReady);
    await one.engine.revocations.unblock('ann');
    await one.engine.revocations.block('ben');
    await expect(two.engine.revocations.block('cy')).rejects.toMatchObject({ code: 'engine.unavailable' });
    // At once here, and everywhere as soon as it can be told. [A8]
    expect(copies[1].blocked.has('cy')).toBe(true);
    proxy.mend();
    await until('it is back', () => two.isReady);
    await until('the other knows', () => copies[0].blocked.has('cy'));
    expect([...copies[1].blocked].toSorted()).toEqual(['ben', 'cy']);
  });

  it('[A6] nobody gets in because Redis has lost everything', async () => {
    await one.engine.revocations.block('ann');
    await one.engine.revocations.block('ben');
    await one.engine.revocations.unblock('ben');
    await one.engine.revocations.revokeJti('j', Infinity);
    // What Redis has answered and not told the other yet, it may forget again.
    await until('both know all of it', () => copies.every(({ tokens }) => tokens.has('j')));
    await redis.kill();
    await until('it is noticed', () => !one.isReady && !two.isReady);
    await redis.run();
    await until('they are back', () => one.isReady && two.isReady);
    const copy = new RecordedReplica();
    const three = await TestNode.start(redis.url, {}, copy);
    expect([[...copy.blocked], [...copy.tokens]]).toEqual([['ann'], [['j', Infinity]]]);
    expect([[...copies[0].blocked], [...copies[1].blocked]]).toEqual([['ann'], ['ann']]);
    await three.engine.stop();
  });

  it('[A6] a node that starts without Redis has them before it is ready', async () => {
    await one.engine.revocations.block('ann');
    proxy.cut();
    const copy = new RecordedReplica();
    const three = await TestNode.start(proxy.url, {}, copy);
    expect(copy.blocked.size).toBe(0);
    proxy.mend();
    await until('it is ready', () => three.isReady);
    expect([...copy.blocked]).toEqual(['ann']);
    await three.engine.stop();
  });

  it('[A6] Redis keeps nothing of what is over', async () => {
    const { revocations } = one.engine;
    await revocations.revokeJti('j1', Date.now() - 1);
    await revocations.revokeUser('ann', 100, Date.now() - 1);
    await revocations.revokeUser('ben', 100, later);
    const users = await redis.ask((client) => client.hkeys('{sb}:rev:user'));
    const tokens = await redis.ask((client) => client.zcard('{sb}:rev:jti'));
    expect([users, tokens]).toEqual([['ben'], 0]);
  });
});

describe('blocks and revocations that Redis has lost', () => {
  it('[A6] are given it again until it has them all', async () => {
    const copy = new RecordedReplica();
    const revocations = new RedisRevocations({
      run: () => Promise.resolve(1),
      identity: () => ['node', 'generation'],
      renewWhenDue: () => Promise.resolve(),
    });
    revocations.replicateTo(copy, () => undefined);
    revocations.announced(JSON.stringify(['block', 'ann']));
    revocations.announced(JSON.stringify(['block', 'ben']));
    const given: string[] = [];
    let answersLeft = 1;
    const link = {
      run: (_script: unknown, ...[, , revocation]: readonly (string | number)[]) => {
        if (answersLeft-- === 0) return Promise.reject(new Error('cut'));
        if (revocation === undefined) return Promise.resolve([['ann', 'ben'], [], []]);
        given.push((JSON.parse(String(revocation)) as string[])[1]!);
        return Promise.resolve(1);
      },
    };
    revocations.lost();
    await expect(revocations.load(link)).rejects.toThrow('cut');
    await revocations.load(link);
    expect(given).toEqual(['ann', 'ann', 'ben']);
    expect([...copy.blocked]).toEqual(['ann', 'ben']);
  });
});
