/**
 * The floor of a look-up by HTTP: Node's HTTP server with an answer as long as a look-up's that was made before
 * anybody asked. The connections are open here too, and nothing is known about them.
 */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { describeSocket } from '../support/describe-socket.js';
import { servePeer } from '../support/control.js';

const WELCOME = [
  'HTTP/1.1 101 Switching Protocols',
  'Upgrade: websocket',
  'Connection: Upgrade',
  '\r\n\x81\x05hello',
].join('\r\n');
const SOCKETS_OF_USER = 2;

servePeer(async () => {
  /** @type {Map<string, Buffer>} by path */
  const answers = new Map();
  const http = createServer((request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(answers.get(String(request.url)));
  });
  http.on('upgrade', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(WELCOME, 'latin1');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');

  /** @param {string} path @param {number} count of sockets @param {string[]} rooms */
  const prepare = (path, count, rooms) => {
    const items = Array.from({ length: count }, (_, index) => exampleOf(index, rooms));
    answers.set(path, Buffer.from(JSON.stringify({ items })));
    return /** @type {const} */ ({ method: 'GET', path });
  };
  /** @type {Map<string, number>} sockets by room */
  const sizes = new Map();
  return {
    port: /** @type {import('node:net').AddressInfo} */ (http.address()).port,
    protocol: 'ws',
    publish() {
      throw new Error('this peer is for look-ups by HTTP');
    },
    join: (pairs) => pairs.forEach(([, room]) => sizes.set(room, (sizes.get(room) ?? 0) + 1)),
    userRequest: (user) => prepare(`/users/${user}`, SOCKETS_OF_USER, [...sizes.keys()].slice(-1)),
    roomRequest: (room) => prepare(`/rooms/${room}`, sizes.get(room) ?? 0, [room]),
  };
});

/** What stock Socket.IO would say of a socket. @param {number} index @param {string[]} rooms */
const exampleOf = (index, rooms) =>
  describeSocket(
    /** @type {any} */ ({
      id: String(index).padStart(20, 'x'),
      handshake: {
        headers: { 'user-agent': 'benchmark' },
        address: '127.0.0.1',
        time: new Date().toString(),
      },
      rooms: new Set(rooms),
      data: { user: `u${index >> 1}` },
    }),
  );
