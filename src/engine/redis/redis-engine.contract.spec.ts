import { TestNode } from '../../../test/support/redis-node.js';
import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { describeEngine } from '../contract/engine-contract.js';
import { describeRegistry } from '../contract/registry-contract.js';
import { createRedisEngine } from '../contract/redis-engine-under-test.js';

describeWithRedis('on a real Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());

  describeEngine(
    'redis',
    createRedisEngine(() => redis.url),
    { lifeMs: 1_000, skipsTime: false },
  );

  describe('redis as the registry of all nodes', () =>
    describeRegistry(async () => {
      await redis.ask((client) => client.flushall());
      const node = await TestNode.start(redis.url);
      return {
        registry: node.registry,
        node: node.id,
        connect: (id, user, rooms = []) => node.connect(id, user, [...rooms]),
        join: (id, room) => node.join(id, room),
        part: async (id, room) => node.holdings.parted(id, room),
        disconnect: (id) => node.disconnect(id),
        close: () => node.engine.stop(),
      };
    }));
});
