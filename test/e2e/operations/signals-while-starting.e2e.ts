import { ServiceProcess } from '../../support/service-process.js';
import { SilentRedis } from '../../support/silent-redis.js';
import { until } from '../../support/until.js';

const WORKERS = 2;

describe('a service that is still starting', () => {
  let redis: SilentRedis;
  let service: ServiceProcess;

  beforeEach(async () => {
    redis = await SilentRedis.start();
  });
  afterEach(async () => {
    service.signal('SIGKILL');
    await service.ended;
    await redis.stop();
  });

  /** Resolves when so many of its processes wait for Redis. */
  async function starting(workers: number, waiting = workers): Promise<void> {
    service = ServiceProcess.run([], {
      PORT: '0',
      SWITCHBOARD_REDIS_URL: redis.url,
      SWITCHBOARD_WORKERS: String(workers),
    });
    await until('it waits for Redis', () => redis.connections >= waiting);
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('[O2] ends with 0 on %s', async (signal) => {
    await starting(1);
    service.signal(signal);
    expect(await service.ended).toEqual({ code: 0, signal: null });
    expect(service.stderr).toEqual([]);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    '[O2] [R4] ends with 0 on %s while its workers start, and leaves none behind',
    async (signal) => {
      await starting(WORKERS);
      service.signal(signal);
      // Workers share its output: it has not ended before they have.
      expect(await service.ended).toEqual({ code: 0, signal: null });
      expect(service.stderr).toEqual([]);
      await until('no worker is left', () => redis.connections === 0);
    },
  );

  it('[O2] [R4] ends with 0 also when a worker does not listen to signals yet', async () => {
    // When the first of them has come this far, another has mostly not.
    await starting(WORKERS, 1);
    service.signal('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    expect(service.stderr).toEqual([]);
    await until('no worker is left', () => redis.connections === 0);
  });

  it('[R4] leaves no worker behind when it is killed', async () => {
    await starting(WORKERS);
    service.signal('SIGKILL');
    expect(await service.ended).toEqual({ code: null, signal: 'SIGKILL' });
    await until('no worker is left', () => redis.connections === 0);
  });
});
