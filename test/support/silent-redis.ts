import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A Redis that hangs: it takes connections and never answers, so whoever starts with it goes on starting. */
export class SilentRedis {
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {}

  static async start(): Promise<SilentRedis> {
    const server = createServer();
    const redis = new SilentRedis(server);
    server.on('connection', (socket) => {
      redis.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.resume().once('close', () => redis.sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** How many connections there are now: none is left when every process that made one has gone. */
  get connections(): number {
    return this.sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}
