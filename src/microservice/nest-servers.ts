/**
 * Nest's servers, opened for the gateway. This file imports `@nestjs/microservices`, so it is imported only where an address
 * is given.
 */
import { Logger } from '@nestjs/common';
import {
  RedisContext,
  ServerNats,
  ServerRedis,
  ServerRMQ,
  ServerTCP,
  Transport,
  Server,
  type BaseRpcContext,
  type CustomTransportStrategy,
  type MessageHandler,
  type ReadPacket,
  type RedisOptions,
  type RmqOptions,
  type TcpOptions,
} from '@nestjs/microservices';
import type { Redis } from 'ioredis';
import type { Server as NetServer, Socket } from 'node:net';
import { throwError, type Observable } from 'rxjs';
import { containChannels, type ChannelMaker } from '../outbound/amqp-channels.js';
import { tcpCaps, withDefaults } from '../outbound/nest-options.js';
import { QUIET } from '../outbound/quiet-logger.js';
import { DEFAULT_QUEUE, type DoorServer, type DoorSettings } from './door-server.js';
import { headersOf } from './message-headers.js';
import { PATTERNS } from './message-desk.js';
import { RedisClaims } from './redis-claims.js';

const START_TIMEOUT_MS = 10_000;
/** For answers that are written and not yet on the wire. */
const FLUSH_MS = 500;
/** Connections of one TCP port: callers keep one each. */
const MAX_CONNECTIONS = 1_024;
const KEEP_ALIVE_MS = 60_000;

/** Of an app that says nothing about it. */
const DEFAULT_MAX_BYTES = 8_388_608;

/** What the door needs of a server, whatever its transport. */
interface DoorTransport {
  readonly status: Observable<string>;
  addHandler(pattern: string, handler: MessageHandler): void;
  getHandlerByPattern(pattern: string): MessageHandler | null;
  handleEvent(pattern: string, packet: ReadPacket, context: BaseRpcContext): Promise<unknown>;
  listen(done: (failure?: unknown) => void): unknown;
  /** The broker has been asked to give what is published from now on. */
  started?(): Promise<void>;
  stopTaking(): Promise<void>;
  close(): Promise<void> | void;
}

class TcpDoor extends ServerTCP {
  protected override readonly logger = QUIET;

  override close(): Promise<void> {
    const sockets = [...this.openSockets];
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        super.close();
        resolve();
      };
      const timer = setTimeout(done, FLUSH_MS);
      let open = sockets.length;
      if (open === 0) return done();
      for (const socket of sockets) {
        socket.once('close', () => --open === 0 && done());
        socket.end();
      }
    }) as Promise<void>;
  }

  async stopTaking(): Promise<void> {
    this.unwrap<NetServer>().close();
  }

  protected override init(): void {
    super.init();
    this.unwrap<NetServer>().maxConnections = MAX_CONNECTIONS;
  }

  protected override trackOpenSocket(socket: Socket): void {
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    super.trackOpenSocket(socket);
  }
}

class NatsDoor extends ServerNats {
  protected override readonly logger = QUIET;
  private readonly taking: { unsubscribe(): void }[] = [];

  override bindEvents(client: NatsConnection): void {
    const { queue } = this.settings;
    for (const pattern of this.messageHandlers.keys()) {
      const callback = this.getMessageHandler(pattern);
      this.taking.push(client.subscribe(pattern, { queue, callback }));
    }
  }

  constructor(private readonly settings: { readonly queue?: string }) {
    super(settings);
  }

  async started(): Promise<void> {
    await this.unwrap<NatsConnection>().flush();
  }

  async stopTaking(): Promise<void> {
    for (const subscription of this.taking) subscription.unsubscribe();
  }

  override async close(): Promise<void> {
    // What was answered last is on the wire before the connection ends.
    await this.unwrap<NatsConnection>()
      .flush()
      .catch(() => undefined);
    await super.close();
  }
}

interface NatsConnection {
  subscribe(subject: string, options: object): { unsubscribe(): void };
  flush(): Promise<void>;
}

class RedisDoor extends ServerRedis {
  protected override readonly logger = QUIET;
  private claims: RedisClaims | undefined;

  constructor(
    options: NonNullable<RedisOptions['options']>,
    private readonly node: string,
  ) {
    super(options);
  }

  async started(): Promise<void> {
    const [commands, subscription] = this.unwrap<[Redis, Redis]>();
    await subscription.ping();
    this.claims = new RedisClaims(commands, subscription, this.node, new Logger('Microservice'));
    await this.claims.start();
  }

  /** Every node is given every message: one takes it. [N4] */
  override async handleMessage(channel: string, buffer: string, pub: Redis, pattern: string): Promise<void> {
    const packet = await this.deserializer.deserialize(this.parseMessage(buffer), { channel });
    const { id } = packet as { id?: unknown };
    if (id === undefined) {
      if (!this.claims?.holdsLease) return;
      const { metadata } = packet as { metadata?: Record<string, unknown> };
      return this.handleEvent(channel, packet, new RedisContext([pattern, metadata] as never));
    }
    if (await this.claims?.claim(String(id).slice(0, 128))) {
      await super.handleMessage(channel, buffer, pub, pattern);
    }
  }

