/** A reverse proxy that has the gateway under a path, and takes the path off unless it is told to leave it. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export class PathProxy {
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly prefix: string,
  ) {}

  static async to(port: number, prefix: string, leavesIt = false): Promise<PathProxy> {
    const pathOf = (url: string): string => (leavesIt ? url : url.slice(prefix.length) || '/');
    const ask = ({ url = '/', method, headers }: IncomingMessage) =>
      request({ port, host: '127.0.0.1', method, headers, path: pathOf(url) });
    const server = createServer((incoming, response) => {
      if (!incoming.url?.startsWith(leavesIt ? prefix : `${prefix}/`)) {
        response.writeHead(404).end();
        return;
      }
      const outgoing = incoming.pipe(ask(incoming));
      outgoing.on('error', () => response.destroy());
      response.on('close', () => outgoing.destroy());
      outgoing.on('response', (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
    });
    server.on('upgrade', (incoming: IncomingMessage, client: Socket) => {
      const outgoing = ask(incoming);
      outgoing.on('error', () => client.destroy());
      outgoing.on('upgrade', ({ rawHeaders }, gateway: Socket) => {
        const lines = rawHeaders.flatMap((name, at) =>
          at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : [],
        );
        client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
        gateway.pipe(client).pipe(gateway);
        gateway.on('error', () => client.destroy());
        client.on('error', () => gateway.destroy());
        client.on('close', () => gateway.destroy());
        gateway.on('close', () => client.destroy());
      });
      outgoing.end();
    });
    const proxy = new PathProxy(server, prefix);
    server.on('connection', (socket) => {
      proxy.sockets.add(socket);
      socket.on('close', () => proxy.sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${this.prefix}/`;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}
