import { CONCURRENCY, countOf } from './connect.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'connect-webhooks',
  title: 'Connect and disconnect by WebSocket with a token, while a webhook tells of users that come and go',
  unit: 'ms CPU per connection',
  better: 'lower',
  peers: ['webhooks-unsent', 'webhooks', 'webhooks-batch', 'switchboard'],
  secured: true,
  backend: true,
  connections: ({ clients }) => clients,
  /** What is told is sent when it ends. */
  async run({ peer, load, target, quick, connections, connect, cpuMicrosOf }) {
    const tells = await peer.call('tells');
    const told = async (/** @type {number} */ count) => tells && load.call('told', { count });
    await connect();
    // Two sockets are one user.
    await told(connections >> 1);
    const count = countOf(quick);
    const cycle = async () => {
      await load.call('connectAndClose', { ...target, count, concurrency: CONCURRENCY, prefix: 'newcomer-' });
      await told(2 * count);
    };
    await cycle();
    return (await cpuMicrosOf(cycle)) / count / 1000;
  },
};
