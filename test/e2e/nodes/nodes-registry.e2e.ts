import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { bodyOf, Cluster } from '../../support/cluster.js';
import { RawPolling } from '../../support/raw-clients.js';
import { describeWithRedis } from '../../support/redis.js';
import { refusalOf } from '../../support/tokens.js';
import { until } from '../../support/until.js';

interface Entry {
  socketId: string;
  user: string;
  node: string;
  transport: string;
  rooms: string[];
}

interface Page<Item> {
  items: Item[];
  next: string | null;
  total: number;
}

describeWithRedis('the registry of two nodes', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;

  beforeEach(async () => {
    cluster = await Cluster.start({ maxSocketsPerUser: 3 });
    ({ a, b } = cluster);
  });
  afterEach(() => cluster.close());

  const get = <Body>(node: TestGateway, path: string, status = 200): Promise<Body> =>
    bodyOf(node.http<Body>('GET', path), status);

  it('[R4] [L3] one node knows the sockets of another from the moment their clients saw connect until they are gone', async () => {
    for (let round = 0; round < 20; round++) {
      const client = await a.connect({ auth: { user: `u-${round}` } });
      const { id } = client;
      expect(await get<Entry>(b, `/v1/sockets/${id}`)).toMatchObject({ socketId: id, user: `u-${round}` });
      expect(await get(b, `/v1/users/u-${round}`)).toMatchObject({ online: true });
      expect(await bodyOf(b.http('DELETE', `/v1/sockets/${id}`), 204)).toEqual({});
      expect((await client.next('disconnect'))[0]).toBe('io server disconnect');
      await get(b, `/v1/sockets/${id}`, 404);
      expect(await get(a, `/v1/users/u-${round}`)).toMatchObject({ online: false, sockets: [] });
    }
  });

  it('[Q1] a half-open socket gives way on its node, also when the others of its user are elsewhere', async () => {
    const living = [await a.connect({ auth: { user: 'ada' } }), await a.connect({ auth: { user: 'ada' } })];
    const silent = await RawPolling.connect(b.url, { user: 'ada' });
    const newest = await b.connect({ auth: { user: 'ada' } });
    expect((await silent.poll()).status).toBe(400);
    for (const client of [...living, newest]) await client.settled();
    expect(await refusalOf(b.open({ auth: { user: 'ada' } }))).toMatchObject({ code: 'limit.sockets' });
  });

  it('[R1] [R4] both nodes give the same answers about sockets, users, rooms, members and themselves', async () => {
    const ada = await a.connect({ auth: { user: 'ada', info: { name: 'Ada' } } });
    const adaToo = await b.connect({ auth: { user: 'ada' }, transport: 'polling' });
    const bob = await b.connect({ auth: { user: 'bob' }, version: 2 });
    for (const client of [ada, adaToo, bob]) await client.request('room:join', { room: 'lobby' });
    await bob.request('room:join', { room: 'cellar' });

    for (const node of [a, b]) {
      const sockets = await get<Page<Entry>>(node, '/v1/sockets');
      expect(sockets.items.map(({ socketId }) => socketId).toSorted()).toEqual(
        [ada.id, adaToo.id, bob.id].toSorted(),
      );
      expect(new Set(sockets.items.map(({ node: name }) => name)).size).toBe(2);
      expect(await get(node, '/v1/sockets?user=ada&room=lobby')).toMatchObject({ total: 2 });
      const users = await get<Page<{ user: string; sockets: number }>>(node, '/v1/users');
      expect(new Map(users.items.map(({ user, sockets: count }) => [user, count]))).toEqual(
        new Map([
          ['ada', 2],
          ['bob', 1],
        ]),
      );
      expect(await get(node, '/v1/users/ada')).toMatchObject({ online: true, rooms: ['lobby'] });
      expect(await get(node, '/v1/rooms/lobby')).toEqual({ room: 'lobby', sockets: 3, users: 2 });
      const rooms = await get<Page<{ room: string }>>(node, '/v1/rooms');
      expect(rooms.items.map(({ room }) => room).toSorted()).toEqual(['cellar', 'lobby']);
      const members = await get<Page<{ user: string; sockets: number }>>(node, '/v1/rooms/lobby/members');
      expect(members.items.map(({ user, sockets: count }) => `${user} ${count}`).toSorted()).toEqual([
        'ada 2',
        'bob 1',
      ]);
      expect(await get(node, '/v1/stats')).toEqual({ sockets: 3, users: 2, rooms: 2, nodes: 2 });
      const nodes = await get<Page<{ node: string; sockets: number; leaseExpiresInMs: number }>>(
        node,
        '/v1/nodes',
      );
      expect(nodes.items.map(({ sockets: count }) => count).toSorted()).toEqual([1, 2]);
      for (const { leaseExpiresInMs } of nodes.items) expect(leaseExpiresInMs).toBeGreaterThan(0);
    }
    expect(await ada.request('room:members', { room: 'lobby' })).toMatchObject({ ok: true, total: 2 });
  });

  it('[R3] a walk that changes the node with every page meets every socket once', async () => {
    const clients = await Promise.all(
      Array.from({ length: 23 }, (_, index) => (index % 3 ? a : b).connect({ auth: { user: `u-${index}` } })),
    );
    const met: string[] = [];
    let next: string | null = '';
    for (let turn = 0; next !== null; turn++) {
      const cursor: string = next && `&cursor=${encodeURIComponent(next)}`;
      const page: Page<Entry> = await get(turn % 2 ? a : b, `/v1/sockets?limit=5${cursor}`);
      expect(page.total).toBe(23);
      met.push(...page.items.map(({ socketId }) => socketId));
      next = page.next;
    }
    expect(met.toSorted()).toEqual(clients.map(({ id }) => id!).toSorted());
  });

  it('[R4] tells the transport of a socket that has moved on from polling, on the other node', async () => {
    const client = await a.connect({ transport: 'upgrade' });
    await until('it has moved', () => client.socket.io.engine.transport.name === 'websocket');
    // An answer over the new transport: the gateway has seen the move.
    await client.settled();
    expect(await get<Entry>(b, `/v1/sockets/${client.id}`)).toMatchObject({ transport: 'websocket' });
  });

  it('[Q1] counts the sockets of a user over all nodes, however many come at once', async () => {
    const opened = Array.from({ length: 12 }, (_, index) =>
      (index % 2 ? a : b).open({ auth: { user: 'ada' } }),
    );
    const outcomes = await Promise.all(
      opened.map((client) =>
        Promise.race([
          client.next('connect').then(() => 'in'),
          client.next('connect_error').then(([error]) => (error as { data: { code: string } }).data.code),
        ]),
      ),
    );
    const count = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
    expect([count('in'), count('limit.sockets')]).toEqual([3, 9]);
    const inside = opened.filter((_, index) => outcomes[index] === 'in');
    expect(await refusalOf(a.open({ auth: { user: 'ada' } }))).toMatchObject({ code: 'limit.sockets' });
    // Whoever leaves one node makes room on the other.
    await bodyOf(a.http('DELETE', `/v1/sockets/${inside[0]!.id}`), 204);
    await b.connect({ auth: { user: 'ada' } });
  });

  it("[M3] nobody gets into a socket's own room, on whatever node the socket is", async () => {
    const victims: TestClient[] = [
      await b.connect({ auth: { user: 'victim' } }),
      await b.connect({ auth: { user: 'victim' }, version: 2, transport: 'polling' }),
    ];
    const eve = await a.connect({ auth: { user: 'eve' } });
    for (const { id } of victims) {
      for (const request of [{ room: id }, { room: id, presence: true }]) {
        expect(await eve.request('room:join', request)).toMatchObject({
          ok: false,
          error: { code: 'access.denied' },
        });
      }
      await bodyOf(a.http('PUT', `/v1/sockets/${eve.id}/rooms/${id}`), 403);
      await bodyOf(a.http('PUT', `/v1/users/eve/rooms/${id}`), 403);
    }
    // Twenty characters that are nobody's name are a room as any other.
    expect(await eve.request('room:join', { room: 'order-00000000000042' })).toMatchObject({ ok: true });
  });
});
