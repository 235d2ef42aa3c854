const COUNT = 1000;
const QUICK_COUNT = 200;
const INTERVAL_MS = 5;
const ROOM = 'far';

/** @type {import('./index.js').NodesScenario} */
export default {
  name: 'nodes-latency',
  title: 'Two nodes: from the call that publishes on one to the frame at a client of the other, 200 a second',
  unit: 'ms',
  better: 'lower',
  peers: ['sharded-adapter', 'streams-adapter', 'switchboard'],
  nodes: true,
  connections: () => 1,
  async run({ a, b, load, targets, quick, connections }) {
    const ids = await load.call('open', { ...targets.b, count: connections });
    await b.call('join', { pairs: ids.map((/** @type {string} */ id) => [id, ROOM]) });
    const measure = async (/** @type {number} */ count) => {
      await load.call('noteArrivals');
      const sent = await a.call('pace', { room: ROOM, count, intervalMs: INTERVAL_MS });
      await load.call('received', { count });
      const arrived = await load.call('arrivals');
      return sent
        .map((/** @type {number} */ at, /** @type {number} */ index) => arrived[index] - at)
        .sort((/** @type {number} */ x, /** @type {number} */ y) => x - y);
    };
    // What runs once per publication is compiled only after some hundreds.
    await measure(quick ? QUICK_COUNT : COUNT);
    const sorted = await measure(quick ? QUICK_COUNT : COUNT);
    const at = (/** @type {number} */ share) => sorted[Math.ceil(sorted.length * share) - 1] / 1000;
    return { p50: at(0.5), p99: at(0.99) };
  },
};
