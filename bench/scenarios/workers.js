import { processTreeCpuMs, startService } from '../support/service-process.js';
import { RedisServer } from '../support/redis-server.js';
import { BODY, EVENT } from '../support/message.js';

const PER_TURN = 10;
const DELIVERIES = 4_000_000;
const QUICK_DELIVERIES = 100_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'workers',
  title: `Broadcast to all sockets by HTTP, ${PER_TURN} publications a batch, with one process and with two workers`,
  unit: 'µs CPU per delivered message, all processes and Redis',
  better: 'lower',
  peers: ['switchboard'],
  redis: true,
  connections: ({ clients }) => clients,
  async run({ peer, load, quick, connections }) {
    const perBatch = PER_TURN * connections;
    const batches = Math.max(5, Math.ceil((quick ? QUICK_DELIVERIES : DELIVERIES) / perBatch));
    const requests = [
      {
        method: 'POST',
        path: '/v1/batch',
        body: {
          commands: Array.from({ length: PER_TURN }, () => ({
            emit: { to: { all: true }, event: EVENT, data: BODY },
          })),
        },
      },
    ];
    const measure = async (/** @type {number} */ workers, /** @type {RedisServer | undefined} */ redis) => {
      const service = await startService(peer.file, {
        SWITCHBOARD_WORKERS: String(workers),
        ...(redis && { SWITCHBOARD_REDIS_URL: redis.url }),
      });
      try {
        await load.call('open', { port: service.port, protocol: 'socket.io', count: connections });
        const publish = async (/** @type {number} */ count) => {
          for (let batch = 0; batch < count; batch++) {
            await load.call('http', { port: service.port, requests, count: 1, concurrency: 1 });
            await load.call('received', { count: perBatch });
          }
        };
        const cpuMs = async () =>
          processTreeCpuMs(service.pid) + ((await redis?.use())?.cpuMicros ?? 0) / 1000;
        await publish(batches);
        const before = await cpuMs();
        await publish(batches);
        return (((await cpuMs()) - before) * 1000) / (batches * perBatch);
      } finally {
        await load.call('breakAll');
        await load.call('forget');
        await service.end();
      }
    };
    const redis = await RedisServer.start(peer.logFile);
    try {
      const alone = await measure(1, undefined);
      const one = await measure(1, redis);
      const two = await measure(2, redis);
      return {
        'one process, in memory': alone,
        'one process, Redis': one,
        'two workers, Redis': two,
        'two workers / one process in memory': two / alone,
      };
    } finally {
      await redis.end();
    }
  },
};
