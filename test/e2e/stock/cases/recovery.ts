import type { StockCase } from '../case.js';
import type { Scene } from '../worlds.js';

const RECOVERS = {
  auth: { recovery: true },
  reconnection: true,
  reconnectionDelay: 10,
  reconnectionDelayMax: 20,
} as const;

/** Connects a client that has had an event, which is where it comes back from. */
async function known(t: Scene, name: string): Promise<string> {
  const client = await t.join(name, 0, RECOVERS);
  t.socket(name).emit('first', 0);
  await t.settled();
  return client.id!;
}

/** Breaks its connection, has something done meanwhile, and waits until it is back. */
async function away(t: Scene, name: string, meanwhile: () => void): Promise<void> {
  const client = t.client(name);
  const { id } = client;
  const back = new Promise<void>((resolve) => client.once('connect', resolve));
  const gone = t.when(() => !t.io.sockets.has(id!));
  client.io.engine.close();
  await gone;
  meanwhile();
  await back;
  await t.when(() => t.io.sockets.has(client.id!));
}

export const recovery: StockCase[] = [
  {
    title: 'a client whose connection broke comes back as the same socket, with its rooms and its data',
    async run(t) {
      const before = await known(t, 'ann');
      const socket = t.socket('ann');
      socket.data = { cart: [1, 2] };
      await socket.join(['a', 'b']);
      await socket.leave('b');
      await away(t, 'ann', () => undefined);
      const after = t.socket('ann');
      t.log(t.client('ann').id === before, t.client('ann').recovered, after.recovered, after === socket);
      t.log(after.rooms, after.data);
      t.io.to('a').emit('to a', 1);
      await t.settled();
    },
  },
  {
    title: 'it gets what it missed, in order, and what was not for it not at all',
    async run(t) {
      const id = await known(t, 'ann');
      await t.socket('ann').join('a');
      await away(t, 'ann', () => {
        t.io.emit('to all', 1);
        t.io.to('a').emit('to a', 2);
        t.io.to('b').emit('to b', 3);
        t.io.to(id).emit('to one', 4);
        t.io.except('a').emit('but a', 5);
        t.io.to(['a', id]).emit('twice named', 6);
        t.io.volatile.emit('of the moment', 7);
        t.io.emit('last', 8);
      });
      await t.settled();
    },
  },
  {
    title: 'a client that the server disconnected is not recovered',
    async run(t) {
      await known(t, 'ann');
      t.socket('ann').disconnect();
      await t.when(() => !t.client('ann').connected);
      t.client('ann').connect();
      await t.when(() => t.client('ann').connected);
      t.log(t.client('ann').recovered);
    },
  },
  {
    title: 'a client that left is not recovered',
    async run(t) {
      await known(t, 'ann');
      t.client('ann').disconnect();
      await t.when(() => t.io.sockets.size === 0);
      t.client('ann').connect();
      await t.when(() => t.client('ann').connected && t.io.sockets.has(t.client('ann').id!));
      t.log(t.client('ann').recovered, t.socket('ann').recovered, t.socket('ann').rooms.size);
    },
  },
  {
    title: 'connection hooks run for one that is recovered',
    async run(t) {
      t.io.on('connection', (socket) => t.log('connection', socket.recovered, socket.rooms.has('a')));
      await known(t, 'ann');
      await t.socket('ann').join('a');
      await away(t, 'ann', () => undefined);
    },
  },
];
