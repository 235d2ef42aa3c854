import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketGateway, type OnGatewayInit } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import {
  startGateway,
  type StartOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf, EAGER } from '../../support/client-matrix.js';
import { counted, startEmbedding } from '../../support/embedding.js';
import { RawPolling, RawWebSocket } from '../../support/raw-clients.js';
import { sendRaw } from '../../support/raw-http.js';
import { outcomeOf, pemOf, refusalOf, rsaKeyPair, sign } from '../../support/tokens.js';
import { until } from '../../support/until.js';

const CLIENTS = clientsOf([2, 4]);

const started: TestGateway[] = [];
const start = async (options: StartOptions): Promise<TestGateway> => {
  const gateway = await startGateway(options);
  started.push(gateway);
  return gateway;
};
afterEach(() => Promise.all(started.splice(0).map((gateway) => gateway.close())));

const tally = (outcomes: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
};

const TOO_MANY = {
  code: 'limit.sockets',
  message: expect.stringMatching(/sockets/),
  retryable: true,
  retryAfterMs: expect.any(Number),
};

describe('events per second', () => {
  const RATE_LIMIT = {
    code: 'limit.rate',
    message: 'more than 5 events per second',
    retryable: true,
    retryAfterMs: expect.any(Number),
  };

  it.each(CLIENTS)(
    '[Q1] are refused over the burst with the time to wait, after which they pass, v$version by $transport',
    async (how) => {
      const gateway = await start({ eventsPerSecond: 5, eventsBurst: 5 });
      const [fast, other] = [await gateway.connect(how), await gateway.connect(how)];
      const answers = await Promise.all(Array.from({ length: 10 }, () => fast.request('socket:info')));
      const refused = answers.filter(({ ok }) => !ok);
      expect(answers.slice(0, 5).every(({ ok }) => ok)).toBe(true);
      expect(refused.length).toBeGreaterThan(0);
      for (const { error } of refused) expect(error).toEqual(RATE_LIMIT);
      // Others are not affected, nor is what is sent to the one that is.
      for (let n = 0; n < 5; n++) expect(await other.request('socket:info')).toMatchObject({ ok: true });
      await gateway.broadcaster.toSockets(fast.id!).emit('news');
      await fast.next('news');

      const { retryAfterMs } = refused.at(-1)!.error as unknown as { retryAfterMs: number };
      expect(retryAfterMs).toBeGreaterThan(0);
      expect(retryAfterMs).toBeLessThanOrEqual(200);
      // What the client is told to do.
      await delay(retryAfterMs);
      expect(await fast.request('socket:info')).toMatchObject({ ok: true });
    },
  );

  it.each([undefined, 600])(
    '[Q1] do not keep a client from joining all its rooms when it is back, with %s rooms',
    async (maxRoomsPerSocket) => {
      const gateway = await start({ ...(maxRoomsPerSocket && { maxRoomsPerSocket }) });
      const rooms = Array.from({ length: maxRoomsPerSocket ?? 128 }, (_, number) => `room-${number}`);
      const client = await gateway.connect({
        client: { reconnection: true, reconnectionDelay: 10, randomizationFactor: 0 },
      });
      // As in a listener of `connect`: at once, the first time and after every break.
      const joinAll = () => Promise.all(rooms.map((room) => client.request('room:join', { room })));
      for (const answer of await joinAll()) expect(answer).toMatchObject({ ok: true });
      client.breakTransport();
      await client.next('disconnect');
      await client.next('connect');
      for (const answer of await joinAll()) expect(answer).toMatchObject({ ok: true });
    },
  );

  it('[Q1] [M1] tell a client that wants no acknowledgement by an exception', async () => {
    const gateway = await start({ eventsPerSecond: 5, eventsBurst: 5 });
    const client = await gateway.connect();
    for (let n = 0; n < 6; n++) client.emit('room:join', { room: 'lobby' });
    expect(await client.next('exception')).toEqual([RATE_LIMIT]);
  });

  it('[Q1] are counted per socket: a user has the rate on each', async () => {
    const gateway = await start({ eventsPerSecond: 1, eventsBurst: 2 });
    for (let n = 0; n < 3; n++) {
      const client = await gateway.connect({ auth: { user: 'ada' } });
      expect(await client.request('socket:info')).toMatchObject({ ok: true });
      expect(await client.request('socket:info')).toMatchObject({ ok: true });
    }
  });

  it('[Q1] [Q4] go on with the rate when a socket leaves and comes again in the same connection', async () => {
    const gateway = await start({ eventsPerSecond: 1, eventsBurst: 3 });
    const raw = await RawWebSocket.connect(gateway.url);
    for (let n = 0; n < 3; n++) {
      raw.send(`42${n}["socket:info"]`);
      expect(await raw.next('43')).toContain('"ok":true');
    }
    raw.send('41');
    await until('it has left', async () => (await gateway.registry.getStats()).sockets === 0);
    raw.send('40');
    await raw.next('40');
    for (let n = 3; n < 6; n++) raw.send(`42${n}["socket:info"]`);
    // On a slow machine the first of them may pass again.
    for (let n = 3; n < 5; n++) await raw.next('43');
    expect(await raw.next('43')).toContain('"code":"limit.rate"');
    raw.close();
  });

  it.each(CLIENTS)(
    '[Q4] far over the rate end the socket, which does not come back, v$version by $transport',
    async (how) => {
      const gateway = await start({ eventsPerSecond: 5, eventsBurst: 5 });
      const bystander = await gateway.connect(how);
      const flooder = await gateway.connect({ ...how, auth: { user: 'mallory' }, client: EAGER });
      for (let n = 0; n < 200; n++) flooder.emit('room:join', { room: 'lobby' });
      expect(await flooder.next('server:disconnect')).toEqual([
        { code: 'limit.rate', message: 'more than 5 events per second', retryable: false },
      ]);
      expect((await flooder.next('disconnect'))[0]).toBe('io server disconnect');
      expect(await gateway.registry.getUser('mallory')).toMatchObject({ online: false });
      expect(await counted(gateway, 'disconnections_total', { reason: 'limit.rate' })).toBe(1);
      await bystander.settled();
      expect(arrivedAt(bystander, 'disconnect')).toEqual([]);
      expect(arrivedAt(flooder, 'reconnect_attempt')).toEqual([]);
    },
  );

  it('[Q4] somewhat over the rate cost only what is too much', async () => {
    const gateway = await start({ eventsPerSecond: 5, eventsBurst: 5 });
    const client = await gateway.connect();
    const answers = await Promise.all(Array.from({ length: 40 }, () => client.request('socket:info')));
    expect(answers.filter(({ ok }) => ok).length).toBeGreaterThanOrEqual(5);
    expect(client.socket.connected).toBe(true);
  });
});

