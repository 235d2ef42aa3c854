import { createServer } from 'node:http';
import { once } from 'node:events';
import { Server } from 'socket.io';
import { requireToken } from './credentials.js';
import { describeSocket } from './describe-socket.js';
import { servePeer } from './control.js';
import { BODY, EVENT } from './message.js';

/**
 * Serves a node of stock Socket.IO with an adapter for many nodes.
 *
 * @param {(redisUrl: string) => Promise<{ adapter: any, settled: () => Promise<unknown> }>} connectAdapter
 *   `settled` resolves when Redis knows of every subscription that was asked for
 */
export function serveSocketIoNode(connectAdapter) {
  servePeer(async ({ secured, redisUrl }) => {
    if (redisUrl === undefined) throw new Error('this peer is for scenarios of many nodes');
    const http = createServer();
    const { adapter, settled } = await connectAdapter(redisUrl);
    const io = new Server(http, { serveClient: false, adapter });
    if (secured) await requireToken(io);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    await settled();

    const lookUp = async (/** @type {string} */ room) => {
      const sockets = await io.in(room).fetchSockets();
      return sockets.map(describeSocket).length;
    };
    return {
      port: /** @type {import('node:net').AddressInfo} */ (http.address()).port,
      publish: (room) => void (room ? io.to(room) : io).emit(EVENT, BODY),
      async join(pairs) {
        await Promise.all(pairs.map(([socketId, room]) => io.sockets.sockets.get(socketId)?.join(room)));
        await settled();
      },
      lookUpUser: (user) => lookUp(`user:${user}`),
      lookUpRoom: lookUp,
    };
  });
}
