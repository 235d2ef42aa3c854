import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import type { GatewaySocket } from 'switchboard-gateway';
import {
  startGateway as startOne,
  type Answer,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { Presence } from '../../../src/rooms/presence/presence.service.js';
import { arrivedAt } from '../../support/arrivals.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { byEngine } from '../../support/engine-under-test.js';
import { breakOff } from '../../support/recovering.js';
import { everythingIn, SECRET, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

interface Notice {
  room: string;
  joined: { user: string; info: unknown }[];
  left: string[];
}

const ROOM = 'lobby';
/** Long enough that no test waits for its end. */
const LONG_MS = 600_000;
/** Ends in a test, but not before what the test does in it. */
const SHORT_MS = 2_000;

const noticesAt = (client: TestClient): Notice[] =>
  arrivedAt(client, 'room:presence').map(([notice]) => notice as Notice);
/** All that a client was told, as `+ada -bob`. */
const toldTo = (client: TestClient): string =>
  noticesAt(client)
    .flatMap(({ joined, left }) => [
      ...joined.map(({ user }) => `+${user}`),
      ...left.map((user) => `-${user}`),
    ])
    .join(' ');
/** The gateway of the test. */
let presence: Presence;
const startGateway: typeof startOne = async (options) => {
  const gateway = await startOne(options);
  presence = gateway.app.get(Presence);
  return gateway;
};
/** The same until now, with what was being gathered. */
async function heardBy(client: TestClient): Promise<string> {
  await client.settled();
  await until('all that was gathered is told', () => presence.untoldCount === 0);
  await client.settled();
  return toldTo(client);
}
/** With other nodes a notice may come after the answer to whoever it is about. */
async function expectToHear(client: TestClient, what: string): Promise<void> {
  await until(`"${what}" was told`, () => toldTo(client).length >= what.length);
  expect(await heardBy(client)).toBe(what);
}
const nextNotice = async (client: TestClient): Promise<Notice> =>
  (await client.next('room:presence'))[0] as Notice;
const join = (client: TestClient, room = ROOM): Promise<Answer> => client.request('room:join', { room });
const watch = (client: TestClient, room = ROOM): Promise<Answer> =>
  client.request('room:join', { room, presence: true });
const heldBy = (gateway: TestGateway): number => gateway.app.get(Presence).heldCount;

@WebSocketGateway()
class DoorGateway {
  @SubscribeMessage('enter')
  async enter(@ConnectedSocket() socket: GatewaySocket, @MessageBody() room: string): Promise<void> {
    await socket.join(room);
  }

  @SubscribeMessage('exit')
  async exit(@ConnectedSocket() socket: GatewaySocket, @MessageBody() room: string): Promise<void> {
    await socket.leave(room);
  }
}

describe('presence', () => {
  let gateway: TestGateway;
  let watcher: TestClient;

  const connect = (user: string, more: object = {}): Promise<TestClient> =>
    gateway.connect({ auth: { user }, ...more });
  const breakAndHold = async (client: TestClient): Promise<void> => {
    client.breakTransport();
    await until('the user is held', () => heldBy(gateway) === 1);
  };
  const comeBack = async (client: TestClient): Promise<void> => {
    client.socket.open();
    await client.next('connect');
  };

  beforeEach(async () => {
    gateway = await startGateway({ recoveryWindowMs: LONG_MS, eventsBurst: 10_000, eventsPerSecond: 10_000 });
    watcher = await connect('watcher');
    expect(await watch(watcher)).toEqual({ ok: true, room: ROOM });
  });
  afterEach(() => gateway.close());

  it('[M4] tells who comes, with its info, and who leaves', async () => {
    const ada = await connect('ada', { auth: { user: 'ada', info: { name: 'Ada', tags: [1] } } });
    await join(ada);
    expect(await nextNotice(watcher)).toEqual({
      room: ROOM,
      joined: [{ user: 'ada', info: { name: 'Ada', tags: [1] } }],
      left: [],
    });
    await ada.request('room:leave', { room: ROOM });
    expect(await nextNotice(watcher)).toEqual({ room: ROOM, joined: [], left: ['ada'] });
  });

  it('[M4] tells it to clients of every generation, and to those that watch only', async () => {
    const [two, three] = [await connect('two', { version: 2 }), await connect('three', { version: 3 })];
    const silent = await connect('silent');
    await watch(two);
    await watch(three);
    await join(silent);
    await join(await connect('ada'));
    for (const client of [two, three, watcher]) {
      await until('ada is told of', () => toldTo(client).endsWith('+ada'));
    }
    await expectToHear(silent, '');
  });

  it('[M4] [M5] counts users: sockets in between are not mentioned', async () => {
    const [one, two, three] = [
      await connect('ada'),
      await connect('ada', { version: 2 }),
      await connect('ada', { transport: 'polling' }),
    ];
    for (const each of [one, two, three]) await join(each);
    await expectToHear(watcher, '+ada');
    const { members, total } = await watcher.request('room:members', { room: ROOM });
    expect(members).toEqual([
      { user: 'watcher', info: null, sockets: 1 },
      { user: 'ada', info: null, sockets: 3 },
    ]);
    expect(total).toBe(2);
    await one.request('room:leave', { room: ROOM });
    two.close();
    await until('two of three are out', async () => (await gateway.registry.getRoom(ROOM)).sockets === 2);
    await expectToHear(watcher, '+ada');
    await three.request('room:leave', { room: ROOM });
    await expectToHear(watcher, '+ada -ada');
  });

  it('[R5] a notice names users and no socket', async () => {
    const ada = await connect('ada');
    await join(ada);
    const notice = await nextNotice(watcher);
    expect(Object.keys(notice).toSorted()).toEqual(['joined', 'left', 'room']);
    expect(Object.keys(notice.joined[0]!).toSorted()).toEqual(['info', 'user']);
    expect(JSON.stringify(notice)).not.toContain(ada.id);
  });

  it('[M4] a watcher never hears of its own coming, and joins once however often it asks', async () => {
    await watch(watcher);
    await watch(watcher);
    await join(await connect('ada'));
    await expectToHear(watcher, '+ada');
  });

  it('[M4] a socket that is in the room already may begin to watch', async () => {
    const ada = await connect('ada');
    await join(ada);
    await join(await connect('bob'));
    await expectToHear(ada, '');
    await watch(ada);
    await join(await connect('cem'));
    await expectToHear(ada, '+cem');
  });

  it('[M4] [M5] who is held when a watcher asks who is there comes, for that one, when it returns', async () => {
    const other = await connect('other');
    await watch(other);
    const ada = await connect('ada');
    await join(ada);
    await expectToHear(watcher, '+other +ada');
    await breakAndHold(ada);
    const { members } = await watcher.request('room:members', { room: ROOM });
    expect((members as { user: string }[]).map(({ user }) => user)).toEqual(['watcher', 'other']);
    await comeBack(ada);
    await join(ada);
    expect(await heardBy(watcher)).toBe('+other +ada +ada');
    expect(await heardBy(other)).toBe('+ada');
  });

  it('[M4] of two that come in one turn each either hears of the other or finds it among the members', async () => {
    for (let round = 0; round < 20; round++) {
      const room = `round-${round}`;
      const [ada, bob] = [await connect('ada'), await connect('bob')];
      await Promise.all([watch(ada, room), watch(bob, room)]);
      for (const [each, other] of [
        [ada, 'bob'],
        [bob, 'ada'],
      ] as const) {
        const { members } = await each.request('room:members', { room });
        expect((members as { user: string }[]).map(({ user }) => user)).toContain(other);
        expect(['', `+${other}`]).toContain(await heardBy(each));
      }
      ada.close();
      bob.close();
    }
  });

  it('[M4] a burst is told in few notices, each user once, in the order in which they came', async () => {
    const clients = await Promise.all(Array.from({ length: 100 }, (_, n) => connect(`user-${n}`)));
    const commands = clients.map(({ id }) => ({ join: { room: ROOM, socketId: id } }));
    await gateway.http('POST', '/v1/batch', { commands });
    const users = Array.from({ length: 100 }, (_, n) => `+user-${n}`).join(' ');
    await expectToHear(watcher, users);
    // With other nodes each command of a batch waits until they know, so each has a turn of its own.
    const atMost = byEngine({ memory: 3, redis: clients.length });
    expect(noticesAt(watcher).length).toBeLessThanOrEqual(atMost);
    await gateway.http('POST', '/v1/batch', {
      commands: clients.map((_, n) => ({ leave: { room: ROOM, user: `user-${n}` } })),
    });
    await expectToHear(watcher, `${users} ${users.replaceAll('+', '-')}`);
    expect(noticesAt(watcher).length).toBeLessThanOrEqual(2 * atMost);
  });

  it('[M4] who comes and leaves at once may go unmentioned, but is never left over', async () => {
    const ada = await connect('ada');
    for (let n = 0; n < 50; n++) {
      ada.emit('room:join', { room: ROOM });
      ada.emit('room:leave', { room: ROOM });
    }
    await ada.settled();
    await join(await connect('bob'));
    await until('bob is told of', () => toldTo(watcher).includes('+bob'));
    // One notice may tell of both.
    const told = await heardBy(watcher);
    const heard = told.split(' ').filter((each) => each !== '+bob');
    expect(heard).toEqual(heard.map((_, index) => (index % 2 === 0 ? '+ada' : '-ada')));
    expect(heard.length % 2).toBe(0);
  });

  it('[M7] what a user who comes and goes makes a watcher receive is bounded', async () => {
    const before = performance.now();
    const ada = await connect('ada');
    for (let n = 0; n < 300; n++) {
      ada.emit('room:join', { room: ROOM });
      ada.emit('room:leave', { room: ROOM });
    }
    await ada.settled();
    // One after the other too: each in a turn of its own.
    for (let n = 0; n < 100; n++) {
      await ada.request('room:join', { room: ROOM });
      await ada.request('room:leave', { room: ROOM });
    }
    await heardBy(watcher);
    const { length } = noticesAt(watcher);
    // Two notices are 200 ms apart; timers are late at most.
    expect(length).toBeLessThanOrEqual((performance.now() - before) / 199 + 1);
  });

  it('[M7] changes of one moment are one notice', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, (_, n) => connect(`user-${n}`)));
    for (const client of clients) client.emit('room:join', { room: ROOM });
    await until('all were told of', () => toldTo(watcher).split(' ').length === 20);
    expect(noticesAt(watcher).length).toBeLessThan(10);
  });

  it('[M4] a watcher that joins and leaves at once hears nothing of a room that it is not in', async () => {
    const ada = await connect('ada');
    for (let n = 0; n < 20; n++) {
      ada.emit('room:join', { room: 'attic', presence: true });
      ada.emit('room:leave', { room: 'attic' });
    }
    await expectToHear(ada, '');
  });

  describe('leaving on purpose is told at once', () => {
    let ada: TestClient;
    beforeEach(async () => {
      ada = await connect('ada');
      await join(ada);
      await watcher.next('room:presence');
    });

    it.each<[string, () => unknown]>([
      ['room:leave', () => ada.request('room:leave', { room: ROOM })],
      ['disconnecting', () => ada.close()],
      ['being kicked', () => gateway.http('DELETE', `/v1/sockets/${ada.id}`)],
      ['being kicked as a user', () => gateway.http('DELETE', '/v1/users/ada/sockets')],
      ['being taken out by a backend', () => gateway.http('DELETE', `/v1/sockets/${ada.id}/rooms/${ROOM}`)],
      ['being blocked', () => gateway.http('PUT', '/v1/users/ada/block')],
    ])('[M4] %s', async (_, leave) => {
      await leave();
      expect(await nextNotice(watcher)).toEqual({ room: ROOM, joined: [], left: ['ada'] });
      expect(heldBy(gateway)).toBe(0);
    });

    it('[M4] a kick that lets the client come back is no leaving', async () => {
      const before = ada.next('disconnect');
      await gateway.http('DELETE', `/v1/sockets/${ada.id}?reconnect=true`);
      await before;
      await until('ada is held', () => heldBy(gateway) === 1);
      await expectToHear(watcher, '+ada');
      await join(await connect('ada'));
      await expectToHear(watcher, '+ada');
    });
  });

  describe('a broken connection', () => {
    it.each([
      ['4.x', { version: 4 as const }],
      ['3.x', { version: 3 as const }],
      ['2.x', { version: 2 as const }],
      ['2.x on polling', { version: 2 as const, transport: 'polling' as const }],
    ])('[M4] of a %s client that is back within the window goes unmentioned', async (_, options) => {
      const ada = await connect('ada', options);
      await join(ada);
      await breakAndHold(ada);
      await comeBack(ada);
      await join(ada);
      await until('nobody is held', () => heldBy(gateway) === 0);
      await expectToHear(watcher, '+ada');
    });

    it('[H4] [M4] of a client that recovers goes unmentioned, and it need not join again', async () => {
      const ada = await connect('ada', { auth: { user: 'ada', recovery: true } });
      await watch(ada);
      const { id } = ada;
      await breakAndHold(ada);
      await comeBack(ada);
      expect(ada.id).toBe(id);
      await until('nobody is held', () => heldBy(gateway) === 0);
      await join(await connect('bob'));
      await expectToHear(watcher, '+ada +bob');
      await expectToHear(ada, '+bob');
    });

    it('[M4] of a client that reconnects by itself goes unmentioned', async () => {
      const client = { reconnection: true, reconnectionDelay: 1, randomizationFactor: 0 };
      const ada = await connect('ada', { client });
      await join(ada);
      ada.breakTransport();
      await ada.next('connect');
      await join(ada);
      await expectToHear(watcher, '+ada');
    });

    it('[M4] of one socket of several goes unmentioned, and holds nobody', async () => {
      const [one, two] = [await connect('ada'), await connect('ada')];
      await join(one);
      await join(two);
      await expectToHear(watcher, '+ada');
      one.breakTransport();
      await until('one is gone', async () => (await gateway.registry.getRoom(ROOM)).sockets === 2);
      expect(heldBy(gateway)).toBe(0);
      await two.request('room:leave', { room: ROOM });
      await expectToHear(watcher, '+ada -ada');
    });

    it('[M4] another socket of the user ends the wait', async () => {
      const ada = await connect('ada');
      await join(ada);
      await expectToHear(watcher, '+ada');
      await breakAndHold(ada);
      const other = await connect('ada');
      await join(other);
      await until('nobody is held', () => heldBy(gateway) === 0);
      await other.request('room:leave', { room: ROOM });
      await expectToHear(watcher, '+ada -ada');
    });

    it('[M4] who began to watch meanwhile hears of the return', async () => {
      const ada = await connect('ada');
      await join(ada);
      await expectToHear(watcher, '+ada');
      await breakAndHold(ada);
      const late = await connect('late');
      await watch(late);
      const { members } = await late.request('room:members', { room: ROOM });
      expect((members as { user: string }[]).map(({ user }) => user)).toEqual(['watcher', 'late']);
      await join(await connect('ada'));
      await expectToHear(late, '+ada');
      await expectToHear(watcher, '+ada +late');
    });

    it('[H4] [M4] a watcher that recovers gets what it missed, also when it was the only one', async () => {
      const ada = await connect('ada', { auth: { user: 'ada', recovery: true } });
      await watch(ada, 'attic');
      const bob = await connect('bob');
      await join(bob, 'attic');
      await nextNotice(ada);
      // Nobody else watches this room; the gateway must not take that for nobody.
      const cem = await connect('cem');
      await breakOff(gateway, ada);
      await join(cem, 'attic');
      await bob.request('room:leave', { room: 'attic' });
      await comeBack(ada);
      await expectToHear(ada, '+bob +cem -bob');
    });
  });

  it('[M4] whoever leaves the room stops watching it', async () => {
    await watcher.request('room:leave', { room: ROOM });
    await join(await connect('ada'));
    await join(watcher);
    await join(await connect('bob'));
    await expectToHear(watcher, '');
  });

  it('[M4] whoever is taken out by a backend stops watching', async () => {
    await gateway.http('DELETE', `/v1/users/watcher/rooms/${ROOM}`);
    await gateway.http('PUT', `/v1/users/watcher/rooms/${ROOM}`);
    await join(await connect('ada'));
    await expectToHear(watcher, '');
  });

  it('[M4] rooms do not mix', async () => {
    await watch(watcher, 'attic');
    const ada = await connect('ada');
    await join(ada);
    await join(ada, 'attic');
    await join(ada, 'cellar');
    await until('both rooms were told', () => noticesAt(watcher).length === 2);
    ada.close();
    await until('all was told', () => noticesAt(watcher).flatMap(({ left }) => left).length === 2);
    const told = noticesAt(watcher).map(({ room, joined, left }) => [room, joined.length, left.length]);
    expect(told.toSorted()).toEqual([
      ['attic', 0, 1],
      ['attic', 1, 0],
      [ROOM, 0, 1],
      [ROOM, 1, 0],
    ]);
  });

  it('[M4] watching is no room: neither the registry nor the client sees one', async () => {
    const { rooms } = await watcher.request('socket:info');
    expect(rooms).toEqual([ROOM]);
    const { body } = await gateway.http<{ items: { room: string }[]; total: number }>('GET', '/v1/rooms');
    expect([body.items.map(({ room }) => room), body.total]).toEqual([[ROOM], 1]);
    expect((await gateway.http('GET', `/v1/sockets/${watcher.id}`)).body['rooms']).toEqual([ROOM]);
  });

  it('[M5] the members of a large room come in pages, each user once', async () => {
    const clients = await Promise.all(
      Array.from({ length: 250 }, (_, n) => connect(`user-${String(n % 125).padStart(3, '0')}`)),
    );
    await Promise.all(clients.map((client) => join(client)));
    await until('all were told of', () => toldTo(watcher).split(' ').length === 125);
    const seen: { user: string; sockets: number }[] = [];
    let cursor: string | null | undefined;
    do {
      const page = await watcher.request('room:members', {
        room: ROOM,
        limit: 40,
        ...(cursor && { cursor }),
      });
      expect(page['total']).toBe(126);
      seen.push(...(page['members'] as typeof seen));
      cursor = page['next'] as string | null;
    } while (cursor !== null);
    expect(new Set(seen.map(({ user }) => user)).size).toBe(126);
    expect(seen).toHaveLength(126);
    expect(seen.filter(({ sockets }) => sockets === 2)).toHaveLength(125);
    expect((await heardBy(watcher)).split(' ')).toHaveLength(125);
  });
});