describe('sockets per user', () => {
  it.each(CLIENTS)(
    '[Q1] are refused over the limit until one has gone, v$version by $transport',
    async (how) => {
      const gateway = await start({ maxSocketsPerUser: 2 });
      const mine = { ...how, auth: { user: 'ada' } };
      const [first] = [await gateway.connect(mine), await gateway.connect(mine)];
      const refused = gateway.open(mine);
      expect(await refusalOf(refused)).toEqual(TOO_MANY);
      expect(arrivedAt(refused, 'connect')).toEqual([]);
      await gateway.connect({ ...how, auth: { user: 'bob' } });

      first.close();
      await until('the first has gone', async () => (await gateway.registry.getStats()).sockets === 2);
      await gateway.connect(mine);
      expect(await counted(gateway, 'refusals_total', { code: 'limit.sockets' })).toBe(1);
    },
  );

  it.each(CLIENTS)(
    '[Q1] are as many as allowed when thirty come at once, v$version by $transport',
    async (how) => {
      const gateway = await start({ maxSocketsPerUser: 3 });
      const clients = Array.from({ length: 30 }, () => gateway.open({ ...how, auth: { user: 'ada' } }));
      expect(tally(await Promise.all(clients.map(outcomeOf)))).toEqual({ in: 3, 'limit.sockets': 27 });
      expect((await gateway.registry.getUser('ada')).sockets).toHaveLength(3);
    },
  );

  it('[Q1] are as many as allowed when their tokens take a while to check', async () => {
    const { publicKey, privateKey } = rsaKeyPair();
    const gateway = await start({ jwtPublicKey: pemOf(publicKey), maxSocketsPerUser: 3 });
    const token = await sign({ sub: 'ada' }, { alg: 'RS256', key: privateKey });
    const clients = Array.from({ length: 30 }, () => gateway.open({ auth: { token } }));
    expect(tally(await Promise.all(clients.map(outcomeOf)))).toEqual({ in: 3, 'limit.sockets': 27 });
  });
});

