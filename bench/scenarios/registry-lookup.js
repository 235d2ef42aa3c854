const SOCKETS = 10_000;
const QUICK_SOCKETS = 1_200;
const ROOM_SIZES = [10, 100, 1000];
const CONCURRENCY = 10;

/** Look-ups per sample: fewer where one returns more, so that each case takes about as long. */
const lookUps = (/** @type {number} */ size, /** @type {boolean} */ quick) =>
  Math.ceil((quick ? 500 : 20_000) / (1 + size / 20));

/** @type {import('./index.js').Scenario} */
export default {
  name: 'registry-lookup',
  title: 'A backend looks up the sockets of a user or a room by HTTP, among many other sockets',
  unit: 'µs CPU per look-up',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'http-floor', 'switchboard'],
  secured: true,
  connections: ({ connections, quick }) => Math.max(connections ?? (quick ? QUICK_SOCKETS : SOCKETS), 1000),
  async run({ peer, load, target, quick, connect, cpuMicrosOf }) {
    const socketIds = await connect();
    const pairs = ROOM_SIZES.flatMap((size) => socketIds.slice(0, size).map((id) => [id, `room-of-${size}`]));
    await peer.call('join', { pairs });

    const users = Array.from({ length: 500 }, (_, index) => `u${index}`);
    /** @type {Record<string, number>} */
    const results = { 'a user with 2 sockets': await measure('user', users, lookUps(2, quick)) };
    for (const size of ROOM_SIZES) {
      const name = `a room of ${size.toLocaleString('en')}`;
      results[name] = await measure('room', [`room-of-${size}`], lookUps(size, quick));
    }
    return results;

    /**
     * @param {'user' | 'room'} kind
     * @param {string[]} targets
     * @param {number} count
     */
    async function measure(kind, targets, count) {
      const requests = await peer.call('requests', { kind, targets });
      const send = (/** @type {number} */ times) =>
        load.call('http', { port: target.port, requests, count: times, concurrency: CONCURRENCY });
      await send(count);
      return (await cpuMicrosOf(() => send(count))) / count;
    }
  },
};
