import { each, type StockCase } from '../case.js';

interface Named {
  readonly text: string;
  readonly room: unknown;
}

/** What apps have for rooms: SQL IDs, what a client sent, what was missing. */
const TRAVELS: readonly Named[] = [
  { text: 'a text', room: 'lobby' },
  { text: 'an empty text', room: '' },
  { text: 'a text with spaces and signs', room: 'Räum № 7\n' },
  { text: 'user:7', room: 'user:7' },
  { text: 'the name of the own user room', room: 'user:ann' },
  { text: 'a number', room: 5 },
  { text: 'zero', room: 0 },
  { text: 'a fraction', room: 1.5 },
  { text: 'null', room: null },
  { text: 'true', room: true },
  { text: 'a text like a socket ID', room: 'abcdefghijklmnopqrst' },
  { text: 'a text that begins with a control character', room: '\u0001n5' },
  { text: 'a text that begins with NUL', room: '\u0000presence:x' },
];

const ONE_NODE: readonly Named[] = [
  { text: 'undefined', room: undefined },
  { text: 'NaN', room: Number.NaN },
  { text: 'an object', room: { a: 1 } },
  { text: 'a function', room: () => 1 },
  { text: 'a symbol', room: Symbol('room') },
  { text: 'a bigint', room: 7n },
  { text: 'a Set', room: new Set(['x']) },
];

/** Socket.IO types rooms as texts and takes them as they are. */
const as = (room: unknown): string => room as string;

const cases = ({ text, room }: Named, oneNodeOnly: boolean): StockCase[] => [
  {
    title: `join, to().emit and leave with ${text}`,
    oneNodeOnly,
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob', 1), t.join('cid', 2)]);
      await t.socket('ann').join(as(room));
      await t.socket('bob').join(as(room));
      t.log(t.socket('ann').rooms, t.socket('ann').rooms.has(as(room)));
      t.io.to(as(room)).emit('one', 1);
      await t.settled();
      t.socket('bob').to(as(room)).emit('two', 2);
      await t.settled();
      await t.socket('ann').leave(as(room));
      t.last.to(as(room)).emit('three', 3);
      await t.settled();
      t.log(t.socket('ann').rooms);
    },
  },
  {
    title: `except(), in().fetchSockets() and allSockets() with ${text}`,
    oneNodeOnly,
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob', 1)]);
      await t.socket('ann').join(as(room));
      t.io.except(as(room)).emit('but those');
      await t.settled();
      t.last.except(as(room)).emit('but those from the last');
      await t.settled();
      const found = await t.last.in(as(room)).fetchSockets();
      t.log(found.map(({ id, rooms }) => [id, [...rooms]]));
      t.log(await t.io.in(as(room)).allSockets());
    },
  },
  {
    title: `socketsJoin and socketsLeave with ${text}`,
    oneNodeOnly,
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob', 1)]);
      t.last.socketsJoin(as(room));
      await t.when(() => ['ann', 'bob'].every((name) => t.socket(name).rooms.has(as(room))));
      t.io.to(as(room)).emit('both');
      await t.settled();
      t.io.in(t.client('bob').id!).socketsLeave(as(room));
      await t.when(() => !t.socket('bob').rooms.has(as(room)));
      t.io.to(as(room)).emit('one');
      await t.settled();
      t.log([...t.socket('ann').rooms], [...t.socket('bob').rooms]);
    },
  },
  {
    title: `adapter.rooms and sids, and what the adapter tells, with ${text}`,
    oneNodeOnly: true,
    async run(t) {
      for (const event of ['create-room', 'join-room', 'leave-room', 'delete-room']) {
        t.io.adapter.on(event, (...args: unknown[]) => t.log(event, ...args));
      }
      await t.join('ann');
      await t.socket('ann').join([as(room), as(room)]);
      t.log(t.io.adapter.rooms, t.io.adapter.sids);
      t.log(t.io.adapter.rooms.get(as(room)), t.io.adapter.socketRooms(t.client('ann').id!));
      t.client('ann').disconnect();
      await t.when(() => t.io.sockets.size === 0);
      t.log(t.io.adapter.rooms.size, t.io.adapter.sids.size);
    },
  },
  {
    title: `a client that is in ${text} ends`,
    oneNodeOnly: true,
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob')]);
      t.socket('ann').on('disconnecting', function (this: { rooms: Set<unknown> }) {
        t.log('disconnecting', this.rooms);
      });
      await t.socket('ann').join(as(room));
      await t.socket('bob').join(as(room));
      t.client('ann').disconnect();
      await t.when(() => t.io.sockets.size === 1);
      t.io.to(as(room)).emit('who is left');
      await t.settled();
    },
  },
];

