/** Socket.IO on Node's HTTP server, nothing else. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Server } from 'socket.io';
import { requireToken } from '../support/credentials.js';
import { describeSocket, infoOf } from '../support/describe-socket.js';
import { servePeer } from '../support/control.js';
import { BODY, EVENT } from '../support/message.js';

servePeer(async ({ secured }) => {
  const http = createServer(async (request, response) => {
    const room = decodeURIComponent(String(request.url).slice('/rooms/'.length));
    const sockets = await io.in(room).fetchSockets();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ items: sockets.map(describeSocket) }));
  });
  const io = new Server(http, { serveClient: false });
  if (secured) await requireToken(io);
  io.on('connection', (socket) => {
    socket.on('info', (answer) => answer(infoOf(socket)));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  return {
    port: /** @type {import('node:net').AddressInfo} */ (http.address()).port,
    infoEvent: 'info',
    publish: (room) => void (room ? io.to(room) : io).emit(EVENT, BODY),
    join: (pairs) => pairs.forEach(([socketId, room]) => io.in(socketId).socketsJoin(room)),
    userRequest: (user) => ({ method: 'GET', path: `/rooms/${encodeURIComponent(`user:${user}`)}` }),
    roomRequest: (room) => ({ method: 'GET', path: `/rooms/${encodeURIComponent(room)}` }),
  };
});
