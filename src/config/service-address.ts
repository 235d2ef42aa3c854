/** Where other services of Nest are reached: a TCP port of their own, or a broker that all know. [N1] [N6] */
import { z } from 'zod';
import { splitList } from './comma-list.js';
import { isLoopbackHost } from './loopback.js';

/** An address, as each of Nest's transports needs it. */
export type ServiceAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly kind: 'nats';
      readonly server: string;
      readonly user?: string;
      readonly pass?: string;
      readonly queue?: string;
    }
  | {
      readonly kind: 'redis';
      readonly host: string;
      readonly port: number;
      readonly username?: string;
      readonly password?: string;
      readonly db: number;
      readonly tls: boolean;
    }
  | { readonly kind: 'amqp'; readonly url: string; readonly queue?: string };

const REDIS_PORT = 6_379;
const NATS_PORT = 4_222;
const QUEUE = /^[\w.-]{1,128}$/;

/**
 * Reads `tcp://host:port`, `nats://[user:password@]host[:port][?queue=]`, `redis://[user:password@]host[:port][/database]` and
 * `amqp://[user:password@]host[:port][/vhost][?queue=]`, the latter two with `rediss` and `amqps` over TLS.
 */
export function parseServiceAddress(text: string): ServiceAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.hostname === '' || url.hostname.includes(',') || url.hash !== '') return undefined;
  try {
    return read(url);
  } catch {
    // A percent sign that escapes nothing.
    return undefined;
  }
}

function read(url: URL): ServiceAddress | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isBare = url.search === '' && (url.pathname === '' || url.pathname === '/');
  const [user, pass] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const queue = queueOf(url);
  switch (url.protocol) {
    case 'tcp:':
      if (!isBare || url.port === '' || url.port === '0' || user !== '') return undefined;
      return { kind: 'tcp', host, port: Number(url.port) };
    case 'nats:': {
      if (queue === undefined || url.pathname.length > 1) return undefined;
      const login = user === '' ? {} : { user, pass };
      const server = `${url.hostname}:${url.port === '' ? NATS_PORT : url.port}`;
      return { kind: 'nats', server, ...login, ...queue };
    }
    case 'redis:':
    case 'rediss:': {
      const db = /^\/?(\d{0,5})$/.exec(url.pathname)?.[1];
      if (db === undefined || url.search !== '') return undefined;
      return {
        kind: 'redis',
        host,
        port: url.port === '' ? REDIS_PORT : Number(url.port),
        ...(user === '' ? {} : { username: user }),
        ...(pass === '' ? {} : { password: pass }),
        db: Number(db),
        tls: url.protocol === 'rediss:',
      };
    }
    case 'amqp:':
    case 'amqps:': {
      if (queue === undefined) return undefined;
      url.search = '';
      return { kind: 'amqp', url: url.href, ...queue };
    }
    default:
      return undefined;
  }
}

/** `undefined` where the query says anything else than a queue. */
function queueOf({ searchParams }: URL): { readonly queue?: string } | undefined {
  if (searchParams.size === 0) return {};
  const queue = searchParams.get('queue');
  return searchParams.size === 1 && queue !== null && QUEUE.test(queue) ? { queue } : undefined;
}

/** Whether only this machine reaches the service: a TCP port of a loopback address. A broker has others to talk to. [N3] */
export const isOfThisMachine = (address: ServiceAddress): boolean =>
  address.kind === 'tcp' && isLoopbackHost(address.host);

const ADDRESS =
  'tcp://host:port, nats://host:port, redis://host:port or amqp://host:port, with ?queue=name for nats and amqp';

/** Comma-separated addresses of services. */
export const serviceAddresses: z.ZodType<readonly string[]> = z
  .preprocess(
    splitList,
    z.array(
      z.string(ADDRESS).refine((text) => parseServiceAddress(text) !== undefined, ADDRESS),
      'a comma-separated list of addresses',
    ),
  )
  .describe('a comma-separated list of `tcp://`, `nats://`, `redis://` and `amqp://` addresses');
