import { FRAME_BYTES } from './message.js';

const DELIVERIES = 600_000;
/** Turns that are measured at the least: with fewer, what runs once per publication is still being compiled. */
const LEAST_TURNS = 5;
const QUICK_DELIVERIES = 20_000;

/**
 * CPU per delivered message: publishes, waits until every client has it, publishes again, so that nothing piles up.
 *
 * @param {import('./sample.js').Context} context
 * @param {{ perTurn: number, perTurnDeliveries: number, rooms?: string[] }} options
 * @returns {Promise<number>} µs
 */
export async function measureFanOut(
  { peer, load, quick, cpuMicrosOf },
  { perTurn, perTurnDeliveries, rooms },
) {
  const turns = Math.max(
    quick ? 2 : LEAST_TURNS,
    Math.ceil((quick ? QUICK_DELIVERIES : DELIVERIES) / perTurnDeliveries),
  );
  const publish = async (/** @type {number} */ count) => {
    for (let turn = 0; turn < count; turn++) {
      await peer.call('broadcast', { perTurn, rooms });
      const { events, eventBytes } = await load.call('received', { count: perTurnDeliveries });
      if (events !== perTurnDeliveries || eventBytes !== events * FRAME_BYTES) {
        throw new Error(
          `expected ${perTurnDeliveries} frames of ${FRAME_BYTES} bytes, got ${events} frames, ${eventBytes} bytes`,
        );
      }
    }
  };
  await publish(turns);
  return (await cpuMicrosOf(() => publish(turns))) / (turns * perTurnDeliveries);
}

/**
 * A broadcast to every client.
 * @param {{ name: string, title: string, perTurn: number }} options
 * @returns {import('../scenarios/index.js').Scenario}
 */
export const fanOutToAll = ({ name, title, perTurn }) => ({
  name,
  title,
  unit: 'µs CPU per delivered message',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'ws', 'nchan', 'floor', 'unrecorded', 'switchboard'],
  connections: ({ clients }) => clients,
  async run(context) {
    const { length } = await context.connect();
    return measureFanOut(context, { perTurn, perTurnDeliveries: perTurn * length });
  },
});
