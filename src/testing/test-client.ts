import { io as io4 } from 'socket.io-client';
import { TestDeadlines } from './deadlines.js';
import { EventQueue } from './event-queue.js';
import { io2, io3, type AnySocket } from './legacy-clients.js';

/** Major version of the JavaScript client. */
export type ClientVersion = 2 | 3 | 4;

/** How the client gets to the gateway; `upgrade` starts with polling and moves to WebSocket. */
export type ClientTransport = 'polling' | 'websocket' | 'upgrade';

/** How a test client connects. */
export interface ClientOptions {
  /** Default 4. */
  readonly version?: ClientVersion;
  /** Default `websocket`. */
  readonly transport?: ClientTransport;
  /** Default `/`. */
  readonly namespace?: string;
  /** Who the client says it is; 2.x clients send it in the query. */
  readonly auth?: Readonly<Record<string, unknown>>;
  /** Handed to the client library as they are: `reconnection`, `timeout`, `extraHeaders`… Reconnection is off by default. */
  readonly client?: Readonly<Record<string, unknown>>;
}

/** An answer to a request of the gateway's protocol. */
export type Answer = { ok: boolean; error?: { code: string; message: string; retryable: boolean } } & Record<
  string,
  unknown
>;

const TRANSPORTS: Readonly<Record<ClientTransport, readonly string[]>> = {
  polling: ['polling'],
  websocket: ['websocket'],
  upgrade: ['polling', 'websocket'],
};

const ANSWER_TIMEOUT_MS = 10_000;

/** Events on the manager of 3.x and 4.x; 2.x has them on the socket. */
const MANAGER_EVENTS = ['reconnect', 'reconnect_attempt', 'reconnect_error', 'reconnect_failed'] as const;
const SOCKET_EVENTS = ['connect', 'connect_error', 'disconnect'] as const;
const V2_EVENTS = ['connect_timeout', 'reconnecting', 'error', ...MANAGER_EVENTS] as const;

/** A real Socket.IO client that keeps every event until the test takes it. */
export class TestClient {
  readonly queue = new EventQueue();
  private readonly deadlines = new TestDeadlines();

  constructor(
    readonly socket: AnySocket,
    readonly version: ClientVersion,
  ) {
    this.recordLifecycle();
    this.recordEvents();
  }

  /** The socket ID; `undefined` while not connected. */
  get id(): string | undefined {
    return this.socket.id;
  }

  /** Takes the next event of this name: its arguments. Lifecycle events are events too. */
  next(event: string, timeoutMs?: number): Promise<unknown[]> {
    return this.queue.next(event, timeoutMs);
  }

  /** Sends without waiting for anything. */
  emit(event: string, ...args: unknown[]): void {
    this.socket.emit(event, ...args);
  }

  /** Sends and resolves with the first argument of the acknowledgement. */
  request(event: string, ...args: unknown[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const lift = this.deadlines.start(ANSWER_TIMEOUT_MS, () =>
        reject(new Error(`no answer to "${event}" within ${ANSWER_TIMEOUT_MS} ms`)),
      );
      this.socket.emit(event, ...args, (answer: Answer) => {
        lift();
        resolve(answer);
      });
    });
  }

  /** Registers an answer to events that ask for one. */
  answer(event: string, reply: (...args: unknown[]) => unknown): void {
    this.socket.on(event, (...args: unknown[]) => {
      const acknowledge = args.pop() as (answer: unknown) => void;
      acknowledge(reply(...args));
    });
  }

  /** Resolves once everything the gateway had for this client before now has arrived. */
  async settled(): Promise<void> {
    await this.request('socket:info');
  }

  /** Cuts the transport as a network would; the client reconnects if it is told to. */
  breakTransport(): void {
    const { engine } = this.socket.io;
    engine.close();
  }

  close(): void {
    this.socket.close();
  }

  /** What its connection is called on the server; `undefined` before there is one and after it has ended. */
  get connectionId(): string | undefined {
    return this.socket.io.engine?.id;
  }

  /** After {@link close}, when nobody is left to answer: nothing waits any longer. */
  dispose(): void {
    this.queue.close();
    this.deadlines.liftAll();
  }

  private recordLifecycle(): void {
    const record = (emitter: AnySocket['io'] | AnySocket, event: string): void => {
      emitter.on(event, (...args: unknown[]) => this.queue.push(event, args));
    };
    for (const event of SOCKET_EVENTS) record(this.socket, event);
    if (this.version === 2) for (const event of V2_EVENTS) record(this.socket, event);
    else for (const event of MANAGER_EVENTS) record(this.socket.io, event);
  }

  private recordEvents(): void {
    const record = (event: string, ...args: unknown[]): void => {
      const last = args.at(-1);
      this.queue.push(event, typeof last === 'function' ? args.slice(0, -1) : args);
    };
    if (this.socket.onAny) {
      this.socket.onAny(record);
      return;
    }
    // 2.x has no catch-all; every packet passes this method.
    const onevent = this.socket.onevent!.bind(this.socket);
    this.socket.onevent = (packet) => {
      const [event, ...args] = packet.data ?? [];
      record(String(event), ...args);
      onevent(packet);
    };
  }
}

/** Makes a client that connects by itself; it does not wait for the connection. */
export function createClient(url: string, options: ClientOptions = {}): TestClient {
  const { version = 4, transport = 'websocket', namespace = '/', auth, client } = options;
  const settings: Record<string, unknown> = {
    transports: TRANSPORTS[transport],
    forceNew: true,
    reconnection: false,
    // Node.js has a WebSocket of its own from 22 on. The 2.x client prefers it to `ws`, and it sends no headers.
    ...(version === 2 && { forceNode: true }),
    ...client,
  };
  if (auth && version === 2) settings['query'] = queryOf(auth);
  else if (auth) settings['auth'] = auth;
  const connect = { 2: io2, 3: io3, 4: io4 as unknown as typeof io3 }[version];
  return new TestClient(connect(url + namespace, settings), version);
}

const queryOf = (auth: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(auth).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
