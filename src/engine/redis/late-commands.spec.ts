import { publication, TestNode } from '../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { until } from '../../../test/support/until.js';
import { stateKey } from './keys.js';
import { RequestConnection } from './connection/request-connection.js';
import { CHANGE, CHANGE_SESSIONS, REVOKE } from './lua/scripts.js';

/**
 * A node gives its connection up and makes another one; Redis, or the network, comes to what it sent over the first one
 * only after what it sent over the second.
 */
describeWithRedis('what Redis runs after the node that sent it has connected again', () => {
  let redis: TestRedis;
  let proxy: TcpProxy;
  let one: TestNode;
  let two: TestNode;

  beforeEach(async () => {
    redis = await TestRedis.start();
    proxy = await TcpProxy.to(redis.port);
    [one, two] = await Promise.all([TestNode.start(proxy.url), TestNode.start(redis.url)]);
  });
  afterEach(async () => {
    await Promise.all([one.engine.stop(), two.engine.stop()]);
    await proxy.close();
    await redis.kill();
  });

  /** The first node connects again once what it sent is on its way. */
  const connectAgain = async (sent: string): Promise<void> => {
    await until('it is on its way', () => proxy.holds(sent));
    proxy.abandon();
    await until('it is noticed', () => one.troubles.length === 1);
    await until('it is back', () => one.isReady);
  };

  it('[R4] a socket stays in a room that it left and joined again', async () => {
    await one.connect('a', 'ann', ['x']);
    proxy.holdBack();
    const parted = one.holdings.parted('a', 'x').catch((failure: unknown) => failure);
    await connectAgain(CHANGE.sha);
    expect(await parted).toMatchObject({ code: 'engine.unavailable' });
    await one.holdings.joined('a', 'x');
    await proxy.deliver();
    expect(await two.registry.socket('a')).toEqual(one.held.get('a'));
    expect(await two.registry.room('x')).toEqual({ room: 'x', sockets: 1, users: 1 });
  });

  it('[H4] a session is as its node has it now', async () => {
    const { sessions } = one.engine;
    await sessions.open({
      sessionId: 'secret',
      socketId: 'a',
      user: 'ann',
      namespace: '/',
      token: 'first',
    });
    proxy.holdBack();
    const renewed = sessions.renewed('secret', 'second').catch((failure: unknown) => failure);
    await connectAgain(CHANGE_SESSIONS.sha);
    expect(await renewed).toMatchObject({ code: 'engine.unavailable' });
    await sessions.renewed('secret', 'third');
    await proxy.deliver();
    const seen = publication({ users: ['ann'] });
    await one.engine.publish(seen).remote;
    await until('it has arrived', () => one.got.includes(seen.id));
    const { cursor } = one.engine;
    await sessions.detach('secret');
    const claim = await two.engine.sessions.claim('secret', { user: 'ann', namespace: '/', cursor });
    expect(claim?.token).toBe('third');
  });

  it('[A6] a user who was let in and then blocked stays blocked', async () => {
    const { revocations } = one.engine;
    await revocations.block('ann');
    proxy.holdBack();
    const unblocked = revocations.unblock('ann').catch((failure: unknown) => failure);
    await connectAgain(REVOKE.sha);
    expect(await unblocked).toMatchObject({ code: 'engine.unavailable' });
    await two.engine.revocations.block('ann');
    await proxy.deliver();
    expect(await redis.ask((client) => client.smembers('{sb}:rev:blocked'))).toEqual(['ann']);
  });

  it('[R4] its node goes on as if nothing had been', async () => {
    await one.connect('a', 'ann', ['x']);
    proxy.holdBack();
    const joined = one.holdings.joined('a', 'y').catch((failure: unknown) => failure);
    await connectAgain(CHANGE.sha);
    await joined;
    const troubles = [...one.troubles];
    await proxy.deliver();
    expect((await one.registry.rooms('', {})).items.map(({ room }) => room)).toEqual(['x']);
    expect([one.isReady, one.timesFenced]).toEqual([true, 0]);
    expect(one.troubles).toEqual(troubles);
  });

  it('[R4] a refused script tells as which generation it was sent', async () => {
    const fenced: (readonly (string | number)[])[] = [];
    const events = {
      answers: () => undefined,
      gone: () => undefined,
      fenced: (args: readonly (string | number)[]) => fenced.push(args),
    };
    const link = new RequestConnection(redis.url, stateKey('{sb}:'), [CHANGE], events, 1_000);
    await link.open();
    const failure = await link.run(CHANGE, one.id, 'an.1', '[]', 0, 0).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: 'engine.unavailable' });
    expect(fenced).toEqual([[one.id, 'an.1', '[]', 0, 0]]);
    // Redis does what it should.
    expect(link.refusal).toBeUndefined();
    link.close();
  });
});
