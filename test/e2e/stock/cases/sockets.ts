import { each, type StockCase } from '../case.js';
import type { Scene } from '../worlds.js';

const HANDSHAKE_KEYS = [
  'headers',
  'time',
  'address',
  'xdomain',
  'secure',
  'issued',
  'url',
  'query',
  'auth',
] as const;

const typed = (value: unknown): string =>
  Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;

const DATA: readonly { readonly text: string; readonly data: unknown }[] = [
  { text: 'an object', data: { user: { id: 7 }, tags: ['a', null] } },
  { text: 'a text', data: 'text' },
  { text: 'a number', data: 0 },
  { text: 'null', data: null },
  { text: 'a list', data: [1, { two: 2 }] },
  { text: 'binary', data: { bytes: Buffer.from('b') } },
  { text: 'a date', data: { at: new Date(0) } },
];

/** Waits for an event of the client's that the server has had. */
const sent = (t: Scene, name: string, event: string, ...args: unknown[]): Promise<void> =>
  new Promise((resolve) => {
    t.socket(name).once('~done', () => resolve());
    t.client(name).emit(event, ...args);
    t.client(name).emit('~done');
  });

export const sockets: StockCase[] = [
  {
    title: 'what a socket is',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann', 0, { auth: { user: 'ann', more: [1] }, query: { a: 'b' } });
      const socket = t.socket('ann');
      t.log(
        socket.connected,
        socket.disconnected,
        socket.recovered,
        typeof socket.id,
        socket.nsp.name === t.path,
      );
      t.log(socket.data, socket.handshake.auth, socket.handshake.query['a'], socket.handshake.secure);
      t.log(HANDSHAKE_KEYS.map((key) => `${key} ${typed(socket.handshake[key])}`));
      t.log(socket.request.constructor.name, socket.conn.transport.name, socket.client.conn === socket.conn);
      t.log(t.io.sockets.get(socket.id) === socket, socket.nsp === t.io);
    },
  },
  {
    title: 'what a RemoteSocket is',
    async run(t) {
      await t.join('ann', 2, {
        auth: { user: 'ann' },
        query: { a: 'b' },
        extraHeaders: { 'x-of-the-app': 'yes' },
      });
      await t.socket('ann').join(['a', 'b']);
      const [found] = await t.io.fetchSockets();
      t.log(found!.id, found!.rooms, found!.data);
      for (const key of HANDSHAKE_KEYS) if (key !== 'auth') t.log(key, typed(found!.handshake[key]));
      t.log(found!.handshake.query['a'], found!.handshake.headers['x-of-the-app'], found!.handshake.secure);
      t.log(found!.handshake.issued === t.socket('ann').handshake.issued);
      t.log(found!.handshake.time === t.socket('ann').handshake.time);
      t.log(found!.handshake.url === t.socket('ann').handshake.url, found!.handshake.address);
    },
  },
  {
    title: 'credentials of a socket of another node',
    needsNodes: true,
    differs: 'S1',
    async run(t) {
      await t.join('ann', -1, { auth: { password: 'secret' }, extraHeaders: { cookie: 'session=secret' } });
      const [found] = await t.io.fetchSockets();
      t.log(found!.handshake.auth, found!.handshake.headers.cookie);
    },
  },
  ...each(DATA, ({ text, data }): StockCase => ({
    title: `socket.data that is ${text} is seen on other nodes`,
    async run(t) {
      await t.join('ann', 2);
      t.socket('ann').data = data as object;
      const [found] = await t.io.fetchSockets();
      t.log(found!.data);
      t.socket('ann').data = { changed: true };
      const [again] = await t.io.fetchSockets();
      t.log(again!.data);
    },
  })),
  {
    title: 'on, once, off, addListener, removeListener, removeAllListeners, prependListener',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      const heard =
        (by: string) =>
        (...args: unknown[]): void =>
          t.log(by, ...args);
      const on = heard('on');
      socket.on('e', on);
      socket.once('e', heard('once'));
      socket.prependListener('e', heard('first'));
      socket.addListener('e', heard('added'));
      await sent(t, 'ann', 'e', 1);
      await sent(t, 'ann', 'e', 2);
      socket.off('e', on);
      t.log(
        socket.listenerCount('e'),
        socket.eventNames().filter((name) => name === 'e'),
      );
      await sent(t, 'ann', 'e', 3);
      socket.removeAllListeners('e');
      await sent(t, 'ann', 'e', 4);
      t.log(socket.listeners('e').length);
    },
  },
  {
    title: 'onAny, prependAny, offAny, listenersAny',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      const record =
        (by: string) =>
        (...args: unknown[]): void => {
          if (!String(args[0]).startsWith('~')) t.log(by, ...args);
        };
      const any = record('any');
      socket.onAny(any);
      socket.prependAny(record('before any'));
      socket.on('e', (...args) => t.log('on', ...args));
      await sent(t, 'ann', 'e', 1, [2]);
      t.log(socket.listenersAny().length);
      socket.offAny(any);
      await sent(t, 'ann', 'e', 2);
      socket.offAny();
      await sent(t, 'ann', 'e', 3);
      t.log(socket.listenersAny().length);
    },
  },
  ...each(
    ['e', 'a b', 'ünï', 'x'.repeat(300), 'constructor', '__proto__', 'toString', 'message', '5'],
    (event): StockCase => ({
      title: `an event named ${event.slice(0, 20)} both ways`,
      oneNodeOnly: true,
      async run(t) {
        await t.join('ann');
        t.socket('ann').on(event, (...args: unknown[]) => t.log('heard', ...args));
        await sent(t, 'ann', event, 1);
        t.socket('ann').emit(event, 2);
        t.io.emit(event, 3);
        await t.settled();
      },
    }),
  ),
  {
    title: 'use() passes on, changes and drops events',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      socket.use((event, next) => {
        if (event[0] === 'drop') return;
        if (event[0] === 'change') event[1] = 'changed';
        if (!String(event[0]).startsWith('~')) t.log('middleware', ...event);
        next();
      });
      socket.use((_, next) => setImmediate(next));
      socket.onAny((...args: unknown[]) => {
        if (!String(args[0]).startsWith('~')) t.log('any', ...args);
      });
      for (const name of ['change', 'drop', 'keep']) socket.on(name, (...args) => t.log(name, ...args));
      await sent(t, 'ann', 'change', 1);
      await sent(t, 'ann', 'drop', 2);
      await sent(t, 'ann', 'keep', 3);
    },
  },
  {
    title: 'use() that refuses tells the listeners of "error"',
    oneNodeOnly: true,
    differs: 'S2',
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      socket.on('error', (failure: Error) => t.log('error', failure));
      socket.use((event, next) => next(event[0] === 'bad' ? new Error('not that') : undefined));
      await sent(t, 'ann', 'bad');
      await t.settled();
    },
  },
  {
    title: 'disconnecting and disconnect: reasons, rooms and what is connected',
    oneNodeOnly: true,
    async run(t) {
      for (const [name, end] of [
        ['ann', (): unknown => t.client('ann').disconnect()],
        ['bob', (): unknown => t.socket('bob').disconnect()],
        ['cid', (): unknown => t.socket('cid').disconnect(true)],
        ['dan', (): unknown => t.client('dan').io.engine.close()],
        ['eve', (): unknown => t.socket('eve').conn.close()],
      ] as const) {
        await t.join(name);
        const socket = t.socket(name);
        await socket.join('room');
        const ended = new Promise<void>((resolve) => {
          socket.on('disconnecting', (reason) =>
            t.log(name, 'disconnecting', reason, socket.rooms.size, socket.connected),
          );
          socket.on('disconnect', (reason) => {
            t.log(name, 'disconnect', reason, socket.rooms.size, socket.connected);
            resolve();
          });
        });
        end();
        await ended;
        t.log(name, t.io.sockets.has(socket.id), socket.rooms);
      }
    },
  },
  {
    title: 'what is done to a socket that has ended',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      socket.disconnect();
      t.log(socket.connected, socket.disconnected, socket.emit('late'), socket.disconnect() === socket);
      await socket.leave('x');
      t.log(socket.rooms.size);
    },
  },
  {
    title: 'emit and disconnect in one turn',
    oneNodeOnly: true,
    async run(t) {
      for (const close of [false, true]) {
        const name = close ? 'bob' : 'ann';
        await t.join(name);
        t.socket(name).emit('bye', 1);
        t.io.emit('bye all', 2);
        t.socket(name).disconnect(close);
        await t.when(() => !t.client(name).connected);
      }
    },
  },
  {
    title: 'what is chained',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      const nothing = (): void => {};
      t.log(
        socket.on('x', nothing) === socket,
        socket.off('x', nothing) === socket,
        socket.onAny(nothing) === socket,
      );
      t.log(
        socket.use((_, next) => next()) === socket,
        socket.compress(true) === socket,
        socket.volatile === socket,
      );
      t.log(socket.timeout(5) === socket, socket.emit('y'), socket.send('z') === socket);
      t.log(t.io.use((_, next) => next()) === t.io, t.io.send('x') === t.io, t.io.emit('y'));
      await t.settled();
    },
  },
];