/** An app whose own check takes several turns, and refuses whoever asks for it. */
@WebSocketGateway()
class SlowBouncer implements OnGatewayInit {
  afterInit(server: Server): void {
    server.use((socket, next) => {
      const { wish } = socket.handshake.auth;
      void delay(50).then(() => next(wish === 'refuse' ? new Error('members only') : undefined));
    });
  }
}

describe('sockets that an app takes its time to check', () => {
  it.each([{ maxSocketsPerUser: 3 }, { maxSocketsPerIp: 3 }, { maxConnections: 3 }])(
    '[Q1] [L2] keep their places meanwhile, and give them back when they do not get in: %j',
    async (options) => {
      const gateway = await startEmbedding({ options, providers: [SlowBouncer] });
      started.push(gateway);
      const open = (wish: string): TestClient => gateway.open({ auth: { user: 'ada', wish } });
      const outcomes = async (wish: string, count: number): Promise<Record<string, number>> =>
        tally(await Promise.all(Array.from({ length: count }, () => outcomeOf(open(wish)))));
      expect(await outcomes('refuse', 3)).toEqual({ 'access.denied': 3 });

      const impatient = Array.from({ length: 3 }, () => open('enter'));
      await Promise.all(
        impatient.map(({ socket }) => new Promise<void>((resolve) => socket.io.on('open', () => resolve()))),
      );
      expect(await outcomeOf(open('enter'))).toBe('limit.sockets');
      for (const client of impatient) client.close();
      await until('their places are free', async () => (await outcomes('refuse', 3))['access.denied'] === 3);

      expect(await outcomes('enter', 12)).toEqual({ in: 3, 'limit.sockets': 9 });
      expect(await gateway.registry.getStats()).toMatchObject({ sockets: 3 });
    },
  );
});

