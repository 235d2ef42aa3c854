/** A backend that does to its callers whatever a broken or malicious one might, on bare TCP. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Random } from './random.js';

/** No client and no log may ever show it. */
export const BACKEND_SECRET = 'postgres://root:hunter2@db';

const head = (status: string, headers: string[] = []): string =>
  [`HTTP/1.1 ${status}`, 'content-type: application/json', ...headers, '', ''].join('\r\n');

const whole = (status: string, body: string, headers: string[] = []): string =>
  head(status, [`content-length: ${Buffer.byteLength(body)}`, ...headers]) + body;

/** What it does with a request: `n` is the number that the client sent, and all that it may be answered with. */
type Behaviour = (socket: Socket, n: unknown, backend: HostileBackend) => void;

const GOOD: readonly Behaviour[] = [
  (socket, n) => void socket.write(whole('200 OK', JSON.stringify({ ack: n }))),
  (socket, n) => void socket.end(whole('200 OK', JSON.stringify({ ack: n }), ['connection: close'])),
  (socket, n) => {
    const body = JSON.stringify({ ack: n });
    socket.write(head('200 OK', ['transfer-encoding: chunked']));
    for (const character of body) socket.write(`1\r\n${character}\r\n`);
    socket.write('0\r\n\r\n');
  },
  (socket, n) =>
    void socket.write(`HTTP/1.1 100 Continue\r\n\r\n${whole('200 OK', JSON.stringify({ ack: n }))}`),
  (socket) =>
    void socket.write(whole('409 Conflict', JSON.stringify({ error: { code: 'no', message: 'no' } }))),
];

const BAD: readonly Behaviour[] = [
  function hangs() {},
  (socket) => void socket.resetAndDestroy(),
  (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-le');
    setImmediate(() => socket.resetAndDestroy());
  },
  function drips(socket) {
    const text = whole('200 OK', JSON.stringify({ ack: BACKEND_SECRET.repeat(20) }));
    let at = 0;
    const timer = setInterval(() => {
      if (at === text.length || !socket.writable) clearInterval(timer);
      else socket.write(text[at++]!);
    }, 5);
    socket.on('close', () => clearInterval(timer));
  },
  function promisesTooMuch(socket) {
    socket.end(`${head('200 OK', ['content-length: 5000'])}{"ack":"${BACKEND_SECRET}`);
  },
  // What comes behind must not be taken for the answer to the next request.
  function smuggles(socket) {
    const more = whole('200 OK', JSON.stringify({ ack: BACKEND_SECRET }));
    socket.write(`${head('200 OK', ['content-length: 2'])}[]${more}${more}`);
  },
  (socket, _n, { trapUrl }) => {
    socket.write(whole('307 Temporary Redirect', '', [`location: ${trapUrl}`]));
  },
  (socket) => void socket.end(`\u0000\u0001${BACKEND_SECRET}\r\n\r\n`),
  (socket) => void socket.write(whole('500 Internal Server Error', JSON.stringify({ ack: BACKEND_SECRET }))),
  (socket) =>
    void socket.write(
      whole('503 No', JSON.stringify({ error: { code: 'x', message: BACKEND_SECRET }, disconnect: {} })),
    ),
  (socket) => void socket.write(whole('404 No', `<html>${BACKEND_SECRET}</html>`)),
  (socket) => void socket.write(whole('200 OK', `{"ack":"${BACKEND_SECRET}"`)),
  (socket) => void socket.write(whole('200 OK', `${'['.repeat(30_000)}${']'.repeat(30_000)}`)),
  (socket) => void socket.write(whole('200 OK', JSON.stringify({ ack: 1, commands: BACKEND_SECRET }))),
  (socket) => void socket.write(whole('200 OK', '{}', ['content-encoding: gzip', 'transfer-encoding: gzip'])),
  (socket) => void socket.write(head('200 OK', [`x-long: ${'x'.repeat(40_000)}`, 'content-length: 0'])),
  function neverEnds(socket, _n, backend) {
    socket.write(`${head('200 OK', ['transfer-encoding: chunked'])}`);
    const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
    let written = 0;
    const more = (): void => {
      while (socket.writable && socket.write(chunk))
        backend.mostWritten = Math.max(backend.mostWritten, (written += 0x10000));
      if (socket.writable) socket.once('drain', more);
    };
    more();
  },
];

/** Share of requests that it answers badly: below what opens a breaker, or nothing else would be seen. */
const BAD_SHARE = 0.35;

export class HostileBackend {
  /** Bytes of one endless answer that it could get rid of. */
  mostWritten = 0;
  /** Requests that followed a redirect. */
  trapped = 0;
  requests = 0;
  trapUrl = '';
  private readonly sockets = new Set<Socket>();
  private trap!: Server;

  private constructor(
    private readonly server: Server,
    random: Random,
  ) {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
      let text = '';
      socket.on('data', (data: Buffer) => {
        text += data.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end === -1) return;
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
        if (text.length < end + 4 + length) return;
        const body = JSON.parse(text.slice(end + 4, end + 4 + length)) as { args: unknown[] };
        text = text.slice(end + 4 + length);
        this.requests++;
        const behave = random.pick(random.next() < BAD_SHARE ? BAD : GOOD);
        behave(socket, body.args[0], this);
      });
    });
  }

  static async start(random: Random): Promise<HostileBackend> {
    const backend = new HostileBackend(createServer(), random);
    backend.trap = createServer((socket) => {
      backend.trapped++;
      socket.destroy();
    });
    backend.trapUrl = await listening(backend.trap);
    return backend;
  }

  listen(): Promise<string> {
    return listening(this.server);
  }

  async stop(): Promise<void> {
    const closed = [this.server, this.trap].map((server) => new Promise((done) => server.close(done)));
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(closed);
  }
}

function listening(server: Server): Promise<string> {
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  });
}
