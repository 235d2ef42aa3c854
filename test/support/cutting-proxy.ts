/** A network between clients and a gateway that the test can cut, and that can lose one end only. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

interface Line {
  readonly near: Socket;
  readonly far: Socket;
}

export class CuttingProxy {
  private readonly lines = new Set<Line>();
  /** Ends at the gateway whose client has gone without a word. */
  private readonly abandoned = new Set<Socket>();

  /** How much still gets to clients before everything is cut. */
  private budget = Infinity;

  private isDark = false;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** Listens on a free port and passes everything on to the gateway's. */
  static async to(port: number): Promise<CuttingProxy> {
    const server = createServer((near) => {
      if (proxy.isDark) near.destroy();
      else proxy.carry(near, connect(port, '127.0.0.1'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new CuttingProxy(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    return proxy;
  }

  /** Cuts every connection at both ends. */
  cut(): void {
    for (const { near, far } of this.lines) {
      near.destroy();
      far.destroy();
    }
    this.lines.clear();
  }

  /** Cuts every connection as soon as this much more has got to clients, in the middle of whatever it is. */
  cutAfter(bytes: number): void {
    this.budget = bytes;
  }

  /**
   * Cuts every connection at the client only: for the gateway all of them look alive. Nothing gets through, no farewell
   * either, until {@link mend}.
   */
  abandon(): void {
    this.isDark = true;
    for (const { near, far } of this.lines) {
      this.abandoned.add(far);
      far.removeAllListeners('data').pause();
      near.removeAllListeners('data');
      near.destroy();
    }
    this.lines.clear();
  }

  async close(): Promise<void> {
    this.cut();
    for (const far of this.abandoned) far.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  /**
   * Lets new connections through again, and none that a client had begun before.
   *
   * A client whose poll fails still says goodbye, in a request of its own that is under way when its app hears of the
   * end. Connections are taken in their order: once one that is begun now was refused, that one was too.
   */
  async mend(): Promise<void> {
    if (this.isDark) await this.refuseOneMore();
    this.isDark = false;
  }

  private refuseOneMore(): Promise<unknown> {
    const refused = connect(Number(new URL(this.url).port), '127.0.0.1')
      .on('error', () => {})
      .resume();
    return new Promise((resolve) => refused.once('close', resolve));
  }

  private carry(near: Socket, far: Socket): void {
    const line = { near, far };
    this.lines.add(line);
    for (const end of [near, far]) end.setNoDelay(true).on('error', () => {});
    near.on('data', (chunk: Buffer) => far.write(chunk));
    far.on('data', (chunk: Buffer) => this.passOn(line, chunk));
    near.on('drain', () => far.resume());
    near.once('close', () => {
      this.lines.delete(line);
      if (!this.abandoned.has(far)) far.destroy();
    });
    far.once('close', () => {
      this.lines.delete(line);
      this.abandoned.delete(far);
      near.destroy();
    });
  }

  private passOn({ near, far }: Line, chunk: Buffer): void {
    const passed = chunk.subarray(0, this.budget);
    this.budget -= passed.length;
    if (!near.write(passed)) far.pause();
    if (this.budget > 0) return;
    this.budget = Infinity;
    // What has been passed on still arrives.
    for (const each of this.lines) {
      each.near.end();
      each.far.destroy();
    }
    this.lines.clear();
  }
}
