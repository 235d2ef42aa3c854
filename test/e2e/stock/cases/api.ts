/**
 * Every public member of Socket.IO's classes once, by its name: a member of a newer version that has no row here fails
 * the suite. What a member does in detail stands in the other groups.
 */
import type { BroadcastOperator, DefaultEventsMap, Namespace, RemoteSocket, Server, Socket } from 'socket.io';
import type { StockCase } from '../case.js';
import type { Scene } from '../worlds.js';

type Anything = Record<string, (...args: unknown[]) => unknown>;

/** What each row has: `ann` on the first node, in room `a`, and `bob` on the last; `eve` is ann on the main namespace. */
interface Stage {
  readonly t: Scene;
  readonly server: Server;
  readonly io: Namespace;
  readonly ann: Socket;
  /** A room of this case alone on the main namespace; `eve` is in it. */
  readonly own: string;
}

type Row = (stage: Stage) => unknown;

const kindOf = (value: unknown): string =>
  value === null ? 'null' : typeof value === 'object' ? (value?.constructor?.name ?? 'object') : typeof value;

const NAMES = ['ann', 'bob', 'eve'];
const namesOf = (t: Scene, ids: Iterable<string>): string[] =>
  [...ids].map((id) => NAMES.find((name) => t.client(name).id === id) ?? '?').toSorted();
const namesIn = (t: Scene, found: Iterable<{ readonly id: string }>): string[] =>
  namesOf(
    t,
    [...found].map(({ id }) => id),
  );

const nothing = (): void => {};

/** Says what a call gives, and waits for what it makes the clients hear. */
const call =
  <K extends 'server' | 'io' | 'ann'>(of: K, deed: (target: Stage[K], stage: Stage) => unknown): Row =>
  async (stage) => {
    const given = deed(stage[of], stage);
    stage.t.log(given === stage[of] ? 'itself' : kindOf(given), (await given) === undefined);
    await stage.t.settled();
  };

const operatorOf = ({ io }: Stage): Anything => io.to('a') as unknown as Anything;

/** What a modifier gives is an operator that emits. */
const modifier =
  (deed: (stage: Stage) => unknown): Row =>
  async (stage) => {
    const given = deed(stage) as BroadcastOperator<Anything, unknown>;
    stage.t.log(kindOf(given));
    stage.t.log(given.emit('said', 1));
    await stage.t.settled();
  };

/** On the main namespace, where other cases have clients too. */
const onMain =
  (deed: (server: Server, own: string) => unknown): Row =>
  async ({ t, server, own }) => {
    t.log(kindOf(await deed(server, own)));
    server.to(own).emit('~own');
    await t.heard('eve', '~own');
  };

const SERVER: Record<string, Row> = {
  sockets: ({ t, server }) => t.log(server.sockets === server.of('/'), kindOf(server.sockets)),
  engine: ({ t, server }) => t.log(kindOf(server.engine), typeof server.engine.clientsCount),
  httpServer: ({ t, server }) => t.log(kindOf(server.httpServer)),
  encoder: ({ t, server }) => t.log(server.encoder.encode({ type: 2, nsp: '/', data: ['x'] })),
  serveClient: ({ t, server }) => t.log(server.serveClient()),
  path: ({ t, server }) => t.log(server.path()),
  connectTimeout: ({ t, server }) => t.log(typeof server.connectTimeout()),
  adapter: ({ t, server }) => t.log(typeof server.adapter()),
  listen: ({ t, server }) => t.log(typeof server.listen, server.listen.length),
  attach: ({ t, server }) => t.log(typeof server.attach, server.attach.length),
  attachApp: ({ t, server }) => t.log(typeof server.attachApp),
  bind: ({ t, server }) => t.log(typeof server.bind),
  of: ({ t, server }) => t.log(server.of(t.path) === t.io, kindOf(server.of('/'))),
  close: ({ t, server }) => t.log(typeof server.close),
  use: ({ t, server }) => t.log(server.use((_, next) => next()) === server),
  to: onMain((server, own) => server.to(own).emit('to', 1)),
  in: onMain((server, own) => server.in(own).emit('in', 1)),
  except: onMain((server, own) => server.except('nobody').to(own).emit('except', 1)),
  emit: onMain((server, own) => server.to(own).emit('emit')),
  send: ({ t, server }) => t.log(server.send('~all') === server),
  write: ({ t, server }) => t.log(server.write('~all') === server),
  serverSideEmit: ({ t, server }) => t.log(server.serverSideEmit('x', 1)),
  serverSideEmitWithAck: async ({ t, server }) =>
    t.log(await server.serverSideEmitWithAck('nobody hears', 1).catch(kindOf)),
  allSockets: async ({ t, server }) => t.log(kindOf(await server.allSockets())),
  compress: onMain((server, own) => server.compress(true).to(own).emit('compress')),
  volatile: onMain((server, own) => server.volatile.to(own).emit('volatile')),
  local: onMain((server, own) => server.local.to(own).emit('local')),
  timeout: onMain((server, own) => server.timeout(3_000).to(own).emitWithAck('ask')),
  fetchSockets: onMain(async (server, own) => (await server.in(own).fetchSockets()).length),
  socketsJoin: onMain((server, own) => server.in(own).socketsJoin(`${own}-2`)),
  socketsLeave: onMain((server, own) => server.in(own).socketsLeave(`${own}-2`)),
  disconnectSockets: ({ t, server }) =>
    t.log(server.in('nobody').disconnectSockets(), typeof server.disconnectSockets),
  on: ({ t, server }) => t.log(server.on('x' as 'connection', nothing) === server),
  once: ({ t, server }) => t.log(server.once('x' as 'connection', nothing) === server),
  listeners: ({ t, server }) => t.log(kindOf(server.listeners('connection'))),
};

