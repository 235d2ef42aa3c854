import { TOLD } from '../support/backends.js';

const EVENTS = 20_000;
const QUICK_EVENTS = 2_000;
const ROOMS = 1_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'webhooks',
  title: `Webhooks to a backend that takes them at once, of ${ROOMS} rooms`,
  unit: 'events',
  better: 'higher',
  peers: ['webhooks', 'webhooks-batch'],
  backend: true,
  connections: () => 0,
  async run({ peer, load, quick, cpuMicrosOf }) {
    const rooms = Array.from({ length: ROOMS }, (_, index) => `${TOLD}${index}`);
    const send = async (/** @type {number} */ count) => {
      for (let done = 0; done < count; done += ROOMS) await peer.call('broadcast', { perTurn: ROOMS, rooms });
      await load.call('told', { count });
    };
    const count = quick ? QUICK_EVENTS : EVENTS;
    await send(count);
    const begun = performance.now();
    const cpuMicros = await cpuMicrosOf(() => send(count));
    const seconds = (performance.now() - begun) / 1000;
    return { 'a second': count / seconds, 'a second of CPU of the node': (count / cpuMicros) * 1e6 };
  },
};
