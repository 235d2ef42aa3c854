import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** A request as a receiver of webhooks reads it. */
export interface Got {
  readonly id: string;
  readonly type: string;
  readonly user: string;
  readonly data: Record<string, unknown>;
  /** Of the body. */
  readonly bytes: number;
}

export type Answer = (response: ServerResponse, got: Got) => void;

export const OK: Answer = (response) => void response.writeHead(204).end();

export const failing =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(status, headers).end('no');

/** A receiver of webhooks that answers as the test says. */
export class WebhookReceiver {
  readonly got: Got[] = [];
  answer: Answer = OK;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly scheme: string,
  ) {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.take(request, response),
    );
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(tls ? createTlsServer(tls) : createServer(), tls ? 'https' : 'http');
    await new Promise<void>((done) => receiver.server.listen(0, '127.0.0.1', done));
    return receiver;
  }

  get url(): string {
    return `${this.scheme}://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook?key=1`;
  }

  typesOf(user: string): string[] {
    return this.got.filter((each) => each.user === user).map(({ type }) => type);
  }

  async stop(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const body = Buffer.concat(parts);
      const { type, data } = JSON.parse(body.toString()) as Pick<Got, 'type' | 'data'>;
      const [id, user] = [String(request.headers['webhook-id']), String(data['user'])];
      const got = { id, type, user, data, bytes: body.length };
      this.got.push(got);
      this.answer(response, got);
    });
  }
}