const NAMESPACE: Record<string, Row> = {
  name: ({ t, io }) => t.log(io.name === t.path),
  sockets: ({ t, io }) => t.log(kindOf(io.sockets), io.sockets.has(t.client('ann').id!)),
  adapter: ({ t, io }) => t.log(io.adapter.rooms instanceof Map, [...io.adapter.rooms.keys()].includes('a')),
  server: ({ t, io, server }) => t.log(io.server === server),
  use: call('io', (io) => io.use((_, next) => next())),
  to: modifier(({ io }) => io.to('a')),
  in: modifier(({ io }) => io.in('a')),
  except: modifier(({ io }) => io.except('a')),
  emit: call('io', (io) => io.emit('said', { a: 1 }, [2])),
  send: call('io', (io) => io.send('text')),
  write: call('io', (io) => io.write('text')),
  serverSideEmit: call('io', (io) => io.serverSideEmit('x', 1)),
  serverSideEmitWithAck: async ({ t, io }) => {
    for (const node of t.nodes) node.on('sum', (n: number, done: (answer: number) => void) => done(n + 1));
    t.log(await io.serverSideEmitWithAck('sum', 1));
  },
  allSockets: async ({ t, io }) => t.log(namesOf(t, await io.allSockets())),
  compress: modifier(({ io }) => io.compress(false)),
  volatile: modifier(({ io }) => io.volatile),
  local: modifier(({ io }) => io.local),
  timeout: async ({ t, io }) => t.log((await io.timeout(3000).emitWithAck('ask')).toSorted()),
  fetchSockets: async ({ t, io }) => t.log(namesIn(t, await io.fetchSockets())),
  socketsJoin: async ({ t, io }) => {
    t.log(io.socketsJoin('b'));
    io.to('b').emit('in b');
    await t.settled();
  },
  socketsLeave: async ({ t, io }) => {
    t.log(io.socketsLeave('a'));
    io.to('a').emit('nobody');
    await t.settled();
  },
  disconnectSockets: async ({ t, io }) => {
    t.log(io.disconnectSockets());
    await t.when(() => !t.client('ann').connected && !t.client('bob').connected);
  },
  on: call('io', (io) => io.on('x' as 'connection', nothing)),
  once: call('io', (io) => io.once('x' as 'connection', nothing)),
  listeners: ({ t, io }) => t.log(kindOf(io.listeners('connection'))),
};

