/** Addresses of services in the words of Nest's transports. */
import type { NatsOptions, RedisOptions, RmqOptions, TcpOptions, Transport } from '@nestjs/microservices';
import type { ServiceAddress } from '../config/service-address.js';

/** Options that a server and a client of Nest take alike. */
export type TransportOptions = TcpOptions | NatsOptions | RedisOptions | RmqOptions;

/** The numbers of Nest's `Transport`, which is not loaded where nobody needs it. */
const TRANSPORT = { tcp: 0, redis: 1, nats: 2, rmq: 5 } as const;

const RECONNECT_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
const FOR_EVER = Number.MAX_SAFE_INTEGER;

/** What is read of one message before it is whole, and what is held for one peer that does not read. [N5] */
export interface TcpCaps {
  readonly maxBufferSize: number;
  readonly incompleteMessageTimeout: number;
  readonly maxSendBufferSize: number;
}

/** Caps for messages of this many bytes. Nest's own are 128 million characters and 30 seconds. */
export const tcpCaps = (maxMessageBytes: number): TcpCaps => ({
  maxBufferSize: maxMessageBytes,
  incompleteMessageTimeout: 10_000,
  maxSendBufferSize: 16_777_216,
});

/** How brokers are come back to: for ever, and never by Nest's number of attempts. [N5] */
export const RECONNECTING = {
  nats: { maxReconnectAttempts: -1, reconnectTimeWait: RECONNECT_MS, timeout: CONNECT_TIMEOUT_MS },
  redis: { retryAttempts: FOR_EVER, retryDelay: RECONNECT_MS, connectTimeout: CONNECT_TIMEOUT_MS },
  amqp: { reconnectTimeInSeconds: RECONNECT_MS / 1_000, heartbeatIntervalInSeconds: 10 },
} as const;

/** What the gateway adds to options of Nest's where they say nothing: a shared queue, and coming back for ever. [N4] [N5] */
export function withDefaults<Options extends { readonly transport?: unknown; readonly options?: object }>(
  given: Options,
  queue: string,
): Options {
  const options = { ...defaultsOf(given.transport, queue), ...given.options };
  return { ...given, options };
}

function defaultsOf(transport: unknown, queue: string): object {
  switch (transport) {
    case TRANSPORT.nats:
      return { queue, ...RECONNECTING.nats };
    case TRANSPORT.redis:
      return RECONNECTING.redis;
    case TRANSPORT.rmq:
      return {
        queue,
        socketOptions: { ...RECONNECTING.amqp, connectionOptions: { timeout: CONNECT_TIMEOUT_MS } },
      };
    default:
      return {};
  }
}

/** An address as options of Nest's. */
export function nestOptionsOf(address: ServiceAddress, caps: TcpCaps | undefined): TransportOptions {
  switch (address.kind) {
    case 'tcp': {
      const { host, port } = address;
      return { transport: TRANSPORT.tcp as Transport.TCP, options: { host, port, ...caps } };
    }
    case 'nats': {
      const { server, user, pass, queue } = address;
      const login = user === undefined ? {} : { user, pass };
      const options = { servers: [server], ...login, ...(queue === undefined ? {} : { queue }) };
      return { transport: TRANSPORT.nats as Transport.NATS, options };
    }
    case 'redis': {
      const { kind: _, tls, ...options } = address;
      return {
        transport: TRANSPORT.redis as Transport.REDIS,
        options: { ...options, ...(tls ? { tls: {} } : {}) },
      };
    }
    case 'amqp': {
      const { url, queue } = address;
      const options = { urls: [url], ...(queue === undefined ? {} : { queue }) };
      return { transport: TRANSPORT.rmq as Transport.RMQ, options };
    }
  }
}
