import { setTimeout as delay } from 'node:timers/promises';
import { NodeIdentity } from '../node-identity.js';
import { RedisEngine } from '../redis/redis-engine.js';
import { type CreateEngine, RecordedHooks } from './engine-under-test.js';

/** Real Redis and real time, so that waiting is all a test can do to let time pass. */
export const createRedisEngine =
  (url: () => string): CreateEngine =>
  async ({ history, recoveryWindowMs, maxHistoryBytes = 134_217_728, maxSocketsPerUser, ...wants }) => {
    const hooks = new RecordedHooks();
    const leaseMs = 7_000;
    // A Redis that is slow because the machine is busy is not gone.
    const config = {
      redisUrl: url(),
      nodeLeaseMs: leaseMs,
      redisTimeoutMs: leaseMs,
      pingIntervalMs: 10,
      pingTimeoutMs: 10,
    };
    const engine = new RedisEngine(
      { ...config, history, recoveryWindowMs, maxHistoryBytes, maxSocketsPerUser, ...wants },
      new NodeIdentity(),
    );
    await engine.start(hooks);
    return {
      engine,
      hooks,
      advance: async (ms) => {
        await delay(ms);
      },
      close: () => engine.stop(),
    };
  };
