/** What befalls two builds at once, or ends one of them; each is there again at the end. */
import { Client, hears } from './client.js';
import { becomes, fresh, membersOf, same } from './expectations.js';

export const TROUBLES = {
  async '[R4] [M4] [H6] when one dies, the other takes its sockets out and takes up its sessions'({
    here,
    there,
    redis,
  }) {
    const room = fresh('room');
    const kept = fresh('kept:room');
    const watcher = await Client.on(here, { user: fresh('w') });
    const client = await Client.on(there, { user: fresh('a') });
    const forgetful = await Client.on(there, { user: fresh('b'), recovery: false });
    await watcher.join(room, { presence: true });
    for (const each of [client, forgetful]) await each.join(room);
    await client.join(kept);
    const { id } = client;
    await here.emit({ sockets: [id] }, 'before');
    await hears(client, ['before']);
    await there.kill();
    for (const [index, to] of [
      { rooms: [room] },
      { rooms: [kept] },
      { users: [client.user] },
      { sockets: [id] },
    ].entries()) {
      await here.emit(to, index);
    }
    await becomes(
      'sockets',
      async () => (await here.get(`/sockets?room=${room}`)).items.map(({ user }) => user),
      [watcher.user],
    );
    await becomes('nodes', async () => (await here.get('/nodes')).items.length, 1);
    await client.next('disconnect');
    same('recovered', [await client.comeBackTo(here), client.id], [true, id]);
    await hears(client, [0, 1, 2, 3]);
    const told = [];
    while (!told.includes(forgetful.user)) told.push(...(await watcher.next('room:presence'))[0].left);
    same('who has left', told, [forgetful.user]);
    await there.start(redis);
    return [watcher, client];
  },

  async '[O2] who is sent away by a node that drains comes back to the other as the same socket'({
    here,
    there,
    redis,
  }) {
    const room = fresh('room');
    const client = await Client.on(there, { user: fresh('a') });
    await client.join(room);
    const { id } = client;
    await here.emit({ rooms: [room] }, 'before');
    await hears(client, ['before']);
    const stopped = there.gateway.stop();
    same('why', (await client.next('server:disconnect'))[0].code, 'server.draining');
    await client.next('disconnect');
    await here.emit({ rooms: [room] }, 'meanwhile');
    same('recovered', [await client.comeBackTo(here), client.id], [true, id]);
    await hears(client, ['meanwhile']);
    same('its exit code', await stopped, 0);
    await there.start(redis);
    return [client];
  },

  async '[O3] both write again what they hold when Redis has lost everything'({ here, there, nodes, redis }) {
    const room = fresh('kept:room');
    const clients = [
      await Client.on(here, { user: fresh('a') }),
      await Client.on(there, { user: fresh('b') }),
    ];
    for (const client of clients) await client.join(room, { presence: true });
    const users = clients.map(({ user }) => user).toSorted();
    await redis.ask((client) => client.flushall());
    await redis.ask((client) => client.script('FLUSH'));
    for (const node of nodes) {
      await becomes(`members by ${node.name}`, () => membersOf(node, room).catch(String), users);
      await becomes(`${node.name} is ready`, () => node.status(), 200);
    }
    for (const node of nodes) await node.emit({ rooms: [room] }, node.name);
    for (const client of clients)
      await hears(
        client,
        nodes.map(({ name }) => name),
      );
    return clients;
  },
};
