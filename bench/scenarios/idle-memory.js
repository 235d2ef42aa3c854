const WARM_UP_CONNECTIONS = 100;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'idle-memory',
  title: 'Memory of an idle connection',
  unit: 'kB per connection',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'ws', 'switchboard'],
  connections: ({ connections, clients }) => connections ?? clients,
  async run({ peer, load, target, connect }) {
    // What is compiled and cached once must not count as a connection's.
    await load.call('connectAndClose', { ...target, count: WARM_UP_CONNECTIONS, concurrency: 20 });
    const empty = await peer.call('memory');
    const { length } = await connect();
    const full = await peer.call('memory');
    return {
      'heap after collection': (full.heapCollected - empty.heapCollected) / length / 1000,
      'RSS, no forced collection': (full.rss - empty.rssCollected) / length / 1000,
    };
  },
};
