import type { BroadcastOperator, Namespace } from 'socket.io';
import { each, type StockCase } from '../case.js';
import type { Scene } from '../worlds.js';

type Operator = BroadcastOperator<Record<string, (...args: unknown[]) => void>, unknown>;

/** ann and bob are in `a`, bob and cid in `b`, dan in none; the first node holds one of them, the last at least two. */
async function four(t: Scene): Promise<void> {
  await Promise.all([t.join('ann'), t.join('bob', 1), t.join('cid', -1), t.join('dan', -1)]);
  await t.socket('ann').join('a');
  await t.socket('bob').join(['a', 'b']);
  await t.socket('cid').join('b');
  await t.world.known();
}

const id = (t: Scene, name: string): string => t.client(name).id!;

interface Target {
  readonly text: string;
  of(from: Namespace, t: Scene): Operator;
}

/** Every way to say who is meant. */
const TARGETS: readonly Target[] = [
  { text: 'to(a)', of: (io) => io.to('a') as Operator },
  { text: 'in(a)', of: (io) => io.in('a') as Operator },
  { text: 'to([a, b])', of: (io) => io.to(['a', 'b']) as Operator },
  { text: 'to(a).to(b)', of: (io) => io.to('a').to('b') as Operator },
  { text: 'to(a).except(b)', of: (io) => io.to('a').except('b') as Operator },
  { text: 'except(a)', of: (io) => io.except('a') as Operator },
  { text: 'except([a, b])', of: (io) => io.except(['a', 'b']) as Operator },
  { text: 'to(id)', of: (io, t) => io.to(id(t, 'cid')) as Operator },
  { text: 'to([id, a])', of: (io, t) => io.to([id(t, 'cid'), 'a']) as Operator },
  { text: 'except(id)', of: (io, t) => io.except(id(t, 'bob')) as Operator },
  { text: 'to(a).except(id)', of: (io, t) => io.to('a').except(id(t, 'bob')) as Operator },
  { text: 'to(nowhere)', of: (io) => io.to('nowhere') as Operator },
  { text: 'to([])', of: (io) => io.to([]) as Operator },
  {
    text: 'to(a, id of another)',
    of: (io, t) => io.to('a').to(id(t, 'dan')).except(id(t, 'ann')) as Operator,
  },
  { text: 'volatile.to(a)', of: (io) => io.volatile.to('a') as Operator },
  { text: 'compress(false).to(a)', of: (io) => io.compress(false).to('a') as Operator },
  { text: 'compress(true).except(b)', of: (io) => io.compress(true).except('b') as Operator },
  { text: 'local.to([a, b])', of: (io) => io.local.to(['a', 'b']) as Operator },
  { text: 'local', of: (io) => io.local as Operator },
  { text: 'timeout(1000).to(a)', of: (io) => io.timeout(1000).to('a') as unknown as Operator },
];

/** Arguments of every kind. */
const ARGUMENTS: readonly (readonly unknown[])[] = [
  [],
  [1, 'two', true, null],
  [{ a: { b: [1, { c: null }] } }],
  [[1, 2], [3]],
  [Buffer.from('bytes'), 'and text'],
  [{ deep: [Buffer.from([0, 255])] }, Buffer.alloc(0)],
  [new Date(0)],
  [undefined, 1],
  [Number.NaN, Infinity],
  ['\u0000 \ud83d\ude00 "quoted"'],
  [{ toJSON: () => 'as JSON' }],
  [new Uint8Array([1, 2, 3])],
];

/** What an app does to all sockets of a target. */
const DEEDS: readonly { readonly text: string; do(operator: Operator, t: Scene): Promise<void> | void }[] = [
  {
    text: 'emit',
    async do(operator, t) {
      t.log(operator.emit('news', 1, { two: 2 }));
      await t.settled();
    },
  },
  {
    text: 'fetchSockets',
    async do(operator, t) {
      const found = await operator.fetchSockets();
      t.log(
        found
          .map(({ id: socketId, rooms }) => `${nameOf(t, socketId)} ${[...rooms].slice(1).join()}`)
          .toSorted(),
      );
    },
  },
  {
    text: 'socketsJoin',
    async do(operator, t) {
      operator.socketsJoin(['c', 'd']);
      // The same node says so afterwards: whoever is in the room has come in before.
      t.io.to('c').emit('in c');
      t.io.to('d').emit('in d');
      await t.settled();
    },
  },
  {
    text: 'socketsLeave',
    async do(operator, t) {
      operator.socketsLeave('a');
      t.io.to('a').emit('still in a');
      await t.settled();
    },
  },
  {
    text: 'disconnectSockets',
    async do(operator, t) {
      operator.disconnectSockets();
      t.io.emit('still here');
      await t.settled();
    },
  },
];

const NAMES = ['ann', 'bob', 'cid', 'dan'];
const nameOf = (t: Scene, socketId: string): string => NAMES.find((name) => id(t, name) === socketId) ?? '?';