describe('sockets per address', () => {
  const openFrom = (gateway: TestGateway, forwarded: string | undefined, index = 0): TestClient =>
    gateway.open({
      ...CLIENTS[index % CLIENTS.length]!,
      client: { ...(forwarded && { extraHeaders: { 'X-Forwarded-For': forwarded } }) },
    });

  it('[Q1] are refused over the limit, whatever the client says of its address', async () => {
    const gateway = await start({ maxSocketsPerIp: 3 });
    const clients = Array.from({ length: 12 }, (_, n) =>
      openFrom(gateway, n % 3 ? `198.51.100.${n}` : undefined, n),
    );
    expect(tally(await Promise.all(clients.map(outcomeOf)))).toEqual({ in: 3, 'limit.sockets': 9 });
    const entries = await gateway.registry.getSockets({});
    expect(new Set(entries.items.map(({ address }) => address))).toEqual(new Set(['127.0.0.1']));
  });

  it('[Q1] are counted by the address that the trusted proxy saw', async () => {
    const gateway = await start({ maxSocketsPerIp: 2, trustedProxies: 1 });
    const outcomes = async (...headers: string[]): Promise<string[]> => {
      const results: string[] = [];
      for (const [n, header] of headers.entries())
        results.push(await outcomeOf(openFrom(gateway, header, n)));
      return results;
    };
    // What stands further left the client may have written itself.
    expect(await outcomes('203.0.113.7', '1.1.1.1, 203.0.113.7', '2.2.2.2, 203.0.113.7')).toEqual([
      'in',
      'in',
      'limit.sockets',
    ]);
    expect(await outcomes('203.0.113.8', '203.0.113.7, 203.0.113.8')).toEqual(['in', 'in']);
    // A subscriber has a whole /64.
    expect(await outcomes('2001:db8::1', '2001:db8::ffff:2', '2001:db8:0:0:1::3', '2001:db8:0:1::1')).toEqual(
      ['in', 'in', 'limit.sockets', 'in'],
    );
  });

  it('[Q1] are counted by the client’s address behind two proxies', async () => {
    const gateway = await start({ maxSocketsPerIp: 1, trustedProxies: 2 });
    expect(await outcomeOf(openFrom(gateway, '9.9.9.9, 203.0.113.7, 10.0.0.1'))).toBe('in');
    expect(await outcomeOf(openFrom(gateway, '8.8.8.8, 203.0.113.7, 10.0.0.2'))).toBe('limit.sockets');
    expect(await outcomeOf(openFrom(gateway, '203.0.113.8, 10.0.0.1'))).toBe('in');
  });

  it('[Q1] may be used again when they have gone', async () => {
    const gateway = await start({ maxSocketsPerIp: 1 });
    for (let n = 0; n < 8; n++) {
      const client = openFrom(gateway, undefined, n);
      expect(await outcomeOf(client)).toBe('in');
      client.close();
      await until('it has gone', async () => (await gateway.registry.getStats()).sockets === 0);
    }
  });

  it('[Q1] [Q5] are not multiplied by a connection that asks for many at once: it is closed', async () => {
    const gateway = await start({ maxSocketsPerIp: 1 });
    const polling = await RawPolling.open(gateway.url);
    await polling.post(Array.from({ length: 50 }, () => '40{}').join('\u001e'));
    expect(await polling.pollUntilGone()).not.toContain('40{"sid"');

    const webSocket = await RawWebSocket.open(gateway.url);
    for (let n = 0; n < 50; n++) webSocket.send('40{}');
    await webSocket.closed;
    expect(await gateway.registry.getStats()).toMatchObject({ sockets: 0, users: 0 });
    // And the place is free.
    expect(await outcomeOf(gateway.open())).toBe('in');
  });
});

describe('sockets and handshakes of a node', () => {
  it.each(CLIENTS)('[Q1] are refused over maxConnections, v$version by $transport', async (how) => {
    const gateway = await start({ maxConnections: 2 });
    const clients = Array.from({ length: 10 }, () => gateway.open(how));
    expect(tally(await Promise.all(clients.map(outcomeOf)))).toEqual({ in: 2, 'limit.sockets': 8 });
    clients.find(({ socket }) => socket.connected)!.close();
    await until('it has gone', async () => (await gateway.registry.getStats()).sockets === 1);
    expect(await outcomeOf(gateway.open(how))).toBe('in');
  });

  it('[Q1] are refused over handshakesPerSecond before anything is done for them', async () => {
    const gateway = await start({ handshakesPerSecond: 2 });
    const path = '/socket.io/?EIO=4&transport=polling';
    const answers = await Promise.all(Array.from({ length: 10 }, () => sendRaw(gateway.url, { path })));
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const { status, text } of refused) {
      expect(status).toBe(403);
      expect(text).toContain('limit.rate: too many handshakes per second');
    }
  });

  it.each(CLIENTS)(
    '[Q1] spread a storm: everyone gets in by and by, v$version by $transport',
    async (how) => {
      const gateway = await start({ handshakesPerSecond: 10 });
      const clients = Array.from({ length: 20 }, () =>
        gateway.open({ ...how, client: { ...EAGER, reconnectionDelay: 200, reconnectionDelayMax: 200 } }),
      );
      await Promise.all(clients.map((client) => client.next('connect', 25_000)));
      expect(await counted(gateway, 'refusals_total', { code: 'limit.rate' })).toBeGreaterThan(0);
    },
  );
});

