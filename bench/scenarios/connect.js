const CONNECTIONS = 10_000;
const QUICK_CONNECTIONS = 200;
export const CONCURRENCY = 50;

export const countOf = (/** @type {boolean} */ quick) => (quick ? QUICK_CONNECTIONS : CONNECTIONS);

/** @type {import('./index.js').Scenario} */
export default {
  name: 'connect',
  title: 'Connect and disconnect by WebSocket, without a token',
  unit: 'ms CPU per connection',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'unrecorded', 'switchboard'],
  connections: ({ clients }) => clients,
  run: (context) => measureConnect(context),
};

/**
 * Others stay connected meanwhile: on an empty server maps are rebuilt with every few who come and go.
 *
 * @param {import('../support/sample.js').Context} context
 * @param {{ startsByPolling?: boolean }} [how] the client connects
 */
export async function measureConnect({ load, target, quick, connect, cpuMicrosOf }, how) {
  await connect();
  const count = countOf(quick);
  const cycle = (/** @type {number} */ connections) =>
    load.call('connectAndClose', { ...target, ...how, count: connections, concurrency: CONCURRENCY });
  await cycle(count);
  return (await cpuMicrosOf(() => cycle(count))) / count / 1000;
}
