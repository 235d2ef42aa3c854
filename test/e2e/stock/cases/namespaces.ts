import { each, type StockCase } from '../case.js';
import type { Scene } from '../worlds.js';

/** What a client is told that is not let in. */
const refused = (t: Scene, name: string, node = 0, options = {}): Promise<void> =>
  new Promise((resolve) => {
    const client = t.open(name, node, options);
    client.once('connect_error', (error: Error & { data?: unknown }) => {
      t.log(`${name} < refused`, error.message, error.data);
      resolve();
    });
    client.once('connect', () => {
      t.log(`${name} < connected`);
      resolve();
    });
  });

export const namespaces: StockCase[] = [
  {
    title: 'middlewares run in order and see the handshake',
    async run(t) {
      for (const node of t.nodes) {
        node.use((socket, next) => {
          t.log('first', socket.handshake.auth, socket.connected);
          socket.data = { from: 'first' };
          next();
        });
        node.use(async (socket, next) => {
          await Promise.resolve();
          t.log('second', socket.data);
          next();
        });
        node.on('connection', (socket) => t.log('connection', socket.data, socket.connected));
        node.on('connect', () => t.log('connect'));
      }
      await t.join('ann', 1, { auth: { token: 'x' } });
    },
  },
  {
    title: 'a middleware that refuses: the text',
    async run(t) {
      for (const node of t.nodes) node.use((_, next) => next(new Error('not you')));
      await new Promise<void>((resolve) => {
        t.open('ann').once('connect_error', (error) => {
          t.log(error.message);
          resolve();
        });
      });
      t.log(t.io.sockets.size);
    },
  },
  {
    title: 'a middleware that refuses some',
    async run(t) {
      for (const node of t.nodes) {
        node.use((socket, next) => next(socket.handshake.auth['ok'] ? undefined : new Error('not you')));
      }
      await t.join('ann', 0, { auth: { ok: true } });
      await new Promise<void>((resolve) => {
        t.open('bob', 1).once('connect_error', () => resolve());
      });
      t.io.emit('for ann');
      await t.settled();
      t.log((await t.io.fetchSockets()).length);
    },
  },
  {
    title: 'namespaces share nothing',
    async run(t) {
      const other = t.world.servers.map((server) => server.of(`${t.path}-other`));
      await t.join('ann');
      await t.socket('ann').join('a');
      t.log(other[0]!.sockets.size, other[0]!.adapter.rooms.size);
      for (const node of other) node.to('a').emit('not for ann');
      for (const node of other) node.emit('not for ann');
      t.io.to('a').emit('for ann');
      await t.settled();
      t.log((await other[0]!.fetchSockets()).length);
    },
  },
  {
    title: 'one connection, two namespaces',
    oneNodeOnly: true,
    async run(t) {
      const other = t.world.servers[0]!.of(`${t.path}-second`);
      const client = await t.join('ann');
      const second = client.io.socket(`${t.path}-second`);
      const connected = new Promise<void>((resolve) => second.once('connect', resolve));
      await connected;
      t.log(other.sockets.size, second.id === client.id);
      const [socket] = [...other.sockets.values()];
      t.log(socket!.conn === t.socket('ann').conn, socket!.client === t.socket('ann').client);
      second.disconnect();
      await t.when(() => other.sockets.size === 0);
      t.log(t.socket('ann').connected);
    },
  },
  {
    title: 'the name of the namespace',
    oneNodeOnly: true,
    run(t) {
      const [server] = t.world.servers;
      t.log(server!.of(t.path) === t.io, server!.of(t.path.slice(1)) === t.io, t.io.name === t.path);
      t.log(server!.sockets === server!.of('/'), typeof server!.path(), server!.engine.constructor.name);
    },
  },
  ...each(['regular expression', 'function'] as const, (kind): StockCase => ({
    title: `namespaces by a ${kind}`,
    async run(t) {
      const pattern = new RegExp(`^${t.path}-dyn-\\d+$`);
      const parents = t.world.servers.map((server) => {
        const parent =
          kind === 'function'
            ? server.of((name, _, next) => next(null, pattern.test(name)))
            : server.of(pattern);
        parent.use((socket, next) => {
          t.log('middleware', socket.nsp.name === `${t.path}-dyn-1`);
          next();
        });
        parent.on('connection', (socket) => t.log('connection', socket.nsp.name === `${t.path}-dyn-1`));
        return parent;
      });
      const client = t.open('ann', 0).io.socket(`${t.path}-dyn-1`);
      const connected = new Promise<void>((resolve) => client.once('connect', resolve));
      client.connect();
      await connected;
      const heard = new Promise<unknown[]>((resolve) =>
        client.once('hello', (...args: unknown[]) => resolve(args)),
      );
      parents[0]!.emit('hello', 1);
      t.log(await heard);
      const refusal = t.open('bob', 0).io.socket(`${t.path}-dyn-x`);
      const error = new Promise<Error>((resolve) => refusal.once('connect_error', resolve));
      refusal.connect();
      t.log((await error).message);
      client.disconnect();
    },
  })),
  {
    title: 'a namespace that there is not',
    oneNodeOnly: true,
    async run(t) {
      const client = t.open('ann').io.socket(`${t.path}-never-made`);
      const error = new Promise<Error>((resolve) => client.once('connect_error', resolve));
      client.connect();
      t.log((await error).message);
    },
  },
  {
    title: 'a refusal in a middleware with data',
    oneNodeOnly: true,
    differs: 'S3',
    async run(t) {
      t.io.use((_, next) => next(Object.assign(new Error('not you'), { data: { reason: 7 } })));
      await refused(t, 'ann');
    },
  },
  {
    title: 'a namespace that was made for a pattern, after its last socket has gone',
    oneNodeOnly: true,
    differs: 'S4',
    async run(t) {
      const [server] = t.world.servers;
      server!.of(new RegExp(`^${t.path}-pattern-\\d+$`));
      const client = t.open('ann').io.socket(`${t.path}-pattern-1`);
      await new Promise<void>((resolve) => client.once('connect', resolve));
      const made = server!._nsps.get(`${t.path}-pattern-1`)!;
      client.disconnect();
      await t.when(() => made.sockets.size === 0);
      t.log(server!._nsps.has(`${t.path}-pattern-1`));
    },
  },
  {
    title: 'server-wide calls reach the default namespace',
    oneNodeOnly: true,
    run(t) {
      const server = t.world.servers[0]!;
      for (const name of [
        'to',
        'in',
        'except',
        'emit',
        'send',
        'write',
        'serverSideEmit',
        'fetchSockets',
        'socketsJoin',
        'socketsLeave',
        'disconnectSockets',
        'timeout',
        'compress',
        'use',
        'of',
        'close',
        'allSockets',
      ] as const) {
        t.log(name, typeof server[name]);
      }
      t.log(typeof server.local.emit, typeof server.volatile.emit);
    },
  },
  {
    title: 'the adapter of a namespace',
    oneNodeOnly: true,
    run(t) {
      for (const name of [
        'addAll',
        'del',
        'delAll',
        'broadcast',
        'sockets',
        'socketRooms',
        'fetchSockets',
        'addSockets',
        'delSockets',
        'disconnectSockets',
        'serverSideEmit',
        'serverCount',
        'on',
        'emit',
      ] as const) {
        t.log(name, typeof t.io.adapter[name]);
      }
      t.log(t.io.adapter.nsp === t.io, t.io.adapter.rooms, t.io.adapter.sids);
    },
  },
];
