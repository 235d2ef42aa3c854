const SOCKETS = 100_000;
const QUICK_SOCKETS = 5_000;
const PAGE = 1_000;

/** @type {import('./index.js').NodesScenario} */
export default {
  name: 'nodes-walk',
  title: 'Two nodes: the registry of all nodes is walked, page by page',
  unit: 'ms',
  better: 'lower',
  peers: ['switchboard'],
  nodes: true,
  connections: ({ quick, connections }) => connections ?? (quick ? QUICK_SOCKETS : SOCKETS),
  async run({ a, b, redis, connections }) {
    await b.call('fill', { count: connections });
    const walk = () => a.call('walk', { size: PAGE, count: connections });
    await walk();
    await redis.client.config('SET', 'slowlog-log-slower-than', '0');
    await redis.client.config('SET', 'slowlog-max-len', '10000');
    await redis.client.slowlog('RESET');
    await a.call('beginBlocks');
    const begun = performance.now();
    await walk();
    const walkMs = performance.now() - begun;
    const { wallMs, cpuMs } = await a.call('endBlocks');
    const runs = /** @type {[id: number, at: number, micros: number][]} */ (
      await redis.client.slowlog('GET', 10_000)
    );
    return {
      'the longest block of the node that asks, by the clock': wallMs,
      '– CPU': cpuMs,
      'the longest that Redis was busy with one command':
        Math.max(...runs.map(([, , micros]) => micros)) / 1000,
      'the whole walk': walkMs,
    };
  },
};
