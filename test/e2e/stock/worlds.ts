/** Socket.IO as it is and as the gateway serves it, with one node and with three, for the same cases. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createShardedAdapter } from '@socket.io/redis-adapter';
import type { TestGateway } from 'switchboard-gateway/testing';
import { Redis } from 'ioredis';
import { Server, type Namespace, type ServerOptions } from 'socket.io';
import { io as connect, type Socket as ClientSocket } from 'socket.io-client';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { startEmbedding } from '../../support/embedding.js';
import type { TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

/** Servers of one kind that work together. */
export interface World {
  readonly name: string;
  readonly servers: readonly Server[];
  readonly urls: readonly string[];
  /** Whether its clients ask for recovery, which shows in nothing but the cursor behind what they get. */
  readonly recovers?: boolean;
  /** Resolves when all nodes hear of a namespace that was made on each: stock's adapter subscribes to it, and is not waited for. */
  hears(path: string): Promise<unknown>;
  /** Resolves when all nodes know what has been done on each: with stock Socket.IO that is at once. */
  known(): Promise<unknown>;
  close(): Promise<void>;
}

/** Stock Socket.IO; with a Redis through its sharded adapter. */
export async function stockWorld(
  nodes: number,
  redis?: TestRedis,
  more: Partial<ServerOptions> = {},
): Promise<World> {
  const clients: Redis[] = [];
  const servers: Server[] = [];
  const urls: string[] = [];
  const connection = (): Redis => {
    const client = new Redis(redis!.url);
    clients.push(client);
    return client;
  };
  for (let node = 0; node < nodes; node++) {
    const http = createServer();
    const adapter = redis && createShardedAdapter(connection(), connection(), { subscriptionMode: 'static' });
    servers.push(new Server(http, adapter ? { adapter, ...more } : more));
    await once(http.listen(0, '127.0.0.1'), 'listening');
    urls.push(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
  }
  return {
    name: 'stock',
    servers,
    urls,
    hears: (path) =>
      until(`the nodes of stock hear of ${path}`, async () => {
        const counts = servers.map((server) => server.of(path).adapter.serverCount());
        return (await Promise.all(counts)).every((count) => count === nodes);
      }),
    known: async () => undefined,
    async close() {
      await Promise.all(servers.map((server) => server.close()));
      for (const client of clients) client.disconnect();
    },
  };
}

/** The gateway, embedded in an app that has no gateway of its own. */
export async function ourWorld(nodes: number, redis?: TestRedis, recovers = false): Promise<World> {
  const gateways: TestGateway[] = [];
  for (let node = 0; node < nodes; node++) {
    const shared = redis ? { redisUrl: redis.url } : {};
    gateways.push(
      await startEmbedding({ options: { ...shared, maxSocketsPerUser: 0, handshakesPerSecond: 0 } }),
    );
  }
  return {
    name: 'ours',
    recovers,
    servers: gateways.map(({ app }) => app.get(Namespaces).all[0]!.nsp.server),
    urls: gateways.map(({ url }) => url),
    hears: async () => undefined,
    known: () => Promise.all(gateways.map(({ registry }) => registry.getSockets({ limit: 1 }))),
    close: async () => {
      await Promise.all(gateways.map((gateway) => gateway.close()));
    },
  };
}

/** How a client of a case connects: as the library's options say, to the namespace of the case unless it says another. */
export type ClientOptions = Record<string, unknown> & {
  readonly namespace?: string;
  readonly auth?: Readonly<Record<string, unknown>>;
};

/** What a case works with; each has a namespace of its own. */
export class Scene {
  private readonly lines: string[] = [];
  private marks = 0;
  private hasEnded = false;
  private readonly clients = new Map<string, ClientSocket>();
  private readonly names = new Map<string, string>();

  constructor(
    readonly world: World,
    readonly path: string,
  ) {}

  /** The namespace on each node; made on all of them. */
  get nodes(): Namespace[] {
    return this.world.servers.map((server) => server.of(this.path));
  }

  /** The namespace on the first node. */
  get io(): Namespace {
    return this.nodes[0]!;
  }

  get last(): Namespace {
    return this.nodes.at(-1)!;
  }

  /** Connects a client to a node, records what it gets, and resolves when both sides are connected. */
  async join(name: string, node = 0, options: ClientOptions = {}): Promise<ClientSocket> {
    const client = this.open(name, node, options);
    await new Promise<void>((resolve, reject) => {
      client.once('connect', resolve);
      client.once('connect_error', reject);
    });
    this.names.set(client.id!, name);
    await this.when(() => this.serverOf(node).of(namespaceOf(client)).sockets.has(client.id!));
    return client;
  }

  /** Makes a client without waiting for what becomes of it. */
  open(name: string, node = 0, options: ClientOptions = {}): ClientSocket {
    const { namespace = this.path, ...rest } = options;
    const { urls, recovers } = this.world;
    const client = connect(urls.at(node % urls.length)! + namespace, {
      forceNew: true,
      reconnection: false,
      transports: ['websocket'],
      ...rest,
      ...(recovers && { auth: { ...rest.auth, recovery: true } }),
    });
    this.clients.set(name, client);
    client.onAny((event: string, ...args: unknown[]) => {
      // What recovers gets a position as its last argument, which is another on each side.
      const shown = rest.auth?.['recovery'] ? args.slice(0, 1) : recovers ? withoutCursor(args) : args;
      if (!event.startsWith('~')) this.log(`${name} <`, event, ...shown.filter(notAFunction));
    });
    client.on('disconnect', (reason) => this.log(`${name} < disconnect`, reason));
    return client;
  }

  private serverOf(node: number): Server {
    const { servers } = this.world;
    return servers.at(node % servers.length)!;
  }

  /** Resolves with the next event of this name that a client gets. */
  heard(name: string, event: string): Promise<void> {
    return new Promise((resolve) => this.client(name).once(event, () => resolve()));
  }

  client(name: string): ClientSocket {
    return this.clients.get(name)!;
  }

  /** The server's side of a client, on the node that holds it. */
  socket(name: string): Namespace['sockets'] extends Map<string, infer S> ? S : never {
    const { id } = this.client(name);
    return this.nodes.flatMap(({ sockets }) => sockets.get(id!) ?? [])[0]!;
  }

  log(...values: unknown[]): void {
    if (this.hasEnded) return;
    this.lines.push(values.map((value) => (typeof value === 'string' ? value : show(value))).join(' '));
  }

  /**
   * Waits until every client that is connected has had all that the nodes have said so far, by asking it: on both sides
   * what one node says arrives in its order.
   */
  async settled(): Promise<void> {
    for (const node of this.nodes) {
      const connected = [...this.clients.values()].filter(
        (client) => client.connected && namespaceOf(client) === this.path,
      );
      const mark = `~${++this.marks}`;
      const heard = connected.map(
        (client) =>
          new Promise<void>((resolve) => {
            client.once(mark, () => resolve());
            client.once('disconnect', () => resolve());
          }),
      );
      node.emit(mark);
      await Promise.all(heard);
    }
  }

  /** Waits for what nobody tells. */
  async when(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 10_000;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error('what a case waits for does not come about');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await this.world.known();
  }

  /** What was seen, in an order that does not depend on which client was served first. */
  end(): string[] {
    this.hasEnded = true;
    for (const client of this.clients.values()) client.disconnect();
    return bySubject(this.lines.map((line) => this.named(line)));
  }

  private named(line: string): string {
    let text = line;
    for (const [id, name] of this.names) text = text.replaceAll(id, `<${name}>`);
    return text;
  }
}

/** Lines of one client stay in their order; those of several go by name. */
function bySubject(lines: readonly string[]): string[] {
  const subject = (line: string): string => /^(\w+) </.exec(line)?.[1] ?? '';
  return lines.toSorted((one, other) =>
    subject(one) < subject(other) ? -1 : subject(one) > subject(other) ? 1 : 0,
  );
}

const namespaceOf = (client: ClientSocket): string => (client as unknown as { readonly nsp: string }).nsp;

/** The arguments without the cursor that a client which recovers gets last. */
function withoutCursor(args: readonly unknown[]): readonly unknown[] {
  const last = args.at(-1);
  return typeof last === 'string' && /^[\w-]+\.\d+(?:~.+)?$/.test(last) ? args.slice(0, -1) : args;
}

const notAFunction = (value: unknown): boolean => typeof value !== 'function';

/** A value as text, so that equal texts are equal values. */
function show(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'number') return Object.is(value, Number.NaN) ? 'NaN' : String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (Buffer.isBuffer(value)) return `binary ${value.toString('hex')}`;
  if (value instanceof Set) return `Set {${[...value].map(show).join(', ')}}`;
  if (value instanceof Map)
    return `Map {${[...value].map(([key, item]) => `${show(key)}: ${show(item)}`).join(', ')}}`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${key}: ${show(item)}`)
      .join(', ')}}`;
  }
  return JSON.stringify(value) ?? typeof value;
}