describe('the end of the window', () => {
  let gateway: TestGateway;
  afterEach(() => gateway.close());

  it('[M4] whoever is not back by then has left, once, and those who watch since then are spared', async () => {
    gateway = await startGateway({ recoveryWindowMs: SHORT_MS });
    const [watcher, late, ada] = [
      await gateway.connect({ auth: { user: 'watcher' } }),
      await gateway.connect({ auth: { user: 'late' } }),
      await gateway.connect({ auth: { user: 'ada' } }),
    ];
    await watch(watcher);
    await join(ada);
    ada.breakTransport();
    await until('ada is held', () => heldBy(gateway) === 1);
    await watch(late);
    await until('ada was told', () => noticesAt(watcher).some(({ left }) => left.includes('ada')));
    await expectToHear(watcher, '+ada +late -ada');
    await expectToHear(late, '');
    expect(heldBy(gateway)).toBe(0);
    // Coming back later is coming.
    await join(await gateway.connect({ auth: { user: 'ada' } }));
    await expectToHear(watcher, '+ada +late -ada +ada');
    await expectToHear(late, '+ada');
  });

  it('[M4] many who are lost at the same time are told together', async () => {
    gateway = await startGateway({ recoveryWindowMs: 1_000 });
    const watcher = await gateway.connect({ auth: { user: 'watcher' } });
    await watch(watcher);
    const clients = await Promise.all(
      Array.from({ length: 60 }, (_, n) => gateway.connect({ auth: { user: `user-${n}` } })),
    );
    await Promise.all(clients.map((client) => join(client)));
    await watcher.settled();
    const before = noticesAt(watcher).length;
    for (const client of clients) client.breakTransport();
    await until('all were told', () => noticesAt(watcher).flatMap(({ left }) => left).length === 60);
    // Deadlines are kept by the quarter of a second.
    expect(noticesAt(watcher).length - before).toBeLessThan(20);
  });

  it('[M4] without a window a broken connection is told at once', async () => {
    gateway = await startGateway({ recoveryWindowMs: 0 });
    const [watcher, ada] = [
      await gateway.connect({ auth: { user: 'watcher' } }),
      await gateway.connect({ auth: { user: 'ada' } }),
    ];
    await watch(watcher);
    await join(ada);
    expect((await nextNotice(watcher)).joined).toHaveLength(1);
    ada.breakTransport();
    expect(await nextNotice(watcher)).toEqual({ room: ROOM, joined: [], left: ['ada'] });
    expect(heldBy(gateway)).toBe(0);
  });
});

