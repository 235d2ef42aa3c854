import { describeWithRedis, TestRedis } from '../../../test/support/redis.js';
import { describeEngine } from '../contract/engine-contract.js';
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
});
