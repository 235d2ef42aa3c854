/** Who is there, who is told of it, and who is ended, across two builds. `here` is asked, `there` is the other node. */
import { Client, hears, signed } from './client.js';
import { becomes, fresh, membersOf, same } from './expectations.js';

export const PEOPLE = {
  async '[R1] [R2] [R3] both tell the same of who is there'({ here, there }) {
    const room = fresh('room');
    const [a, b] = await Promise.all([
      Client.on(here, { user: fresh('a'), info: { name: 'Ada' } }),
      Client.on(there, { user: fresh('b'), info: { name: 'Bob' } }),
    ]);
    for (const client of [a, b]) await client.join(room);
    const paths = [
      ...[a, b].flatMap(({ id, user }) => [`/sockets/${id}`, `/users/${user}`, `/sockets?user=${user}`]),
      `/sockets?room=${room}`,
      `/rooms/${room}`,
      `/rooms/${room}/members`,
      `/rooms?prefix=${room}`,
      '/users',
      '/sockets',
      '/stats',
    ];
    for (const path of paths) {
      await becomes(
        `${path} of ${here.name} and ${there.name}`,
        async () => {
          const [one, other] = await Promise.all([here.get(path), there.get(path)]);
          return JSON.stringify(one) === JSON.stringify(other) || [one, other];
        },
        true,
      );
    }
    const { items } = await here.get('/nodes');
    same('the number of nodes', items.length, 2);
    same('infos', (await here.get(`/rooms/${room}/members`)).items.map(({ info }) => info.name).toSorted(), [
      'Ada',
      'Bob',
    ]);
    same(
      'the page after the first',
      (
        await there.get(
          `/sockets?room=${room}&limit=1&cursor=${(await here.get(`/sockets?room=${room}&limit=1`)).next}`,
        )
      ).items.length,
      1,
    );
    return [a, b];
  },

  async '[M4] [M5] who watches is told who comes and leaves on the other node, once per user'({
    here,
    there,
  }) {
    const room = fresh('room');
    const watcher = await Client.on(here, { user: fresh('w') });
    await watcher.join(room, { presence: true });
    const user = fresh('m');
    const member = await Client.on(there, { user, info: { n: 1 } });
    const second = await Client.on(here, { user, info: { n: 1 } });
    await member.join(room);
    same('joined', (await watcher.next('room:presence'))[0].joined, [{ user, info: { n: 1 } }]);
    await second.join(room);
    await becomes('members', () => membersOf(here, room), [user, watcher.user].toSorted());
    const { members } = await watcher.ask('room:members', { room });
    same('sockets of the member', members.find((each) => each.user === user)?.sockets, 2);
    await second.ask('room:leave', { room });
    await member.ask('room:leave', { room });
    same('left', (await watcher.next('room:presence'))[0].left, [user]);
    same('more notices', watcher.all('room:presence'), []);
    return [watcher, member, second];
  },

  async '[A4] a backend puts sockets of the other node into rooms, takes them out and ends them'({
    here,
    there,
  }) {
    const room = fresh('room');
    const client = await Client.on(there, { user: fresh('a') });
    const other = await Client.on(there, { user: fresh('b') });
    await here.ask('PUT', `/sockets/${client.id}/rooms/${room}`);
    same('rooms', (await client.ask('socket:info')).rooms, [room]);
    await here.ask('PUT', `/users/${other.user}/rooms/${room}`);
    same('members', await membersOf(there, room), [client.user, other.user].toSorted());
    await here.emit({ rooms: [room] }, 'in');
    await hears(client, ['in']);
    await here.ask('DELETE', `/sockets/${client.id}/rooms/${room}`);
    same('rooms', (await client.ask('socket:info')).rooms, []);
    const { results } = await here.ask('POST', '/batch', {
      commands: [
        { leave: { user: other.user, room } },
        { emit: { to: { users: [other.user] }, event: 'told', data: 'out' } },
      ],
    });
    same(
      'results',
      results.map(({ ok }) => ok),
      [true, true],
    );
    await hears(other, ['in', 'out']);
    same('members', await membersOf(there, room), []);
    await here.ask('DELETE', `/sockets/${client.id}`);
    same('why', (await client.next('server:disconnect'))[0].code, 'kicked');
    await client.next('disconnect');
    same('it is gone', (await there.asked('GET', `/sockets/${client.id}`)).status, 404);
    same('ended', await here.ask('DELETE', `/users/${other.user}/sockets`), { disconnected: 1 });
    same('why', (await other.next('server:disconnect'))[0].code, 'kicked');
    return [client, other];
  },

  async '[A6] [A8] a block and revocations hold on the other node'({ here, there }) {
    const user = fresh('blocked');
    const client = await Client.on(there, { user });
    await here.ask('PUT', `/users/${user}/block`);
    same('why', (await client.next('server:disconnect'))[0].code, 'auth.revoked');
    for (const node of [here, there]) {
      const refused = new Client(node, { user });
      same('refused', (await refused.next('refused'))[0].code, 'auth.revoked');
      refused.close();
    }
    await here.ask('DELETE', `/users/${user}/block`);
    const again = await Client.on(there, { user });

    const jti = fresh('jti');
    const issued = Math.floor(Date.now() / 1000) - 60;
    const byId = await Client.on(there, { user: fresh('a'), token: signed({ sub: 'a', jti }) });
    const byTime = await Client.on(there, {
      user: fresh('b'),
      token: signed({ sub: `user-of-${jti}`, iat: issued }),
    });
    await here.ask('POST', '/tokens/revoke', { jti });
    same('why', (await byId.next('server:disconnect'))[0].code, 'auth.revoked');
    await here.ask('POST', '/tokens/revoke', { user: `user-of-${jti}`, issuedBefore: issued + 1 });
    same('why', (await byTime.next('server:disconnect'))[0].code, 'auth.revoked');
    return [client, again, byId, byTime];
  },

  async '[Q1] sockets of a user count on both nodes'({ here, there }) {
    const user = fresh('a');
    const clients = [
      await Client.on(here, { user }),
      await Client.on(there, { user }),
      await Client.on(here, { user }),
    ];
    const more = new Client(there, { user });
    same('refused', (await more.next('refused'))[0].code, 'limit.sockets');
    return [...clients, more];
  },
};
