/** Stock Socket.IO, many nodes by sharded Pub/Sub, as the adapter's README sets it up with `ioredis`. */
import { createShardedAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { serveSocketIoNode } from '../support/socket.io-node.js';

serveSocketIoNode(async (redisUrl) => {
  const pubClient = new Redis(redisUrl);
  const subClient = pubClient.duplicate();
  await Promise.all([pubClient.ping(), subClient.ping()]);
  return { adapter: createShardedAdapter(pubClient, subClient), settled: () => subClient.ping() };
});
