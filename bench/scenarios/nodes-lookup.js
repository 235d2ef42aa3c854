const SOCKETS = 5_000;
const QUICK_SOCKETS = 600;
const LOOK_UPS = 2_000;
const QUICK_LOOK_UPS = 300;
const ROOM = 'room-of-10';

/** @type {import('./index.js').NodesScenario} */
export default {
  name: 'nodes-lookup',
  title: 'Two nodes: an app looks up the sockets of a user or a room, half of them on either of two nodes',
  unit: 'µs CPU per look-up, all nodes and Redis',
  better: 'lower',
  peers: ['sharded-adapter', 'streams-adapter', 'switchboard'],
  nodes: true,
  secured: true,
  connections: ({ quick }) => (quick ? QUICK_SOCKETS : SOCKETS),
  async run({ a, b, load, targets, quick, connections, cpuMicrosOf }) {
    const half = connections >> 1;
    // A user has a socket on each node.
    const onA = await load.call('open', { ...targets.a, count: half, users: half });
    const all = await load.call('open', { ...targets.b, count: half, users: half });
    const pairs = (/** @type {string[]} */ ids) => ids.slice(0, 5).map((id) => [id, ROOM]);
    await a.call('join', { pairs: pairs(onA) });
    await b.call('join', { pairs: pairs(all.slice(half)) });

    const count = quick ? QUICK_LOOK_UPS : LOOK_UPS;
    const users = Array.from({ length: Math.min(half, 500) }, (_, index) => `u${index}`);
    /** @type {Record<string, number>} */
    const result = {};
    for (const concurrency of [1, 10]) {
      for (const [title, kind, targets, size] of /** @type {const} */ ([
        ['a user with 2 sockets', 'user', users, 2],
        ['a room of 10', 'room', [ROOM], 10],
      ])) {
        const lookUp = (/** @type {number} */ times) =>
          a.call('lookUp', { kind, targets, count: times, concurrency, size });
        await lookUp(count);
        const { all: micros } = await cpuMicrosOf(() => lookUp(count));
        result[`${title}, ${concurrency} at a time`] = micros / count;
      }
    }
    return result;
  },
};
