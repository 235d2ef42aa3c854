import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { createClient } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { EAGER } from '../../support/client-matrix.js';
import { bodyOf, Cluster, emitTo } from '../../support/cluster.js';
import { leadTo } from '../../support/other-node.js';
import { RawPolling } from '../../support/raw-clients.js';
import { breakOff, comeBack, sessionOf } from '../../support/recovering.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { ServiceProcess } from '../../support/service-process.js';
import { until } from '../../support/until.js';

const RECOVERY = { recovery: true };

/** The first arguments that came under a name, once everything up to `end` is there. */
async function cameUpTo(end: string, client: TestClient, event = 'said'): Promise<unknown[]> {
  await client.next(end);
  return arrivedAt(client, event).map(([first]) => first);
}

describeWithRedis('coming back to another node', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;

  beforeEach(async () => {
    cluster = await Cluster.start({ history: 'chat:*=100/1h' });
    ({ a, b } = cluster);
  });
  afterEach(() => cluster.close());

  it.each(['websocket', 'polling'] as const)(
    '[H4] [H6] a client gets its ID, rooms, user and everything it missed once and in order, by %s',
    async (transport) => {
      const client = await a.connect({ auth: { user: 'ada', ...RECOVERY }, transport });
      for (const room of ['lobby', 'chat:1']) await client.request('room:join', { room });
      const targets = (): object[] => [
        { rooms: ['lobby'] },
        { rooms: ['chat:1', 'lobby'] },
        { users: ['ada'] },
        { sockets: [client.id] },
        { all: true },
      ];
      const to = targets();
      let number = 0;
      const publish = async (): Promise<void> => {
        for (const target of to) for (const node of [a, b]) await emitTo(node, target, 'said', [++number]);
      };
      await publish();
      const id = await breakOff(a, client);
      await publish();
      await emitTo(a, { rooms: ['elsewhere'] }, 'said', ['not for it']);
      leadTo(b, client);
      expect(await comeBack(client)).toBe(true);
      expect(client.id).toBe(id);
      await publish();
      await emitTo(a, { users: ['ada'] }, 'end');
      expect(await cameUpTo('end', client)).toEqual(Array.from({ length: number }, (_, index) => index + 1));
      const { node, ...info } = await client.request('socket:info');
      expect(info).toMatchObject({ socketId: id, user: 'ada', recovered: true });
      expect((info['rooms'] as string[]).toSorted()).toEqual(['chat:1', 'lobby']);
      for (const asked of [a, b]) {
        expect(await bodyOf(asked.http('GET', `/v1/sockets/${id}`))).toMatchObject({ node, user: 'ada' });
      }
    },
  );

  it('[H4] [H6] a client that changes the node again and again while both publish misses nothing', async () => {
    const client = await a.connect({ auth: { user: 'ada', ...RECOVERY } });
    await client.request('room:join', { room: 'lobby' });
    let isOver = false;
    const publish = async (node: TestGateway, name: string): Promise<number> => {
      let number = 0;
      while (!isOver) await emitTo(node, { rooms: ['lobby'] }, 'said', [`${name} ${++number}`]);
      return number;
    };
    const publishing = Promise.all([publish(a, 'a'), publish(b, 'b')]);
    for (let round = 0; round < 12; round++) {
      await client.next('said');
      leadTo(round % 2 ? a : b, client);
      client.breakTransport();
      await client.next('disconnect');
      expect(await comeBack(client)).toBe(true);
    }
    isOver = true;
    const counts = await publishing;
    await emitTo(b, { rooms: ['lobby'] }, 'end');
    const got = (await cameUpTo('end', client)) as string[];
    for (const [index, name] of ['a', 'b'].entries()) {
      expect(got.filter((each) => each.startsWith(name))).toEqual(
        Array.from({ length: counts[index]! }, (_, nth) => `${name} ${nth + 1}`),
      );
    }
  });

  it('[H4] [H6] what a backend does to a user on another node while its client is away is not undone', async () => {
    const [taken, kicked] = [
      await a.connect({ auth: { user: 'ada', ...RECOVERY } }),
      await a.connect({ auth: { user: 'bob', ...RECOVERY } }),
    ];
    for (const client of [taken, kicked]) {
      for (const room of ['lobby', 'chat:1']) await client.request('room:join', { room });
    }
    const [takenId, kickedId] = [await breakOff(a, taken), await breakOff(a, kicked)];
    await bodyOf(b.http('DELETE', '/v1/users/ada/rooms/lobby'), 204);
    expect(await bodyOf(b.http('DELETE', '/v1/users/bob/sockets'))).toEqual({ disconnected: 0 });
    await emitTo(a, { rooms: ['lobby'] }, 'said', [-1]);
    await emitTo(a, { rooms: ['chat:1'] }, 'said', [1]);
    expect(await comeBack(taken)).toBe(true);
    expect(taken.id).toBe(takenId);
    leadTo(b, kicked);
    expect(await comeBack(kicked)).toBe(false);
    expect(kicked.id).not.toBe(kickedId);
    expect(await taken.request('socket:info')).toMatchObject({ rooms: ['chat:1'] });
    expect(await kicked.request('socket:info')).toMatchObject({ rooms: [] });
    for (const user of ['ada', 'bob']) await emitTo(b, { users: [user] }, 'end');
    expect(await cameUpTo('end', taken)).toEqual([1]);
    expect(await cameUpTo('end', kicked)).toEqual([]);
  });

  it('[H6] a session that is taken to another node ends the socket that it was on, without a word', async () => {
    const first = await a.connect({ auth: { user: 'ada', ...RECOVERY } });
    await first.request('room:join', { room: 'lobby' });
    await emitTo(b, { rooms: ['lobby'] }, 'said', [1]);
    await first.next('said');
    const { id } = first;
    const second = await b.connect({ auth: { user: 'ada', ...RECOVERY, ...sessionOf(first) } });
    expect(second.id).toBe(id);
    await first.next('disconnect');
    expect(arrivedAt(first, 'server:disconnect')).toEqual([]);
    expect(await emitTo(a, { rooms: ['lobby'] }, 'said', [2])).toBe(1);
    expect(await second.next('said')).toEqual([2, expect.any(String)]);
    for (const node of [a, b]) {
      expect(await bodyOf(node.http('GET', '/v1/sockets'))).toMatchObject({
        total: 1,
        items: [{ socketId: id }],
      });
    }
  });

  it('[O2] when a node drains, clients are back on the other one and nothing is lost', async () => {
    const clients = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        a.connect({
          auth: { user: `u-${index}`, ...RECOVERY },
          transport: index % 2 ? 'polling' : 'websocket',
          client: EAGER,
        }),
      ),
    );
    for (const client of clients) await client.request('room:join', { room: 'lobby' });
    await emitTo(b, { rooms: ['lobby'] }, 'said', [1]);
    for (const client of clients) await client.next('said');
    leadTo(b, ...clients);
    let isClosed = false;
    const closing = a.app.close().then(() => (isClosed = true));
    let number = 1;
    while (!isClosed) await emitTo(b, { rooms: ['lobby'] }, 'said', [++number]);
    await closing;
    for (const client of clients) {
      await client.next('connect');
      expect(arrivedAt(client, 'server:disconnect')).toMatchObject([[{ code: 'server.draining' }]]);
    }
    await emitTo(b, { rooms: ['lobby'] }, 'end');
    for (const client of clients) {
      expect(await cameUpTo('end', client)).toEqual(Array.from({ length: number }, (_, index) => index + 1));
    }
    expect(await bodyOf(b.http('GET', '/v1/stats'))).toMatchObject({ sockets: 20, nodes: 1 });
  });
});

