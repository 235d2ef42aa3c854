import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { acceptInOneShape } from './accepted-sockets.js';

describe('the sockets of a server', () => {
  const servers: Server[] = [];
  const clients: Socket[] = [];
  const options = { noDelay: true, allowHalfOpen: true };

  async function listen(server: Server): Promise<Server> {
    servers.push(server);
    server.on('connection', (socket) => clients.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const server of servers.splice(0)) {
      server.close();
      await once(server, 'close');
    }
  });

  const acceptOf = (server: Server): unknown =>
    (server as unknown as { _handle: { onconnection: unknown } })._handle.onconnection;

  async function accepted(server: Server): Promise<{ socket: Socket; client: Socket }> {
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    clients.push(client);
    const [socket] = await connected;
    return { socket, client };
  }

  async function end({ socket, client }: { socket: Socket; client: Socket }): Promise<void> {
    const closed = once(socket, 'close');
    client.destroy();
    socket.destroy();
    await closed;
  }

  const openConnections = (server: Server): Promise<number> =>
    new Promise((resolve, reject) => {
      server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
    });

  /** An object's own properties that are no objects and no functions; IDs count up. */
  const plainState = (object: object): Record<string, unknown> =>
    Object.fromEntries(
      Reflect.ownKeys(object)
        .map((key): [string, unknown] => [String(key), Reflect.get(object, key)])
        .filter(([key, value]) => Object(value) !== value && !/async_?id/i.test(key)),
    );

  it('are made by Node itself where it is not slow, and as it does where it is', async () => {
    const stock = await listen(createServer(options));
    const replaced = createServer(options);
    acceptInOneShape(replaced);
    await listen(replaced);
    expect(acceptOf(replaced) !== acceptOf(stock)).toBe(process.versions.v8.startsWith('11.'));

    const pairs = [await accepted(stock), await accepted(replaced)] as const;
    const [asEver, inOneShape] = pairs.map(({ socket }) => socket) as [Socket, Socket];
    expect(plainState(inOneShape)).toEqual(plainState(asEver));
    for (const state of ['_readableState', '_writableState'] as const) {
      expect(plainState(Reflect.get(inOneShape, state) as object)).toEqual(
        plainState(Reflect.get(asEver, state) as object),
      );
    }
    expect(Reflect.get(inOneShape, 'server')).toBe(replaced);
    expect(await openConnections(replaced)).toBe(1);
    for (const pair of pairs) await end(pair);
    expect(await openConnections(replaced)).toBe(0);
  });

  it('are made so by a server that listens already, and again when it listens again', async () => {
    const server = await listen(createServer(options));
    const stock = acceptOf(await listen(createServer()));
    acceptInOneShape(server);
    const isReplaced = acceptOf(server) !== stock;
    server.close();
    await once(server, 'close');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    expect(acceptOf(server) !== stock).toBe(isReplaced);
    await end(await accepted(server));
  });

  it('are as many as the server may have', async () => {
    const server = createServer(options);
    acceptInOneShape(server);
    await listen(server);
    server.maxConnections = 1;
    const first = await accepted(server);
    const dropped = once(server, 'drop');
    const second = connect((server.address() as AddressInfo).port, '127.0.0.1');
    second.on('error', () => {});
    await dropped;
    second.destroy();
    await end(first);
  });

  it('are told on the channel of diagnostics', async () => {
    const server = createServer(options);
    acceptInOneShape(server);
    await listen(server);
    const told: unknown[] = [];
    const listener = (message: unknown): void => void told.push((message as { socket: Socket }).socket);
    subscribe('net.server.socket', listener);
    const pair = await accepted(server);
    await new Promise(setImmediate);
    unsubscribe('net.server.socket', listener);
    expect(told).toContain(pair.socket);
    await end(pair);
  });
});
