/** Stock Socket.IO, many nodes by one stream in Redis, as the adapter's README sets it up with `ioredis`. */
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { serveSocketIoNode } from '../support/socket.io-node.js';

serveSocketIoNode(async (redisUrl) => {
  const client = new Redis(redisUrl);
  await client.ping();
  return { adapter: createAdapter(client), settled: () => client.ping() };
});
