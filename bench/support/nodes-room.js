import { FRAME_BYTES } from './message.js';

const DELIVERIES = 800_000;
const QUICK_DELIVERIES = 20_000;
const ROOM = 'far';

/**
 * A room whose sockets are all on the other node than the one that publishes.
 * @param {{ name: string, title: string, perTurn: number }} options
 * @returns {import('../scenarios/index.js').NodesScenario}
 */
export const roomOnOtherNode = ({ name, title, perTurn }) => ({
  name,
  title,
  unit: 'µs CPU per delivered message',
  better: 'lower',
  peers: ['sharded-adapter', 'streams-adapter', 'switchboard'],
  nodes: true,
  connections: ({ clients }) => clients,
  async run({ a, b, load, targets, quick, connections, cpuMicrosOf }) {
    const ids = await load.call('open', { ...targets.b, count: connections });
    await b.call('join', { pairs: ids.map((/** @type {string} */ id) => [id, ROOM]) });
    const deliveries = perTurn * connections;
    const turns = Math.ceil((quick ? QUICK_DELIVERIES : DELIVERIES) / deliveries);
    const publish = async (/** @type {number} */ count) => {
      for (let turn = 0; turn < count; turn++) {
        await a.call('broadcast', { perTurn, rooms: [ROOM] });
        const { events, eventBytes } = await load.call('received', { count: deliveries });
        if (events !== deliveries || eventBytes !== events * FRAME_BYTES) {
          throw new Error(
            `expected ${deliveries} frames of ${FRAME_BYTES} bytes, got ${events}, ${eventBytes} bytes`,
          );
        }
      }
    };
    // What runs once per publication is compiled only after some hundreds.
    await publish(turns);
    const cpu = await cpuMicrosOf(() => publish(turns));
    const per = turns * deliveries;
    return {
      'nodes and Redis': cpu.all / per,
      'node that publishes': cpu.a / per,
      'node of the room': cpu.b / per,
      Redis: cpu.redis / per,
    };
  },
});