export const rooms: StockCase[] = [
  ...each(TRAVELS, (named) => cases(named, false)),
  ...each(ONE_NODE, (named) => cases(named, true)),
  {
    title: 'leave all rooms but the own one',
    async run(t) {
      await Promise.all([t.join('ann', 0, { auth: { user: 'ann' } }), t.join('bob', 1)]);
      const socket = t.socket('ann');
      await socket.join(['a', 'b', 'c']);
      t.log([...socket.rooms][1], [...socket.rooms].length);
      for (const room of socket.rooms) if (room !== socket.id) await socket.leave(room);
      t.log(socket.rooms);
      t.io.to(['a', 'b', 'c']).emit('nobody');
      t.last.to(socket.id).emit('you');
      await t.settled();
    },
  },
  {
    title: 'an object that sockets of other nodes are put into',
    needsNodes: true,
    differs: 'S6',
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob', 1)]);
      t.io.socketsJoin(as({ id: 7 }));
      t.io.socketsJoin('after');
      await t.when(() => t.socket('bob').rooms.has('after'));
      t.log(t.socket('ann').rooms.size, t.socket('bob').rooms.size);
    },
  },
  {
    title: 'leave the own room too',
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      for (const room of socket.rooms) await socket.leave(room);
      t.log(socket.rooms, socket.connected);
      t.io.to(socket.id).emit('lost');
      t.io.emit('all');
      await t.settled();
      socket.emit('direct');
      await t.settled();
    },
  },
  {
    title: "another one joins the room of a socket's ID",
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob', 1), t.join('cid', 2)]);
      await t.socket('bob').join(t.client('ann').id!);
      for (const node of t.nodes) node.to(t.client('ann').id!).emit('both');
      await t.settled();
      t.socket('ann').to(t.client('ann').id!).emit('the other');
      await t.settled();
      t.log((await t.last.in(t.client('ann').id!).fetchSockets()).map(({ id }) => id).toSorted().length);
    },
  },
  {
    title: 'rooms and sids are a Set and a Map in every way',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      await socket.join(['a', 'b']);
      const { rooms, sids } = t.io.adapter;
      for (const set of [socket.rooms, rooms.get('a'), sids.get(socket.id)]) {
        t.log(set instanceof Set, Object.prototype.toString.call(set), set!.constructor === Set);
        t.log([...set!], structuredClone(set), JSON.stringify(set), Object.keys(set!));
        t.log(new Set(set).size, [...set!.entries()], [...set!.keys()], [...set!.values()]);
        const seen: unknown[] = [];
        set!.forEach((value, key, of) => seen.push(value, key, of === set));
        t.log(seen, Set.prototype.has.call(set, 'a'));
        const newer = Set.prototype as unknown as Record<
          string,
          ((other: Set<unknown>) => unknown) | undefined
        >;
        for (const name of ['union', 'intersection', 'isSubsetOf', 'difference', 'symmetricDifference']) {
          t.log(name, newer[name] ? newer[name].call(set, new Set(['a', 'x'])) : 'not here');
        }
      }
      for (const map of [rooms, sids] as Map<unknown, unknown>[]) {
        t.log(map instanceof Map, Object.prototype.toString.call(map), map.size);
        t.log([...map], [...map.keys()], [...map.values()], [...map.entries()]);
        const seen: unknown[] = [];
        map.forEach((value, key, of) => seen.push(value, key, of === map));
        t.log(seen, map.has('a'), map.get('nowhere'));
      }
    },
  },
  {
    title: 'a set of rooms that an app holds goes on changing',
    oneNodeOnly: true,
    async run(t) {
      await Promise.all([t.join('ann'), t.join('bob')]);
      const socket = t.socket('ann');
      const { rooms } = socket;
      await socket.join('a');
      const members = t.io.adapter.rooms.get('a')!;
      await t.socket('bob').join('a');
      t.log(rooms, members, rooms === socket.rooms, members === t.io.adapter.rooms.get('a'));
      await socket.leave('a');
      t.log(rooms, members);
      for (let each = 0; each < 40; each++) await socket.join(`many-${each}`);
      t.log(rooms.size, socket.rooms.size);
    },
  },
  {
    title: 'join and leave return as on stock',
    oneNodeOnly: true,
    async run(t) {
      await t.join('ann');
      const socket = t.socket('ann');
      t.log(
        await socket.join('a'),
        await socket.leave('a'),
        await socket.join(['b', 'c']),
        await socket.leave('never'),
      );
      t.log(socket.rooms);
    },
  },
  {
    title: 'a room that is joined in a middleware',
    async run(t) {
      for (const node of t.nodes)
        node.use((socket, next) => void Promise.resolve(socket.join('early')).then(() => next()));
      await t.join('ann', 1);
      t.log(t.socket('ann').rooms.has('early'));
      t.io.to('early').emit('found');
      await t.settled();
    },
  },
];
