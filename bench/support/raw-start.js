/** Socket.IO on Node's HTTP server and nothing else: what the process of one is. */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { serveClient: false });
io.on('connection', (socket) => {
  socket.on('message', (answer) => answer('hello'));
});
http.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (http.address());
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`);
});