  async stopTaking(): Promise<void> {
    const [, subscription] = this.unwrap<[Redis, Redis]>();
    if (subscription.status === 'ready') await subscription.unsubscribe();
    await this.claims?.stop();
  }

  override async close(): Promise<void> {
    this.isManuallyClosed = true;
    for (const client of this.unwrap<Redis[]>()) {
      if (client.status === 'ready') await client.quit().catch(() => client.disconnect());
      else client.disconnect();
    }
  }
}

class AmqpDoor extends ServerRMQ {
  protected override readonly logger = QUIET;
  private consumed: { cancel(tag: string): Promise<unknown> } | undefined;

  constructor(
    options: NonNullable<RmqOptions['options']>,
    private readonly consumerTag: string,
  ) {
    // Taken off the queue when it is delivered: what may have taken effect is not given to another node. [N4]
    super({ maxConnectionAttempts: 1, ...options, noAck: true, consumerTag });
  }

  override async createClient<Client>(): Promise<Client> {
    return containChannels(await super.createClient<ChannelMaker>()) as Client;
  }

  override async setupChannel(
    channel: { cancel(tag: string): Promise<unknown> },
    callback: () => void,
  ): Promise<void> {
    this.consumed = channel;
    await super.setupChannel(channel, callback);
  }

  async stopTaking(): Promise<void> {
    // Without a connection there is nothing to cancel.
    await this.consumed?.cancel(this.consumerTag).catch(() => undefined);
  }
}

/**
 * Opens a server and resolves when it takes messages.
 *
 * @throws Error that says in one line what is wrong: a port in use, a broker that cannot be reached, a package that is missing
 */
export async function openNestServer(settings: DoorSettings): Promise<DoorServer> {
  const server = createServer(settings);
  bind(server, settings);
  const started = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no connection in time')), START_TIMEOUT_MS);
    const done = (failure?: unknown): void => {
      clearTimeout(timer);
      if (failure) reject(failure instanceof Error ? failure : new Error(String(failure)));
      else resolve();
    };
    if (server instanceof TcpDoor) server.on('error', done);
    void server.listen(done);
  });
  try {
    await started;
    await server.started?.();
  } catch (failure) {
    await Promise.resolve(server.close()).catch(() => undefined);
    throw failure;
  }
  server.status.subscribe((status) => {
    // A broker that takes no messages for a while says so without going away.
    if (status !== 'blocked' && status !== 'unblocked') settings.onStatus(status === 'connected');
  });
  return {
    stopTaking: () => server.stopTaking(),
    close: async () => {
      await server.close();
    },
  };
}

function createServer({ options: given, node }: DoorSettings): DoorTransport {
  if ('strategy' in given) return customServer(given.strategy);
  const options = withDefaults(given, DEFAULT_QUEUE);
  switch (options.transport) {
    case undefined:
    case Transport.TCP:
      return new TcpDoor({ ...tcpCaps(DEFAULT_MAX_BYTES), ...(options as TcpOptions).options });
    case Transport.NATS:
      return new NatsDoor(options.options ?? {});
    case Transport.REDIS:
      return new RedisDoor(options.options ?? {}, node);
    case Transport.RMQ:
      return new AmqpDoor(options.options ?? {}, `switchboard-${node}`);
    default:
      throw new Error('expected the transport TCP, NATS, REDIS or RMQ, or a strategy');
  }
}

/** A transport of the app's own: how one message takes effect once is its business. */
function customServer(strategy: CustomTransportStrategy): DoorTransport {
  if (!(strategy instanceof Server)) throw new Error('expected a strategy that extends Server of Nest');
  return Object.assign(strategy as Server, {
    stopTaking: async () => undefined,
    close: () => strategy.close(),
  });
}

/** Makes the desk the only handler of the server: the app's guards, pipes and interceptors are not in between. [T2] */
function bind(server: DoorTransport, { taker }: DoorSettings): void {
  const handlers = new Map<string, MessageHandler>();
  const handlerOf = (pattern: string): MessageHandler => {
    let handler = handlers.get(pattern);
    handler ??= (async (data: unknown, context: unknown) => {
      const reply = await taker.ask(pattern, data, headersOf(context));
      return 'error' in reply ? throwError(() => reply.error) : reply.answer;
    }) as MessageHandler;
    return handler;
  };
  for (const pattern of PATTERNS) {
    handlers.set(pattern, handlerOf(pattern));
    server.addHandler(pattern, handlerOf(pattern));
  }
  // Also for a pattern that nobody knows: the caller is told, in our words.
  server.getHandlerByPattern = (pattern) => handlerOf(String(pattern));
  server.handleEvent = (pattern, packet, context) =>
    taker.tell(String(pattern), packet.data, headersOf(context));
}