describeWithRedis('when a node is killed', () => {
  it('[H6] [R4] its clients get everything on another one, and its other sockets are gone after its lease', async () => {
    const redis = await TestRedis.start();
    const env = {
      SWITCHBOARD_REDIS_URL: redis.url,
      SWITCHBOARD_NODE_LEASE_MS: '2000',
      SWITCHBOARD_RECOVERY_WINDOW_MS: '60000',
      SWITCHBOARD_DRAIN_WINDOW_MS: '100',
    };
    const [dying, other] = await Promise.all([ServiceProcess.start(env), ServiceProcess.start(env)]);
    const http = async (method: string, path: string, body?: object): Promise<Record<string, unknown>> => {
      const answer = await fetch(other.url + path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      return (await answer.json()) as Record<string, unknown>;
    };
    const say = (...args: unknown[]): Promise<unknown> =>
      http('POST', '/v1/emit', { to: { rooms: ['lobby'] }, event: 'said', args });
    const client = createClient(dying.url, { auth: { user: 'ada', ...RECOVERY } });
    const bystander = createClient(dying.url, { auth: { user: 'bob' } });
    try {
      await client.next('connect');
      await bystander.next('connect');
      await client.request('room:join', { room: 'lobby' });
      for (const number of [1, 2, 3]) await say(number);
      for (let count = 0; count < 3; count++) await client.next('said');
      const { id } = client;
      dying.service.signal('SIGKILL');
      await client.next('disconnect');
      for (const number of [4, 5, 6]) await say(number);
      leadTo(other, client);
      expect(await comeBack(client)).toBe(true);
      expect(client.id).toBe(id);
      await say(7);
      await http('POST', '/v1/emit', { to: { users: ['ada'] }, event: 'end' });
      expect(await cameUpTo('end', client)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      await until('its sockets are gone', async () => (await http('GET', '/v1/stats'))['sockets'] === 1);
      expect(await http('GET', '/v1/users/bob')).toMatchObject({ online: false });
      expect(await http('GET', '/v1/users/ada')).toMatchObject({ online: true, sockets: [{ socketId: id }] });
      expect(await http('GET', '/v1/nodes')).toMatchObject({ total: 1, items: [{ sockets: 1 }] });
    } finally {
      for (const each of [client, bystander]) {
        each.close();
        each.dispose();
      }
      other.service.signal('SIGTERM');
      await Promise.all([dying.service.ended, other.service.ended]);
      await redis.kill();
    }
  }, 60_000);
});

describeWithRedis('when a node stands still for longer than its lease and goes on', () => {
  it('[H4] [L3] whoever comes back to it while its old socket is being sent away stays, and gets everything', async () => {
    const redis = await TestRedis.start();
    const env = {
      SWITCHBOARD_REDIS_URL: redis.url,
      SWITCHBOARD_NODE_LEASE_MS: '1000',
      SWITCHBOARD_DRAIN_WINDOW_MS: '0',
    };
    const [stalled, other] = await Promise.all([ServiceProcess.start(env), ServiceProcess.start(env)]);
    const bodyFrom = async (path: string, body?: object): Promise<Record<string, unknown>> => {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      };
      return (await (await fetch(other.url + path, body && init)).json()) as Record<string, unknown>;
    };
    const say = (number: number): Promise<unknown> =>
      bodyFrom('/v1/emit', { to: { rooms: ['lobby'] }, event: 'said', args: [number] });
    // Between two polls: that it is sent away waits for one that does not come.
    const first = await RawPolling.open(stalled.url);
    await first.post(`40${JSON.stringify({ user: 'ada', ...RECOVERY })}`);
    const [connected] = await first.packets();
    const { sid, pid } = JSON.parse(connected!.slice(2)) as Record<'sid' | 'pid', string>;
    await first.post('420["room:join",{"room":"lobby"}]');
    await first.packets();
    await say(1);
    const [said] = await first.packets();
    const [, , offset] = JSON.parse(said!.slice(2)) as [string, number, string];
    const auth = { user: 'ada', ...RECOVERY, pid, offset };
    const client = createClient(stalled.url, { auth, client: { ...EAGER, autoConnect: false } });
    try {
      stalled.service.signal('SIGSTOP');
      await until('it is taken for dead', async () => (await bodyFrom('/v1/nodes'))['total'] === 1);
      await say(2);
      stalled.service.signal('SIGCONT');
      await until('it is known again', async () => (await bodyFrom('/v1/nodes'))['total'] === 2);
      client.socket.open();
      await client.next('connect');
      expect(client.id).toBe(sid);
      await stalled.service.line(/a user disconnected.*reason=node\.stalled/);
      await say(3);
      await bodyFrom('/v1/emit', { to: { users: ['ada'] }, event: 'end' });
      expect(await cameUpTo('end', client)).toEqual([2, 3]);
      expect(await bodyFrom('/v1/users/ada')).toMatchObject({
        sockets: [{ socketId: sid, rooms: ['lobby'] }],
      });
    } finally {
      client.close();
      client.dispose();
      for (const { service } of [stalled, other]) service.signal('SIGTERM');
      await Promise.all([stalled.service.ended, other.service.ended]);
      await redis.kill();
    }
  }, 60_000);
});
