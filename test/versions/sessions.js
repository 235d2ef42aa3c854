/** Histories and sessions that go from one build to the other. `here` is asked, `there` is the other node. */
import { Client, hears, hearsNoMore } from './client.js';
import { becomes, fresh, same } from './expectations.js';
import { WINDOW_MS } from './stage.js';

/** 628e4dc knows no `at`: it writes none and tells none. */
const asBothKnow = ({ publications, ...history }) => ({
  ...history,
  publications: publications.map((publication) => ({ ...publication, at: undefined })),
});

export const SESSIONS = {
  async '[H1] [H2] [H3] both write one history, and a client resumes on either'({ here, there, nodes }) {
    const room = fresh('kept:room');
    const client = await Client.on(there, { user: fresh('a') });
    const { epoch, offset } = await client.join(room, { meta: true });
    for (const [index, node] of [here, there, here, there].entries())
      await node.emit({ rooms: [room] }, index);
    await hears(client, [0, 1, 2, 3]);
    const [one, other] = await Promise.all(nodes.map((node) => node.get(`/rooms/${room}/history`)));
    same('histories', asBothKnow(one), asBothKnow(other));
    same(
      'offsets',
      one.publications.map((each) => each.offset),
      [1, 2, 3, 4],
    );
    const resumed = await Client.on(here, { user: fresh('b') });
    const answer = await resumed.join(room, { since: { epoch, offset: offset + 2 } });
    same('recovered', [answer.recovered, answer.publications.map(({ args }) => args)], [true, [[2], [3]]]);
    await here.ask('DELETE', `/rooms/${room}/history`);
    same('forgotten', (await there.get(`/rooms/${room}/history`)).publications, []);
    return [client, resumed];
  },

  async '[H1] [Q7] both write a history that is full'({ here, there }) {
    const room = fresh('few:room');
    const client = await Client.on(there, { user: fresh('a') });
    await client.join(room);
    const should = [1, 2, 3, 4, 5, 6, 7, 8];
    for (const number of should) await (number % 4 === 0 ? here : there).emit({ rooms: [room] }, number);
    await hears(client, should);
    const { offset, publications } = await here.get(`/rooms/${room}/history`);
    same('the history', [offset, publications.map(({ args }) => args[0])], [8, [7, 8]]);
    return [client];
  },

  async '[H4] [H6] a client that breaks off comes back to the other node as the same socket, and back again'({
    here,
    there,
    nodes,
  }) {
    const room = fresh('room');
    const kept = fresh('kept:room');
    const watcher = await Client.on(there, { user: fresh('w') });
    await watcher.join(room, { presence: true });
    const client = await Client.on(here, { user: fresh('a') });
    for (const each of [room, kept]) await client.join(each, { presence: true });
    await watcher.next('room:presence');
    const { id } = client;
    await here.emit({ sockets: [id] }, 'before');
    await hears(client, ['before']);
    for (const node of [there, here]) {
      await client.breakOff();
      await becomes('it is gone', async () => (await there.asked('GET', `/sockets/${id}`)).status, 404);
      const should = [];
      for (const from of nodes) {
        for (const to of [
          { rooms: [room] },
          { rooms: [kept] },
          { users: [client.user] },
          { sockets: [id] },
          { all: true },
        ]) {
          should.push(should.length);
          await from.emit(to, should.at(-1));
        }
      }
      same('recovered', [await client.comeBackTo(node), client.id], [true, id]);
      await hears(client, should);
      same('rooms', (await client.ask('socket:info')).rooms.toSorted(), [room, kept].toSorted());
      await hearsNoMore(client, nodes);
    }
    same('notices', watcher.all('room:presence'), []);
    return [client, watcher];
  },

  async '[M4] [H4] a watcher that moves is told of what it missed, and of what happens then, on either node'({
    here,
    there,
  }) {
    const room = fresh('room');
    const watcher = await Client.on(here, { user: fresh('w') });
    await watcher.join(room, { presence: true });
    const members = [
      await Client.on(here, { user: fresh('a') }),
      await Client.on(there, { user: fresh('b') }),
    ];
    const isTold = async (how, user) => {
      const [notice] = await watcher.next('room:presence');
      same(
        how,
        [notice.joined.map((each) => each.user), notice.left],
        how === 'joined' ? [[user], []] : [[], [user]],
      );
    };
    for (const node of [there, here]) {
      const { id } = watcher;
      await watcher.breakOff();
      await becomes('it is gone', async () => (await there.asked('GET', `/sockets/${id}`)).status, 404);
      await members[0].join(room);
      same('recovered', await watcher.comeBackTo(node), true);
      await isTold('joined', members[0].user);
      await members[1].join(room);
      await isTold('joined', members[1].user);
      for (const { user, ...member } of members) {
        await member.socket.emitWithAck('room:leave', { room });
        await isTold('left', user);
      }
    }
    return [watcher, ...members];
  },

  async '[M4] [H4] who does not come back is told of when the window is over'({ here, there }) {
    const room = fresh('room');
    const watchers = await Promise.all([here, there].map((node) => Client.on(node, { user: fresh('w') })));
    for (const watcher of watchers) await watcher.join(room, { presence: true });
    const client = await Client.on(there, { user: fresh('a') });
    await client.join(room);
    for (const watcher of watchers) {
      let users = [];
      while (!users.includes(client.user))
        users = (await watcher.next('room:presence'))[0].joined.map(({ user }) => user);
    }
    const from = performance.now();
    await client.breakOff();
    await Promise.all(
      watchers.map(async (watcher) =>
        same('left', (await watcher.next('room:presence'))[0].left, [client.user]),
      ),
    );
    same('not before the window is over', performance.now() - from > WINDOW_MS - 1_000, true);
    return watchers;
  },
};
