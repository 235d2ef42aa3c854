import { CONCURRENCY, countOf } from './connect.js';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'connect-webhooks',
  title: 'Connect and break off by WebSocket with a token, while a webhook tells of users that come',
  unit: 'ms CPU per connection',
  better: 'lower',
  peers: ['webhooks-unsent', 'webhooks', 'webhooks-batch', 'switchboard'],
  secured: true,
  backend: true,
  connections: ({ clients }) => clients,
  /** What is told is sent when it ends. Clients break off, so that their users are held: nobody is told offline meanwhile. */
  async run({ peer, load, target, quick, connections, connect, cpuMicrosOf }) {
    const tells = await peer.call('tells');
    const told = async (/** @type {number} */ count) => tells && load.call('told', { count });
    await connect();
    // Two sockets are one user.
    await told(connections >> 1);
    const count = countOf(quick);
    const cycle = async (/** @type {string} */ prefix) => {
      await load.call('connectAndClose', { ...target, count, concurrency: CONCURRENCY, prefix });
      await told(count);
    };
    await cycle('early-');
    return (await cpuMicrosOf(() => cycle('late-'))) / count / 1000;
  },
};
