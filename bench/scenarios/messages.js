const CLIENTS = 100;
const COUNT = 6_000;
const QUICK_COUNT = 1_000;
const CONCURRENCY = 20;

/** Conditional requests are among those that go through Express and Nest; the value fits nothing. */
const LONG_WAY = { 'if-none-match': '"bench"' };

/** @type {import('./index.js').Scenario} */
export default {
  name: 'messages',
  title: `A backend sends one event to one socket, ${CONCURRENCY} at a time: by messages of Nest, and by HTTP`,
  unit: 'µs CPU',
  better: 'lower',
  peers: ['switchboard'],
  secured: true,
  messages: true,
  connections: () => CLIENTS,
  async run({ peer, load, target, messages, quick, connect, cpuMicrosOf }) {
    const socketIds = await connect();
    const short = await peer.call('requests', { kind: 'emit', targets: socketIds });
    const long = short.map((/** @type {import('../support/control.js').HttpRequest} */ each) => ({
      ...each,
      headers: { ...each.headers, ...LONG_WAY },
    }));
    const count = quick ? QUICK_COUNT : COUNT;
    const by = async (/** @type {string} */ kind, /** @type {object} */ how) => {
      await load.call(kind, { count, concurrency: CONCURRENCY, ...how });
      await load.call('received', { count });
    };
    const byMessages = (/** @type {'tcp' | 'nats'} */ way) => () =>
      by('messages', { way, port: messages?.[way], requests: short });
    /** @type {Record<string, () => Promise<void>>} */
    const ways = {
      'HTTP, through Express and Nest': () => by('http', { port: target.port, requests: long }),
      'HTTP, the short way': () => by('http', { port: target.port, requests: short }),
      'messages over TCP': byMessages('tcp'),
      ...(messages?.nats && { 'messages over NATS': byMessages('nats') }),
    };
    /** @type {Record<string, number>} */
    const result = {};
    for (const work of Object.values(ways)) await work();
    for (const [name, work] of Object.entries(ways)) result[name] = (await cpuMicrosOf(work)) / count;
    return result;
  },
};
