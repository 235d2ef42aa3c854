const CLIENTS = 100;
const REQUESTS = 6_000;
const QUICK_REQUESTS = 1_000;
const CONCURRENCY = 20;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'http-emit',
  title: 'A backend sends one event to one socket by HTTP, connections kept alive',
  unit: 'requests per CPU second',
  better: 'higher',
  peers: ['raw-socket.io', 'stock-nest', 'switchboard'],
  secured: true,
  connections: () => CLIENTS,
  async run({ peer, load, target, quick, connect, cpuMicrosOf }) {
    const socketIds = await connect();
    const requests = await peer.call('requests', { kind: 'emit', targets: socketIds });
    const send = async (/** @type {number} */ count) => {
      await load.call('http', { port: target.port, requests, count, concurrency: CONCURRENCY });
      await load.call('received', { count });
    };
    const count = quick ? QUICK_REQUESTS : REQUESTS;
    await send(count);
    return count / ((await cpuMicrosOf(() => send(count))) / 1_000_000);
  },
};