describe('rooms per socket', () => {
  it.each(CLIENTS)('[Q1] are refused over the limit, v$version by $transport', async (how) => {
    const gateway = await start({ maxRoomsPerSocket: 2 });
    const client = await gateway.connect(how);
    const join = (room: string): Promise<object> => client.request('room:join', { room });
    expect([await join('a'), await join('b')]).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await join('c')).toEqual({
      ok: false,
      error: { code: 'limit.rooms', message: expect.stringContaining('2 rooms'), retryable: false },
    });
    expect(await join('a')).toMatchObject({ ok: true });
    await client.request('room:leave', { room: 'a' });
    expect(await join('c')).toMatchObject({ ok: true });
    expect((await client.request('socket:info'))['rooms']).toEqual(expect.arrayContaining(['b', 'c']));
  });

  it('[Q1] are refused over the limit when many are asked for at once', async () => {
    const gateway = await start({ maxRoomsPerSocket: 3 });
    const client = await gateway.connect();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => client.request('room:join', { room: `room:${n}` })),
    );
    expect(answers.filter(({ ok }) => ok)).toHaveLength(3);
  });
});

describe('what one user publishes into histories', () => {
  it('[Q7] is refused over its share with the time to wait, and nobody else and nothing else with it', async () => {
    const gateway = await start({
      history: [{ pattern: 'chat:*', size: 100, ttlMs: 3_600_000 }],
      maxHistoryBytes: 4_194_304,
      anonymous: true,
    });
    const [fills, other] = [await gateway.connect(), await gateway.connect()];
    for (const client of [fills, other]) {
      for (const room of ['chat:1', 'plain']) await client.request('room:join', { room });
    }
    const args = ['x'.repeat(90_000)];
    const emit = (client: TestClient, room: string, what: unknown[] = args) =>
      client.request('room:emit', { room, event: 'news', args: what });
    let refused;
    for (let number = 0; number < 30 && !refused; number++) {
      const answer = await emit(fills, 'chat:1');
      if (!answer.ok) refused = answer.error;
    }
    expect(refused).toEqual({
      code: 'limit.rate',
      message: expect.stringMatching(/histories/),
      retryable: true,
      retryAfterMs: expect.any(Number),
    });
    expect(await emit(fills, 'chat:1', ['a little'])).toMatchObject({ ok: false });
    expect(await emit(fills, 'plain')).toMatchObject({ ok: true });
    expect(await emit(other, 'chat:1', ['a little'])).toMatchObject({ ok: true });
  });
});