export const broadcast: StockCase[] = [
  ...each(TARGETS, ({ text, of }) =>
    each(DEEDS, (deed) => ({
      title: `io.${text}: ${deed.text}`,
      async run(t) {
        await four(t);
        await deed.do(of(t.io, t), t);
      },
    })),
  ),
  ...each(ARGUMENTS, (args, index) => [
    {
      title: `io.emit with arguments ${index}`,
      async run(t: Scene) {
        await Promise.all([t.join('ann'), t.join('bob', 1)]);
        t.io.emit('args', ...args);
        await t.settled();
        t.socket('bob').broadcast.emit('args', ...args);
        await t.settled();
        t.socket('bob').emit('args', ...args);
        await t.settled();
      },
    },
  ]),
  ...each(
    ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'],
    (event): StockCase => ({
      title: `emit of the reserved name ${event}`,
      oneNodeOnly: true,
      async run(t) {
        await t.join('ann');
        for (const emitter of [t.io, t.io.to('a'), t.socket('ann')]) {
          try {
            (emitter as Namespace).emit(event);
            t.log('not refused');
          } catch (failure) {
            t.log(failure);
          }
        }
      },
    }),
  ),
  {
    title: 'broadcast flags of a socket',
    async run(t) {
      await four(t);
      const ann = t.socket('ann');
      ann.broadcast.emit('all others');
      await t.settled();
      ann.to('a').emit('others in a');
      await t.settled();
      ann.in('b').emit('those in b');
      await t.settled();
      ann.except('b').emit('but those in b');
      await t.settled();
      ann.to('a').except(id(t, 'bob')).emit('nobody');
      ann.volatile.emit('itself');
      await t.settled();
      ann.compress(false).emit('itself again');
      ann.local.emit('this node');
      await t.settled();
    },
  },
  {
    title: 'send and write',
    async run(t) {
      await four(t);
      t.io.send('to all', 1);
      await t.settled();
      t.io.write('to all', 2);
      await t.settled();
      t.socket('bob').send('to one');
      t.socket('bob').write('to one', 2);
      await t.settled();
    },
  },
  {
    title: 'io.emit, and then socket.emit, of the node that holds the socket',
    needsNodes: true,
    differs: 'S7',
    async run(t) {
      await t.join('ann');
      t.io.emit('first');
      t.socket('ann').emit('second');
      await t.settled();
    },
  },
  {
    title: 'an operator that is kept and used again',
    async run(t) {
      await four(t);
      const kept = t.io.to('a');
      kept.except('b').emit('narrowed');
      await t.settled();
      kept.emit('as it was');
      await t.settled();
      kept.emit('again');
      await t.settled();
    },
  },
  {
    title: 'many emits of one node keep their order',
    async run(t) {
      await four(t);
      for (let each = 0; each < 50; each++) {
        if (each % 3 === 0) t.io.emit('n', each);
        else if (each % 3 === 1) t.io.to('a').emit('n', each);
        else t.io.to(['a', 'b']).emit('n', each);
      }
      await t.settled();
    },
  },
  {
    title: 'packetCreate is told of broadcasts and of what one socket is sent',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const { conn } = t.socket('ann');
      conn.on('packetCreate', ({ type, data }: { type: string; data: unknown }) => t.log(type, data));
      t.io.emit('to all', 1);
      t.io.to(id(t, 'ann')).emit('to one', 2);
      t.socket('ann').emit('direct', 3);
      await t.settled();
    },
  },
  {
    title: 'onAnyOutgoing hears broadcasts and direct emits',
    showsCursor: true,
    async run(t) {
      await four(t);
      const ann = t.socket('ann');
      const heard = (...args: unknown[]): void => {
        if (!String(args[0]).startsWith('~')) t.log('outgoing', ...args);
      };
      ann.onAnyOutgoing(heard);
      ann.prependAnyOutgoing((...args: unknown[]) => {
        if (!String(args[0]).startsWith('~')) t.log('first', args[0]);
      });
      t.io.emit('to all', 1);
      await t.settled();
      t.last.to('a').emit('to a', 2);
      await t.settled();
      ann.emit('direct', 3);
      t.log(ann.listenersAnyOutgoing().length);
      ann.offAnyOutgoing(heard);
      t.log(ann.listenersAnyOutgoing().length);
      ann.emit('direct again');
      await t.settled();
      ann.offAnyOutgoing();
      t.log(ann.listenersAnyOutgoing().length);
    },
  },
  {
    title: 'what one node does in one turn is done in that order: emit, then disconnect',
    async run(t) {
      await four(t);
      for (const name of ['cid', 'ann']) {
        t.io.to(id(t, name)).emit('kicked', name);
        t.io.in(id(t, name)).disconnectSockets(true);
      }
      await t.when(() => !t.client('cid').connected && !t.client('ann').connected);
    },
  },
  {
    title: 'what one node does in one turn is done in that order: emit to a room, then leave it',
    async run(t) {
      await four(t);
      t.io.to('a').emit('closing');
      t.io.in('a').socketsLeave('a');
      t.io.to('a').emit('nobody');
      await t.settled();
    },
  },
  {
    title: 'what one node does in one turn is done in that order: join, then emit',
    async run(t) {
      await four(t);
      t.io.in('b').socketsJoin('game');
      t.io.to('game').emit('start');
      t.io.in('game').socketsLeave('b');
      t.io.to('b').emit('nobody');
      await t.settled();
    },
  },
  {
    title:
      'what one node does in one turn is done in that order: remote.emit, remote.join, remote.disconnect',
    async run(t) {
      await four(t);
      const found = (await t.io.fetchSockets()).find((each) => each.id === id(t, 'cid'))!;
      found.join('late');
      t.io.to('late').emit('hello');
      found.leave('b');
      t.io.to('b').emit('to b');
      found.emit('bye', 1);
      found.disconnect();
      await t.when(() => !t.client('cid').connected);
      await t.settled();
    },
  },
];
