import { setTimeout } from 'node:timers/promises';

const WARM_UP_CONNECTIONS = 100;

/** A connection is idle when nothing has happened on it for a moment. */
const IDLE_AFTER_MS = 1_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'idle-memory',
  title: 'Memory of an idle connection',
  unit: 'kB per connection',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'ws', 'unrecorded', 'switchboard'],
  connections: ({ connections, clients }) => connections ?? clients,
  async run({ peer, load, target, connections, connect }) {
    // What is compiled and cached once must not count as a connection's.
    await load.call('connectAndClose', { ...target, count: WARM_UP_CONNECTIONS, concurrency: 20 });
    const empty = await peer.call('memory');
    const half = Math.floor(connections / 2);
    await connect(half);
    await setTimeout(IDLE_AFTER_MS);
    const halfFull = await peer.call('memory');
    const { length } = await connect(connections - half);
    await setTimeout(IDLE_AFTER_MS);
    const full = await peer.call('memory');
    return {
      'heap after collection': (full.heapCollected - empty.heapCollected) / length / 1000,
      // Not since the start: a server that took much memory to start would fill that first and look frugal.
      'RSS, growth over the second half': (full.rss - halfFull.rssCollected) / (length - half) / 1000,
      'RSS, whole process': full.rss / length / 1000,
    };
  },
};
