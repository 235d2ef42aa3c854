import { measureFanOut } from '../support/fan-out.js';

const ROOMS = Array.from({ length: 10 }, (_, index) => `room-${index}`);
const ROOMS_PER_SOCKET = 4;

/** @type {import('./index.js').Scenario} */
export default {
  name: 'fan-out-rooms',
  title: '10 rooms, each with a tenth of the sockets, one publication to each room in one turn',
  unit: 'µs CPU per delivered message',
  better: 'lower',
  peers: ['raw-socket.io', 'stock-nest', 'switchboard'],
  connections: ({ clients }) => clients,
  async run(context) {
    const socketIds = await context.connect();
    // A quarter of the sockets is in four rooms each, the others in none: as many memberships as sockets.
    const pairs = socketIds
      .slice(0, Math.floor(socketIds.length / ROOMS_PER_SOCKET))
      .flatMap((socketId, index) =>
        Array.from({ length: ROOMS_PER_SOCKET }, (_, nth) => [
          socketId,
          ROOMS[(index * ROOMS_PER_SOCKET + nth) % ROOMS.length],
        ]),
      );
    await context.peer.call('join', { pairs });
    return measureFanOut(context, { perTurn: ROOMS.length, perTurnDeliveries: pairs.length, rooms: ROOMS });
  },
};
