/** A balancer as small as one can be: requests of a session go to the node that opened it, the rest to the chosen node. */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

const SESSION = /"sid":"([^"]+)"/;

export class StickyFront {
  private readonly sockets = new Set<Socket>();
  private readonly nodeOf = new Map<string, string>();
  private readonly gone = new Set<string>();
  private node = '';

  private constructor(private readonly server: Server) {
    server.on('request', (incoming, answer) => this.pass(incoming, answer));
    server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) =>
      this.pipe(incoming, socket, head),
    );
    server.on('connection', (socket) => this.keep(socket));
    server.keepAliveTimeout = 0;
  }

  static async start(): Promise<StickyFront> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new StickyFront(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** New sessions go to this node; those of a node that is gone do too, as a balancer sends them elsewhere. */
  sendTo(url: string): void {
    this.node = url;
  }

  markGone(url: string): void {
    this.gone.add(url);
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private targetOf({ url }: IncomingMessage): URL {
    const sid = new URL(url!, this.url).searchParams.get('sid');
    const node = sid === null ? undefined : this.nodeOf.get(sid);
    return new URL(url!, node === undefined || this.gone.has(node) ? this.node : node);
  }

  private pass(incoming: IncomingMessage, answer: ServerResponse): void {
    const target = this.targetOf(incoming);
    const { method, headers } = incoming;
    const onward = request(target, { method, headers, agent: false }, (back) => {
      answer.writeHead(back.statusCode!, back.headers);
      back.on('data', (chunk: Buffer) => {
        // A handshake is the only answer to a request without a session.
        const opened = target.searchParams.has('sid') ? null : SESSION.exec(chunk.toString('latin1'));
        if (opened) this.nodeOf.set(opened[1]!, target.origin);
        answer.write(chunk);
      });
      back.on('end', () => answer.end());
      back.on('error', () => answer.destroy());
    });
    // With a page, as proxies do: at an answer with nothing in it rust_socketio asks again without a pause.
    onward.on('error', () =>
      answer.headersSent ? answer.destroy() : answer.writeHead(502).end('bad gateway'),
    );
    answer.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  private pipe(incoming: IncomingMessage, client: Socket, head: Buffer): void {
    const target = this.targetOf(incoming);
    const node = connect(Number(target.port), target.hostname);
    this.keep(node);
    const { method, url, rawHeaders } = incoming;
    const lines = [`${method} ${url} HTTP/1.1`];
    for (let i = 0; i < rawHeaders.length; i += 2) lines.push(`${rawHeaders[i]}: ${rawHeaders[i + 1]}`);
    node.write(`${lines.join('\r\n')}\r\n\r\n`);
    node.write(head);
    client.pipe(node).pipe(client);
    client.on('close', () => node.destroy());
    node.on('close', () => client.destroy());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