describe('presence in secured mode', () => {
  let gateway: TestGateway;
  beforeEach(async () => {
    gateway = await startGateway({ jwtSecret: SECRET, recoveryWindowMs: LONG_MS });
  });
  afterEach(() => gateway.close());

  const connect = async (sub: string, caps: { room: string; allow: string[] }[]): Promise<TestClient> =>
    gateway.connect({ auth: { token: await sign({ sub, caps }) } });
  const only = (...allow: string[]) => [{ room: ROOM, allow }];

  it('[A2] [M4] needs the right to presence; without it the socket does not even join', async () => {
    const ada = await connect('ada', only('join'));
    expect(await watch(ada)).toMatchObject({ ok: false, error: { code: 'access.denied' } });
    expect((await ada.request('socket:info'))['rooms']).toEqual([]);
    expect(await join(ada)).toEqual({ ok: true, room: ROOM });
  });

  it('[A2] [M4] a room token may grant it', async () => {
    const ada = await connect('ada', []);
    const token = await sign({ sub: 'ada', room: ROOM, allow: ['join', 'presence'] });
    expect(await ada.request('room:join', { room: ROOM, token, presence: true })).toMatchObject({ ok: true });
    await join(await connect('bob', only('join')));
    await expectToHear(ada, '+bob');
  });

  it.each(['by itself', 'by a backend'])(
    '[A3] [M4] whoever loses the right to presence hears nothing more, and stays in the room it came into %s',
    async (how) => {
      const ada = await connect('ada', [everythingIn(ROOM)]);
      await watch(ada);
      if (how === 'by a backend') await gateway.http('PUT', `/v1/users/ada/rooms/${ROOM}`);
      const token = await sign({ sub: 'ada', caps: only('join') });
      expect(await ada.request('auth:refresh', { token })).toMatchObject({ ok: true });
      await join(await connect('bob', only('join')));
      await expectToHear(ada, '');
      expect((await ada.request('socket:info'))['rooms']).toEqual([ROOM]);
    },
  );

  it('[A3] [M4] whoever loses the right to presence does not hear of those either who were away when it began', async () => {
    const [ada, bob] = [await connect('ada', [everythingIn(ROOM)]), await connect('bob', only('join'))];
    // Without anybody who watches nothing would be told at all.
    await watch(await connect('watcher', [everythingIn(ROOM)]));
    await join(bob);
    bob.breakTransport();
    await until('bob is held', () => heldBy(gateway) === 1);
    await watch(ada);
    await ada.request('auth:refresh', { token: await sign({ sub: 'ada', caps: only('join') }) });
    await join(await connect('bob', only('join')));
    await expectToHear(ada, '');
  });

  it('[A3] [M4] whoever loses the room is told of to the others, at once', async () => {
    const [watcher, ada] = [
      await connect('watcher', [everythingIn(ROOM)]),
      await connect('ada', only('join')),
    ];
    await watch(watcher);
    await join(ada);
    await expectToHear(watcher, '+ada');
    await ada.request('auth:refresh', { token: await sign({ sub: 'ada', caps: [] }) });
    await expectToHear(watcher, '+ada -ada');
  });

  it('[A3] [M4] info is the token’s', async () => {
    const watcher = await connect('watcher', [everythingIn(ROOM)]);
    await watch(watcher);
    const token = await sign({ sub: 'ada', caps: only('join'), info: { name: 'Ada' } });
    const ada = await gateway.connect({ auth: { token, info: { name: 'someone else' } } });
    await join(ada);
    expect((await nextNotice(watcher)).joined).toEqual([{ user: 'ada', info: { name: 'Ada' } }]);
  });
});

describe('presence in an embedding app', () => {
  afterEach(closeEmbeddings);

  it('[M4] tells of what the app does with its sockets itself', async () => {
    const gateway = await startEmbedding({ providers: [DoorGateway] });
    presence = gateway.app.get(Presence);
    const [watcher, ada] = [
      await gateway.connect({ auth: { user: 'watcher' } }),
      await gateway.connect({ auth: { user: 'ada' } }),
    ];
    await watch(watcher);
    await ada.request('enter', ROOM);
    await expectToHear(watcher, '+ada');
    await ada.request('exit', ROOM);
    await expectToHear(watcher, '+ada -ada');
  });
});
