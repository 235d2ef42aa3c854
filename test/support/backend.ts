/** A backend of a test's own: what it was asked, and answers as the test says, also bad ones. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as the backend got it. */
export interface BackendRequest {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The raw body, which signatures are over. */
  readonly text: string;
  readonly body: Record<string, unknown>;
}

/** An answer; a value without `status` is a 200 with that body. A function writes to the connection itself. */
export type BackendAnswer =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | ((socket: Socket) => void);

/** An answer with status 200. */
export const ok = (body: unknown): BackendAnswer => ({ status: 200, body });

/** The backend of a test. */
export class TestBackend {
  readonly requests: BackendRequest[] = [];
  /** Most requests that were open at once. */
  mostOpen = 0;
  private open = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    public answer: (request: BackendRequest) => BackendAnswer | Promise<BackendAnswer>,
  ) {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => {}).on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => {
      const parts: Buffer[] = [];
      this.mostOpen = Math.max(this.mostOpen, ++this.open);
      response.on('close', () => this.open--);
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const asked: BackendRequest = {
          path: request.url!,
          headers: request.headers,
          text,
          body: JSON.parse(text) as Record<string, unknown>,
        };
        this.requests.push(asked);
        void Promise.resolve(this.answer(asked)).then((answer) => {
          if (typeof answer === 'function') return answer(response.socket!);
          const { status, body, headers } = answer;
          const isText = typeof body === 'string';
          response.writeHead(status, {
            'content-type': isText ? 'text/plain' : 'application/json',
            ...headers,
          });
          response.end(body === undefined ? undefined : isText ? body : JSON.stringify(body));
        });
      });
    });
  }

  static async start(answer: TestBackend['answer'] = () => ok({})): Promise<TestBackend> {
    const backend = new TestBackend(createServer(), answer);
    await new Promise<void>((done) => backend.server.listen(0, '127.0.0.1', done));
    return backend;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Ends it and every connection to it. */
  stop(): Promise<void> {
    return new Promise((done) => {
      this.server.close(() => done());
      for (const socket of this.sockets) socket.destroy();
    });
  }
}
