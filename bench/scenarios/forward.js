import { FORWARDED } from '../support/backends.js';
import { BODY } from '../support/message.js';

const CLIENTS = 100;
const EVENTS = 6_000;
const QUICK_EVENTS = 1_000;
const CONCURRENCY = 20;
const ROUND_TRIPS = 1_000;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'forward',
  title: `An event of a client that a backend answers, ${CONCURRENCY} at a time, and one sent to a client by HTTP`,
  unit: 'µs',
  better: 'lower',
  peers: ['stock-nest', 'switchboard'],
  backend: true,
  connections: () => CLIENTS,
  async run({ peer, load, target, quick, connect, cpuMicrosOf }) {
    const socketIds = await connect();
    const count = quick ? QUICK_EVENTS : EVENTS;
    const forward = () =>
      load.call('request', { event: FORWARDED, body: BODY, count, clientCount: CONCURRENCY });
    await forward();
    const forwarded = (await cpuMicrosOf(forward)) / count;

    const requests = await peer.call('requests', { kind: 'emit', targets: socketIds });
    const send = async () => {
      await load.call('http', { port: target.port, requests, count, concurrency: CONCURRENCY });
      await load.call('received', { count });
    };
    await send();
    const sent = (await cpuMicrosOf(send)) / count;
    const trips = await load.call('roundTrips', { event: FORWARDED, body: BODY, count: ROUND_TRIPS });
    return {
      'CPU for each event forwarded': forwarded,
      'CPU for each event sent by HTTP': sent,
      'round trip of one at a time, the backend included, 50 %': trips[trips.length >> 1],
    };
  },
};
