/** Bare `ws`: what WebSockets cost in Node without any protocol on top. */
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { servePeer } from '../support/control.js';
import { encodeMessage } from '../support/message.js';

servePeer(async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', (socket) => {
    socket.on('error', () => socket.terminate());
    socket.send('hello');
  });
  await once(server, 'listening');

  return {
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    protocol: 'ws',
    publish() {
      const message = encodeMessage();
      for (const socket of server.clients) {
        if (socket.readyState === WebSocket.OPEN) socket.send(message);
      }
    },
  };
});
