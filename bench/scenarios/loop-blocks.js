const SOCKETS = 10_000;
const QUICK_SOCKETS = 500;
const CONCURRENCY = 200;
const MISSED = 10;
const PAGE = 1_000;
const ROOM = 'kept';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'loop-blocks',
  title: 'The longest that the event loop stands still while so many do the same at once',
  unit: 'ms',
  better: 'lower',
  peers: ['switchboard'],
  matrix: true,
  history: `${ROOM}=1000/1h`,
  connections: ({ quick, connections }) => connections ?? (quick ? QUICK_SOCKETS : SOCKETS),
  async run({ peer, load, target, connections }) {
    /** @type {Record<string, number>} */
    const result = {};
    /** @param {string} title @param {() => Promise<unknown>} work */
    const measure = async (title, work) => {
      await peer.call('beginBlocks');
      await work();
      const { wallMs, cpuMs } = await peer.call('endBlocks');
      result[`${title}: by the clock`] = wallMs;
      result[`${title}: CPU`] = cpuMs;
    };
    const request = (/** @type {string} */ event) =>
      load.call('request', { event, body: { room: ROOM }, count: connections });

    await measure('connect, 50 at a time', () =>
      load.call('open', { ...target, count: connections, recovers: true }),
    );
    // What runs for the first time is compiled, which is none of theirs.
    await request('room:join');
    await request('room:leave');
    await measure('join a room, all at once', () => request('room:join'));
    await measure('leave it, all at once', () => request('room:leave'));
    await request('room:join');
    await measure(`the registry walked, ${PAGE} a page`, () => peer.call('walk', { size: PAGE }));
    await measure('a publication to all of them', async () => {
      await peer.call('broadcast', { perTurn: 1, rooms: [ROOM] });
      await load.call('received', { count: connections });
    });
    await load.call('breakAll');
    await load.call('resumeAll', { ...target, concurrency: CONCURRENCY });
    await measure('break off, all at once', () => load.call('breakAll'));
    await peer.call('broadcast', { perTurn: MISSED, rooms: [ROOM] });
    await measure(`come back with ${MISSED} missed, ${CONCURRENCY} at a time`, async () => {
      await load.call('resumeAll', { ...target, concurrency: CONCURRENCY });
      await load.call('received', { count: connections * MISSED });
    });
    await measure('drain', () => Promise.all([load.call('awaitEnds'), peer.call('drain')]));
    await load.call('received', { count: 0 });
    return result;
  },
};
