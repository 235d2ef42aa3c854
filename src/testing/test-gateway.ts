import type { INestApplication, LoggerService } from '@nestjs/common';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Socket } from 'socket.io';
import type { SwitchboardOptions } from '../config/config.js';
import { Broadcaster } from '../delivery/broadcaster.js';
import { Namespaces } from '../sockets/namespaces.js';
import { SocketRegistry } from '../registry/socket-registry.js';
import { createService } from '../service.js';
import { createClient, type ClientOptions, type TestClient } from './test-client.js';

/** A client that was cut off cannot say that it goes; the gateway closes without it then. */
const FAREWELL_TIMEOUT_MS = 1_000;

type Connection = Socket['conn'];
type Connections = Readonly<Record<string, Connection>>;

/** An HTTP answer. */
export interface HttpAnswer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

/** A gateway on a free port of this machine, with everything that was opened through it. */
export class TestGateway {
  private readonly clients = new Set<TestClient>();

  constructor(
    readonly app: INestApplication,
    readonly url: string,
  ) {}

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get registry(): SocketRegistry {
    return this.app.get(SocketRegistry);
  }

  get broadcaster(): Broadcaster {
    return this.app.get(Broadcaster);
  }

  /** Connects a client and resolves when it saw `connect`. */
  async connect(options: ClientOptions = {}): Promise<TestClient> {
    const client = this.open(options);
    await client.next('connect');
    return client;
  }

  /** Makes a client without waiting for what becomes of it. */
  open(options: ClientOptions = {}): TestClient {
    const client = createClient(this.url, options);
    this.clients.add(client);
    return client;
  }

  /** Asks the HTTP API; a body goes as JSON. */
  async http<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer<Body>> {
    const response = await fetch(this.url + path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: (text === '' ? {} : JSON.parse(text)) as Body,
    };
  }

  /**
   * Closes all clients, waits until the gateway has seen the last of them, then closes the gateway.
   *
   * Nothing stays behind that would keep the process alive. A client that polls says that it goes in a request of its
   * own: a gateway that closes before it came would wait for polls that nobody makes any longer.
   */
  async close(): Promise<void> {
    const connections = [...this.clients].flatMap((client) => this.connectionsOf(client));
    const ended = connections.map((connection) => endOf(connection));
    for (const client of this.clients) client.close();
    await Promise.all(ended);
    await this.app.close();
    for (const client of this.clients) client.dispose();
    this.clients.clear();
  }

  /** One at the most; an app may have several servers. */
  private connectionsOf({ connectionId }: TestClient): Connection[] {
    if (connectionId === undefined) return [];
    const servers = new Set(this.app.get(Namespaces).all.map(({ nsp }) => nsp.server));
    return [...servers].flatMap((server) => (server.engine.clients as Connections)[connectionId] ?? []);
  }
}

/** Resolves when a connection has ended, or has had the time to. */
function endOf(connection: Connection): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FAREWELL_TIMEOUT_MS);
    connection.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

let quietLog: LoggerService | false = false;

/** Where gateways log to that are started without a logger: for our own tests, which look through it. */
export const logQuietGatewaysTo = (logger: LoggerService): void => void (quietLog = logger);

/** How to start a gateway for tests. */
export interface StartOptions extends SwitchboardOptions {
  /** Default: no log. */
  readonly logger?: LoggerService | false;
}

/**
 * Starts the gateway service on a free port of this machine, or on the `port` that is given.
 *
 * ```ts
 * const gateway = await startGateway({ maxRoomsPerSocket: 2 });
 * const client = await gateway.connect({ version: 2, transport: 'polling' });
 * await gateway.close();
 * ```
 */
export async function startGateway({ logger, ...options }: StartOptions = {}): Promise<TestGateway> {
  const app = await createService({ drainWindowMs: 100, ...options }, logger ?? quietLog);
  return serve(app, options.host ?? '127.0.0.1', Number(options.port ?? 0));
}

/** The same for an app of your own that imports `SwitchboardModule`, after `setupSwitchboard(app)`. */
export function startApp(app: INestApplication): Promise<TestGateway> {
  return serve(app, '127.0.0.1', 0);
}

async function serve(app: INestApplication, host: string, wantedPort: number): Promise<TestGateway> {
  await app.listen(wantedPort, host);
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return new TestGateway(app, `http://127.0.0.1:${port}`);
}
