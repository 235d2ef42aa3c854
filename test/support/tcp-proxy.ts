/** Stands between a client and a server, and can come between them. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A connection, and what its client sends while that is held back. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  held?: Buffer[] | undefined;
}

export class TcpProxy {
  private readonly sockets = new Set<Socket>();
  private readonly pairs = new Set<Pair>();
  private isCut = false;
  private delayMs = 0;

  private constructor(
    private readonly server: Server,
    private readonly targetPort: number,
  ) {}

  static async to(targetPort: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, targetPort);
    server.on('connection', (client) => proxy.accept(client));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Ends every connection, and every new one at once, until {@link mend}. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.isCut = false;
  }

  /** Connections stay, and nothing comes through until {@link flow}. */
  stall(): void {
    for (const socket of this.sockets) socket.pause();
  }

  flow(): void {
    for (const socket of this.sockets) socket.resume();
  }

  /** From now on everything takes this long on its way, in order, in either direction. */
  slowDown(delayMs: number): void {
    this.delayMs = delayMs;
  }

  /** What clients send over the connections there are gets no further, until {@link deliver}. New ones are not affected. */
  holdBack(): void {
    for (const pair of this.pairs) pair.held ??= [];
  }

  /** The server gets what was held back, and all that comes after it. */
  letThrough(): void {
    for (const pair of this.pairs) {
      if (pair.held !== undefined) pair.server.write(Buffer.concat(pair.held));
      pair.held = undefined;
    }
  }

  /** Whether this is among what is held back. */
  holds(text: string): boolean {
    return [...this.pairs].some(({ held }) => held !== undefined && Buffer.concat(held).includes(text));
  }

  /** Ends the connections that are held back for their clients; the server does not learn it yet. */
  abandon(): void {
    for (const { client, held } of this.pairs) if (held !== undefined) client.destroy();
  }

  /** The server gets what was held back, and then the end; resolves when it has dealt with it. */
  async deliver(): Promise<void> {
    const late = [...this.pairs].filter(({ held }) => held !== undefined);
    await Promise.all(
      late.map(async (pair) => {
        const closed = once(pair.server, 'close');
        pair.server.end(Buffer.concat(pair.held!));
        await closed;
      }),
    );
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private accept(client: Socket): void {
    if (this.isCut) {
      client.destroy();
      return;
    }
    const server = connect(this.targetPort, '127.0.0.1');
    const pair: Pair = { client, server };
    this.pairs.add(pair);
    client.on('data', (bytes) =>
      pair.held === undefined ? this.pass(server, bytes) : pair.held.push(bytes),
    );
    server.on('data', (bytes) => this.pass(client, bytes));
    client.on('close', () => pair.held === undefined && server.destroy());
    server.on('close', () => {
      this.pairs.delete(pair);
      client.destroy();
    });
    for (const socket of [client, server]) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    }
  }

  private pass(to: Socket, bytes: Buffer): void {
    if (this.delayMs === 0) to.write(bytes);
    // Timers of the same length run in the order in which they were set.
    else setTimeout(() => to.writable && to.write(bytes), this.delayMs);
  }
}
