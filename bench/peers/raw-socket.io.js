/** Socket.IO on Node's HTTP server, nothing else. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Server } from 'socket.io';
import { API_KEY, requireToken } from '../support/credentials.js';
import { describeSocket, infoOf } from '../support/describe-socket.js';
import { servePeer } from '../support/control.js';
import { BODY, EVENT } from '../support/message.js';

/** @param {string} text */
const digest = (text) => createHash('sha256').update(text).digest();
const expected = digest(`Bearer ${API_KEY}`);

servePeer(async ({ secured }) => {
  /**
   * What is written by hand where a backend may send: the key checked in constant time, the body as it comes.
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  const emit = (request, response) => {
    if (secured && !timingSafeEqual(digest(String(request.headers.authorization)), expected)) {
      response.writeHead(401).end();
      return;
    }
    /** @type {Buffer[]} */
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { to, event, data } = JSON.parse(Buffer.concat(chunks).toString());
      const socket = io.sockets.sockets.get(to);
      socket?.emit(event, data);
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ matched: socket ? 1 : 0 }));
    });
  };
  const http = createServer(async (request, response) => {
    if (request.method === 'POST') {
      emit(request, response);
      return;
    }
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
    emitRequest: (to) => ({
      method: 'POST',
      path: '/emit',
      headers: { authorization: `Bearer ${API_KEY}` },
      body: { to, event: EVENT, data: BODY },
    }),
    userRequest: (user) => ({ method: 'GET', path: `/rooms/${encodeURIComponent(`user:${user}`)}` }),
    roomRequest: (room) => ({ method: 'GET', path: `/rooms/${encodeURIComponent(room)}` }),
  };
});
