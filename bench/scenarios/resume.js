const CLIENTS = 200;
const ROUNDS = 5;
const MISSED = 100;
const CONCURRENCY = 20;
const ROOM = 'kept';

/** @type {import('./index.js').Scenario} */
export default {
  name: 'resume',
  title: `A client comes back and gets the ${MISSED} publications that it missed`,
  unit: 'ms CPU per resume',
  better: 'lower',
  peers: ['switchboard'],
  history: `${ROOM}=1000/1h`,
  connections: () => CLIENTS,
  async run({ peer, load, target, quick, cpuMicrosOf }) {
    const socketIds = await load.call('open', { ...target, count: CLIENTS, recovers: true });
    await peer.call('join', { pairs: socketIds.map((/** @type {string} */ id) => [id, ROOM]) });
    const cycle = async () => {
      await load.call('breakAll');
      await peer.call('broadcast', { perTurn: MISSED, rooms: [ROOM] });
      return cpuMicrosOf(async () => {
        await load.call('resumeAll', { ...target, concurrency: CONCURRENCY });
        await load.call('received', { count: CLIENTS * MISSED });
      });
    };
    await cycle();
    const rounds = quick ? 1 : ROUNDS;
    let micros = 0;
    for (let round = 0; round < rounds; round++) micros += await cycle();
    return micros / rounds / CLIENTS / 1000;
  },
};