const OPERATOR: Record<string, Row> = {
  to: modifier((stage) => operatorOf(stage)['to']!('b')),
  in: modifier((stage) => operatorOf(stage)['in']!('b')),
  except: modifier((stage) => operatorOf(stage)['except']!('b')),
  compress: modifier((stage) => operatorOf(stage)['compress']!(true)),
  volatile: modifier(({ io }) => io.to('a').volatile),
  local: modifier(({ io }) => io.to('a').local),
  timeout: async ({ t, io }) => t.log(await io.to('a').timeout(3000).emitWithAck('ask', 1)),
  emit: modifier(({ io }) => io.to('a')),
  emitWithAck: async ({ t, io }) => t.log(await io.to(['a', 'b']).timeout(3000).emitWithAck('ask')),
  allSockets: async ({ t, io }) => t.log(namesOf(t, await io.to('a').allSockets())),
  fetchSockets: async ({ t, io }) => t.log(namesIn(t, await io.to('a').fetchSockets())),
  socketsJoin: async ({ t, io }) => {
    t.log(io.to('a').socketsJoin(['b', 'c']));
    io.to('c').emit('in c');
    await t.settled();
  },
  socketsLeave: async ({ t, io }) => {
    t.log(io.to('a').socketsLeave(['a', 'c']));
    io.to('a').emit('nobody');
    await t.settled();
  },
  disconnectSockets: async ({ t, io }) => {
    t.log(io.to('a').disconnectSockets(true));
    await t.when(() => !t.client('ann').connected);
    t.log(t.client('bob').connected);
  },
};

type Remote = RemoteSocket<DefaultEventsMap, unknown>;

const remote =
  (deed: (bob: Remote, stage: Stage) => unknown): Row =>
  async (stage) => {
    const { t, io } = stage;
    const found = (await io.fetchSockets()) as unknown as Remote[];
    t.log(
      kindOf(
        await deed(
          found.find(({ id }) => id === t.client('bob').id)!,
          stage,
        ),
      ),
    );
    await t.settled();
  };

const REMOTE: Record<string, Row> = {
  id: remote(({ id }, { t }) => t.log(id)),
  handshake: remote(({ handshake }, { t }) =>
    t.log(Object.keys(handshake).includes('headers'), handshake.secure),
  ),
  rooms: remote(({ rooms }, { t }) => t.log(kindOf(rooms), rooms.size)),
  data: remote(({ data }, { t }) => t.log(data)),
  timeout: remote(async (bob, { t }) => t.log(await bob.timeout(3000).emitWithAck('ask', 1))),
  emit: remote((bob) => bob.emit('said', 1)),
  join: remote(async (bob, { t, io }) => {
    t.log(await bob.join(['b', 'c']));
    io.to('c').emit('in c');
    await t.settled();
  }),
  leave: remote(async (bob, { t, io }) => {
    bob.join('b');
    t.log(await bob.leave('b'));
    io.to('b').emit('nobody');
    await t.settled();
  }),
  disconnect: remote(async (bob, { t }) => {
    t.log(bob.disconnect(true) === bob);
    await t.when(() => !t.client('bob').connected);
  }),
};

/** Has the client send something, and waits until the server's listeners have had it. */
const sent = ({ t, ann }: Stage, ...args: [string, ...unknown[]]): Promise<void> =>
  new Promise((resolve) => {
    ann.once('~done', () => resolve());
    t.client('ann').emit(...args);
    t.client('ann').emit('~done');
  });

