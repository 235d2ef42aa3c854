import { startGateway } from 'switchboard-gateway/testing';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

describeWithRedis('sessions while Redis is gone', () => {
  it('[O3] are made up for later: the log tells of the outage and not of each change', async () => {
    const redis = await TestRedis.start();
    const logger = new CollectingLogger();
    const gateway = await startGateway({ redisUrl: redis.url, logger });
    try {
      const client = await gateway.connect({ auth: { user: 'ada', recovery: true } });
      await redis.kill();
      const isReady = async (): Promise<boolean> =>
        (await gateway.http('GET', '/health/ready')).status === 200;
      await until('the gateway knows', async () => !(await isReady()));
      for (const room of ['one', 'two', 'three']) {
        expect(await client.request('room:join', { room })).toMatchObject({ ok: true });
        expect(await client.request('room:leave', { room })).toMatchObject({ ok: true });
      }
      const failures = logger.lines.filter(({ message }) => message.includes('a session was not kept'));
      expect(failures).toEqual([]);
      expect(logger.lines.filter(({ message }) => message.includes('shared state is gone'))).toHaveLength(1);
    } finally {
      await gateway.close();
      await redis.kill();
    }
  });
});
