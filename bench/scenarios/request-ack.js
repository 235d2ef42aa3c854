const CLIENTS = 200;
const REQUESTS = 40_000;
const QUICK_REQUESTS = 5_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'request-ack',
  title: `A request with an acknowledgement, ${CLIENTS} sockets with one outstanding each`,
  unit: 'µs CPU per request',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'unrecorded', 'switchboard'],
  connections: () => CLIENTS,
  async run({ load, infoEvent, quick, connect, cpuMicrosOf }) {
    await connect();
    const count = quick ? QUICK_REQUESTS : REQUESTS;
    const request = (/** @type {number} */ requests) =>
      load.call('request', { event: infoEvent, count: requests });
    await request(count);
    return (await cpuMicrosOf(() => request(count))) / count;
  },
};
