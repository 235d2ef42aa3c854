/**
 * A node as one would write it with stock Socket.IO, to compare with: the Redis Streams adapter, connection state recovery
 * on, and `io.close()` on SIGTERM. It understands as much of the gateway's requests as a rolling restart makes.
 */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const RECOVERY_WINDOW_MS = 120_000;

const redis = new Redis(process.env.SWITCHBOARD_REDIS_URL);
const http = createServer((request, response) => {
  if (request.url !== '/v1/emit') return void response.writeHead(200).end();
  void json(request).then(({ to, event, args }) => {
    io.to([...(to.rooms ?? []), ...(to.users ?? [])]).emit(event, ...args);
    response.writeHead(202).end();
  });
});
const io = new Server(http, {
  serveClient: false,
  adapter: createAdapter(redis),
  connectionStateRecovery: { maxDisconnectionDuration: RECOVERY_WINDOW_MS },
});
io.on('connection', (socket) => {
  if (!socket.recovered) socket.join(socket.handshake.auth.user);
  socket.on('room:join', ({ room }, answer) => {
    socket.join(room);
    answer({ ok: true });
  });
});
process.once('SIGTERM', () => {
  // What it has yet to write of sessions is written first.
  void io.close().then(async () => {
    await redis.quit();
    process.exit(0);
  });
});
http.listen(Number(process.env.PORT), '127.0.0.1', () => {
  const message = `listening on http://127.0.0.1:${http.address().port}`;
  process.stdout.write(`${JSON.stringify({ level: 'info', message })}\n`);
});
