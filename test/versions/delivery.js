/** Publications and requests across two builds. `here` is asked, `there` is the other node. */
import { Client, hears, hearsNoMore } from './client.js';
import { fresh, same } from './expectations.js';

export const DELIVERY = {
  async '[D1] [D4] a backend reaches sockets of both by room, user, socket and all, once and in order'({
    here,
    there,
    nodes,
  }) {
    const room = fresh('room');
    const [a, b, bystander] = await Promise.all([
      Client.on(here, { user: fresh('a') }),
      Client.on(there, { user: fresh('b') }),
      Client.on(there, { user: fresh('c') }),
    ]);
    for (const client of [a, b]) await client.join(room);
    const answers = [
      await here.emit({ rooms: [room] }, 1),
      await here.emit({ users: [a.user, b.user] }, 2),
      await here.emit({ sockets: [b.id, a.id] }, 3),
      await here.emit({ rooms: [room], users: [b.user], sockets: [a.id] }, 4),
      await here.emit({ rooms: [room] }, 'b only', { except: { users: [a.user] } }),
      await here.emit({ rooms: [room] }, 'a only', { except: { sockets: [b.id] } }),
      await here.emit({ rooms: [`user:${b.user}`] }, 'by the room of its user'),
      await here.emit({ all: true }, { $base64: 'AAEC' }, { except: { users: [bystander.user] } }),
    ];
    same(
      'matched',
      answers.slice(0, 6).map(({ matched }) => matched),
      [2, 2, 2, 2, 1, 1],
    );
    const bytes = [{ type: 'Buffer', data: [0, 1, 2] }];
    await hears(a, [1, 2, 3, 4, 'a only', ...bytes]);
    await hears(b, [1, 2, 3, 4, 'b only', 'by the room of its user', ...bytes]);
    for (const client of [a, b, bystander]) await hearsNoMore(client, nodes);
    return [a, b, bystander];
  },

  async '[M1] [M3] a client reaches members of both in a room, with its echo or without'({
    here,
    there,
    nodes,
  }) {
    const room = fresh('kept:room');
    const [a, b] = await Promise.all([
      Client.on(here, { user: fresh('a') }),
      Client.on(there, { user: fresh('b') }),
    ]);
    await a.join(room);
    await b.join(room, { meta: true });
    await a.ask('room:emit', { room, event: 'told', args: ['from a'] });
    await a.ask('room:emit', { room, event: 'told', args: ['to all'], echo: true });
    const { offset } = await a.ask('room:history', { room });
    same('the last offset', offset, 2);
    const metas = [(await b.next('told'))[1], (await b.next('told'))[1]];
    same(
      'offsets',
      metas.map((meta) => [meta.room, meta.offset]),
      [
        [room, 1],
        [room, 2],
      ],
    );
    await hears(a, ['to all']);
    for (const client of [a, b]) await hearsNoMore(client, nodes);
    return [a, b];
  },

  async '[D6] acknowledgements come from sockets of both, and who does not answer is missing'({
    here,
    there,
  }) {
    const [a, b, silent] = await Promise.all([
      Client.on(here, { user: fresh('a') }),
      Client.on(there, { user: fresh('b') }),
      Client.on(there, { user: fresh('s') }),
    ]);
    for (const client of [a, b]) client.socket.on('asked', (value, answer) => answer([client.user, value]));
    const users = [a, b, silent].map(({ user }) => user);
    const { responses, missing } = await here.ask('POST', '/emit', {
      to: { users },
      event: 'asked',
      data: { n: 1 },
      ack: { timeoutMs: 1500 },
    });
    same('responses', responses.map(({ args }) => args[0]).toSorted(), [
      [a.user, { n: 1 }],
      [b.user, { n: 1 }],
    ]);
    same('missing', missing, [{ socketId: silent.id, user: silent.user }]);
    const gone = await here.ask('POST', '/emit', {
      to: { sockets: ['nobodynobodynobody12'] },
      event: 'asked',
      ack: { timeoutMs: 1000 },
    });
    same('nobody', gone.missing, [{ socketId: 'nobodynobodynobody12', user: null }]);
    return [a, b, silent];
  },

  async '[D7] a request that is repeated at the other node takes effect once'({ here, there, nodes }) {
    const client = await Client.on(there, { user: fresh('a') });
    // 628e4dc takes what a node of later has carried out for another request; nothing is sent twice there either.
    const isAgain = (what, { status, body: answer }, should) => {
      if (!(there.isOlder && status === 409)) same(what, answer, should);
    };
    const headers = { 'idempotency-key': fresh('key') };
    const body = { to: { users: [client.user] }, event: 'told', data: 1 };
    const first = await here.ask('POST', '/emit', body, headers);
    isAgain('the answer', await there.asked('POST', '/emit', body, headers), first);
    same('another request', (await there.asked('POST', '/emit', { ...body, data: 2 }, headers)).status, 409);
    const batch = { commands: [{ emit: body }] };
    const key = { 'idempotency-key': fresh('key') };
    const one = await here.ask('POST', '/batch', batch, key);
    isAgain('the answer of a batch', await there.asked('POST', '/batch', batch, key), one);
    await hears(client, [1, 1]);
    await hearsNoMore(client, nodes);
    return [client];
  },
};