describe('what a read returns', () => {
  it('[Q8] is taken from the rate of the socket that asks, and from no other', async () => {
    const gateway = await start({
      history: [{ pattern: 'chat:*', size: 100, ttlMs: 3_600_000 }],
      eventsPerSecond: 1,
      eventsBurst: 20,
    });
    const [asks, other] = [await gateway.connect(), await gateway.connect()];
    for (const client of [asks, other]) await client.request('room:join', { room: 'chat:1' });
    const text = 'x'.repeat(50_000);
    for (let number = 0; number < 5; number++) await gateway.broadcaster.toRooms('chat:1').emit('news', text);
    const read = (limit: number) => asks.request('room:history', { room: 'chat:1', limit });
    expect(await read(5)).toMatchObject({ ok: true, publications: { length: 5 } });
    expect(await read(1)).toMatchObject({ ok: false, error: { code: 'limit.rate', retryable: true } });
    expect(await other.request('socket:info')).toMatchObject({ ok: true });
    // A small answer costs no more than any event.
    for (let number = 0; number < 5; number++) {
      expect(await other.request('room:members', { room: 'chat:1' })).toMatchObject({ ok: true });
    }
  });

  it('[Q8] is taken for what a join gives from a position on', async () => {
    const gateway = await start({
      history: [{ pattern: 'chat:*', size: 100, ttlMs: 3_600_000 }],
      eventsPerSecond: 1,
      eventsBurst: 20,
    });
    const client = await gateway.connect();
    const { epoch, offset } = await client.request('room:join', { room: 'chat:1' });
    await client.request('room:leave', { room: 'chat:1' });
    const text = 'x'.repeat(50_000);
    for (let number = 0; number < 5; number++) await gateway.broadcaster.toRooms('chat:1').emit('news', text);
    const join = () => client.request('room:join', { room: 'chat:1', since: { epoch, offset } });
    expect(await join()).toMatchObject({ ok: true, recovered: true, publications: { length: 5 } });
    expect(await join()).toMatchObject({ ok: false, error: { code: 'limit.rate', retryable: true } });
  });

  it('[Q8] is taken for lists of members too', async () => {
    const gateway = await start({ eventsPerSecond: 1, eventsBurst: 12, maxSocketsPerUser: 0 });
    const info = 'x'.repeat(900);
    const members = await Promise.all(
      Array.from({ length: 100 }, (_, index) => gateway.connect({ auth: { user: `u${index}`, info } })),
    );
    await Promise.all(members.map((client) => client.request('room:join', { room: 'x' })));
    const asks = await gateway.connect();
    await asks.request('room:join', { room: 'x' });
    expect(await asks.request('room:members', { room: 'x' })).toMatchObject({ ok: true, total: 101 });
    expect(await asks.request('room:members', { room: 'x' })).toMatchObject({
      error: { code: 'limit.rate' },
    });
  });
});

describe('a client that comes back', () => {
  it('[Q4] is not ended for what it has saved up while it was away: all of it is handled, in order', async () => {
    const gateway = await start({ eventsPerSecond: 200, eventsBurst: 20 });
    const client = await gateway.connect({
      auth: { user: 'ada' },
      client: { ...EAGER, reconnectionDelay: 200 },
    });
    const listener = await gateway.connect({ auth: { user: 'bob' } });
    await listener.request('room:join', { room: 'diary' });
    await client.request('room:join', { room: 'diary' });
    client.socket.io.engine.close();
    await client.next('disconnect');
    // Kept by the client until it is back; the room is its first wish then.
    client.socket.emit('room:join', { room: 'diary' });
    for (let n = 0; n < 400; n++)
      client.socket.emit('room:emit', { room: 'diary', event: 'line', args: [n] });
    await until('all have arrived', () => arrivedAt(listener, 'line').length === 400);
    expect(arrivedAt(listener, 'line').map(([n]) => n)).toEqual(Array.from({ length: 400 }, (_, n) => n));
    expect(client.socket.connected).toBe(true);
  });
});

describe('half-open connections of one user', () => {
  it('[Q1] give way: the oldest that does not answer a ping makes room, and living ones do not', async () => {
    const gateway = await start({ maxSocketsPerUser: 3 });
    const living = await gateway.connect({ auth: { user: 'ada' } });
    const silent = await RawPolling.connect(gateway.url, { user: 'ada' });
    const other = await gateway.connect({ auth: { user: 'ada' } });
    expect(await outcomeOf(gateway.open({ auth: { user: 'ada' } }))).toBe('in');
    expect((await silent.poll()).status).toBe(400);
    expect(living.socket.connected && other.socket.connected).toBe(true);
    expect(await outcomeOf(gateway.open({ auth: { user: 'ada' } }))).toBe('limit.sockets');
  });
});
