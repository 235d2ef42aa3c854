const DELIVERIES = 100_000;
const QUICK_DELIVERIES = 20_000;
const SLICES = 10;
const PLAIN = 'plain';
const KEPT = 'kept';

/**
 * Two rooms of one gateway: one as ever; one that keeps a history, of clients that ask for recovery. The two take
 * turns within a sample, so that whatever else the machine does meets both alike.
 *
 * @type {import('./index.js').Scenario}
 */
export default {
  name: 'fan-out-history',
  title: 'A room with a history whose clients recover, beside one without',
  unit: 'µs CPU per delivered message',
  better: 'lower',
  peers: ['switchboard'],
  history: `${KEPT}=100/1h`,
  connections: ({ clients }) => clients,
  async run({ peer, load, target, quick, connections, cpuMicrosOf }) {
    const half = connections >> 1;
    const plain = await load.call('open', { ...target, count: half });
    const all = await load.call('open', { ...target, count: half, recovers: true });
    await peer.call('join', {
      pairs: all.map((/** @type {string} */ id, /** @type {number} */ index) => [
        id,
        index < plain.length ? PLAIN : KEPT,
      ]),
    });

    const publish = async (
      /** @type {string} */ room,
      /** @type {number} */ perTurn,
      /** @type {number} */ turns,
    ) => {
      for (let turn = 0; turn < turns; turn++) {
        await peer.call('broadcast', { perTurn, rooms: [room] });
        await load.call('received', { count: perTurn * half });
      }
    };
    /** @type {Record<string, number>} */
    const result = {};
    for (const perTurn of [1, 10]) {
      const turns = Math.ceil((quick ? QUICK_DELIVERIES : DELIVERIES) / SLICES / perTurn / half);
      for (const room of [PLAIN, KEPT]) await publish(room, perTurn, turns * 2);
      const micros = { [PLAIN]: 0, [KEPT]: 0 };
      for (let slice = 0; slice < SLICES; slice++) {
        for (const room of slice % 2 === 0 ? [PLAIN, KEPT] : [KEPT, PLAIN]) {
          micros[room] = (micros[room] ?? 0) + (await cpuMicrosOf(() => publish(room, perTurn, turns)));
        }
      }
      const deliveries = SLICES * turns * perTurn * half;
      result[`${perTurn} a turn, without`] = (micros[PLAIN] ?? 0) / deliveries;
      result[`${perTurn} a turn, with`] = (micros[KEPT] ?? 0) / deliveries;
      result[`${perTurn} a turn, with / without`] = (micros[KEPT] ?? 0) / (micros[PLAIN] ?? 1);
    }
    return result;
  },
};