const SOCKET: Record<string, Row> = {
  nsp: ({ t, ann }) => t.log(ann.nsp === t.io),
  client: ({ t, ann }) => t.log(kindOf(ann.client), ann.client.conn === ann.conn),
  id: ({ t, ann }) => t.log(ann.id),
  recovered: ({ t, ann }) => t.log(ann.recovered),
  handshake: ({ t, ann }) => t.log(Object.keys(ann.handshake).toSorted()),
  data: ({ t, ann }) => t.log(ann.data),
  connected: ({ t, ann }) => t.log(ann.connected),
  disconnected: ({ t, ann }) => t.log(ann.disconnected),
  emit: call('ann', (ann) => ann.emit('said', 1, { two: 2 })),
  emitWithAck: async ({ t, ann }) => t.log(await ann.emitWithAck('ask', 1)),
  to: modifier(({ ann }) => ann.to('b')),
  in: modifier(({ ann }) => ann.in(['a', 'b'])),
  except: modifier(({ ann }) => ann.except('b')),
  send: call('ann', (ann) => ann.send('text')),
  write: call('ann', (ann) => ann.write('text')),
  join: async ({ t, ann }) => t.log(await ann.join(['c', 'd']), ann.rooms),
  leave: async ({ t, ann }) => t.log(await ann.leave('a'), ann.rooms),
  disconnect: async ({ t, ann }) => {
    t.log(ann.disconnect(true) === ann);
    await t.when(() => !t.client('ann').connected);
  },
  compress: call('ann', (ann) => ann.compress(false)),
  volatile: call('ann', (ann) => ann.volatile),
  broadcast: modifier(({ ann }) => ann.broadcast),
  local: modifier(({ ann }) => ann.local),
  timeout: async ({ t, ann }) => t.log(await ann.timeout(3000).emitWithAck('ask')),
  use: call('ann', (ann) => ann.use((_, next) => next())),
  request: ({ t, ann }) => t.log(ann.request.method, typeof ann.request.headers.host),
  conn: ({ t, ann }) => t.log(kindOf(ann.conn), ann.conn.readyState),
  rooms: ({ t, ann }) => t.log(kindOf(ann.rooms), ann.rooms),
  onAny: async (stage) => {
    stage.ann.onAny((event: string, ...args: unknown[]) => {
      if (event === 'e') stage.t.log('any', event, ...args);
    });
    await sent(stage, 'e', 1);
  },
  prependAny: async (stage) => {
    stage.ann.onAny((event: string) => event === 'e' && stage.t.log('second'));
    stage.ann.prependAny((event: string) => event === 'e' && stage.t.log('first'));
    await sent(stage, 'e', 1);
  },
  offAny: async (stage) => {
    stage.ann.onAny(() => stage.t.log('never'));
    stage.t.log(stage.ann.offAny() === stage.ann);
    await sent(stage, 'e', 1);
  },
  listenersAny: ({ t, ann }) => t.log(ann.onAny(nothing).listenersAny().length),
  onAnyOutgoing: async ({ t, ann, io }) => {
    const heard = (event: string, ...args: unknown[]): void => {
      if (!event.startsWith('~')) t.log('outgoing', event, ...args);
    };
    t.log(ann.onAnyOutgoing(heard) === ann);
    ann.emit('direct', 1);
    io.emit('to all', 2);
    io.to('a').emit('to a', 3);
    io.to('b').emit('to b', 4);
    await t.settled();
  },
  prependAnyOutgoing: async ({ t, ann }) => {
    ann.onAnyOutgoing((event: string) => event === 'e' && t.log('second'));
    ann.prependAnyOutgoing((event: string) => event === 'e' && t.log('first'));
    ann.emit('e');
    await t.settled();
  },
  offAnyOutgoing: async ({ t, ann }) => {
    ann.onAnyOutgoing(() => t.log('never'));
    t.log(ann.offAnyOutgoing() === ann);
    ann.emit('e');
    await t.settled();
  },
  listenersAnyOutgoing: ({ t, ann }) => t.log(ann.onAnyOutgoing(nothing).listenersAnyOutgoing().length),
  on: call('ann', (ann) => ann.on('x', nothing)),
  once: call('ann', (ann) => ann.once('x', nothing)),
  listeners: ({ t, ann }) => t.log(ann.on('x', nothing).listeners('x').length),
};

/** The rows, by the class and the member that they are about. */
export const MEMBERS: Readonly<Record<string, Record<string, Row>>> = {
  Server: SERVER,
  Namespace: NAMESPACE,
  BroadcastOperator: OPERATOR,
  RemoteSocket: REMOTE,
  Socket: SOCKET,
};

const caseOf = (title: string, row: Row): StockCase => ({
  title,
  // Stock warns of it where there is one node, and answers nothing.
  needsNodes: title.includes('serverSideEmit'),
  async run(t) {
    const own = `own${t.path}`;
    await Promise.all([t.join('ann'), t.join('bob', -1), t.join('eve', 0, { namespace: '/' })]);
    for (const name of ['ann', 'bob', 'eve']) {
      t.client(name).on('ask', (...args) => (args.at(-1) as (answer: string) => void)(`${name} says`));
    }
    const server = t.world.servers[0]!;
    await t.socket('ann').join('a');
    await t.socket('bob').join('b');
    await server.sockets.sockets.get(t.client('eve').id!)!.join(own);
    await t.world.known();
    await row({ t, server, io: t.io, ann: t.socket('ann') as unknown as Socket, own });
  },
});

export const api: StockCase[] = Object.entries(MEMBERS).flatMap(([name, rows]) =>
  Object.entries(rows).map(([member, row]) => caseOf(`${name}.${member}`, row)),
);
