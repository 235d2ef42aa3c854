/** A node that has many users in the registry and no sockets for them. */
import { setTimeout as pause } from 'node:timers/promises';
import { NodeIdentity } from '../../dist/engine/node-identity.js';
import { RedisEngine } from '../../dist/engine/redis/redis-engine.js';

const [redisUrl, count, nodeLeaseMs, recoveryWindowMs] = process.argv.slice(2);
const AT_ONCE = 500;
const node = new NodeIdentity();
const engine = new RedisEngine(
  {
    redisUrl,
    history: [],
    nodeLeaseMs: Number(nodeLeaseMs),
    recoveryWindowMs: Number(recoveryWindowMs),
    maxHistoryBytes: 134_217_728,
    pingIntervalMs: 25_000,
    pingTimeoutMs: 20_000,
  },
  node,
);
const held = new Map();
await engine.start({
  arrived: () => undefined,
  tracksPositions: () => false,
  takeOver: () => undefined,
  carryOut: async () => 0,
  answer: async () => undefined,
  presence: () => undefined,
  presenceState: () => undefined,
  watchedRooms: () => [],
  sockets: () => held.values(),
  sessionsOver: () => undefined,
  fenced: () => undefined,
});
while (engine.health().state !== 'ready') await pause(20);
const entryOf = (index) => ({
  socketId: `held-${index}`,
  user: `u${index}`,
  node: node.id,
  namespace: '/',
  transport: 'websocket',
  protocol: 4,
  address: '127.0.0.1',
  userAgent: 'none',
  connectedAt: new Date().toISOString(),
  rooms: [],
  info: null,
});
for (let from = 0; from < Number(count); from += AT_ONCE) {
  const entries = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, index) =>
    entryOf(from + index),
  );
  await Promise.all(
    entries.map(async (entry) => {
      await engine.holdings.enter(entry.socketId, () => entry, 0);
      held.set(entry.socketId, entry);
      engine.holdings.connected(entry.socketId, () => entry);
    }),
  );
}
process.send('in');
