import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { arrivedAt } from '../../support/arrivals.js';
import { bodyOf, Cluster, emitTo } from '../../support/cluster.js';
import { leadTo } from '../../support/other-node.js';
import { breakOff, comeBack } from '../../support/recovering.js';
import { describeWithRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const RECOVERY = { recovery: true };

type Page = { items: { socketId: string; rooms: string[] }[] };

describeWithRedis('while Redis is away', () => {
  let cluster: Cluster;
  let a: TestGateway;
  let b: TestGateway;
  let clients: { plain: TestClient; tracking: TestClient; elsewhere: TestClient };

  beforeEach(async () => {
    cluster = await Cluster.start({ history: 'chat:*=100/1h', maxSocketsPerUser: 0 });
    ({ a, b } = cluster);
    clients = {
      plain: await a.connect({ auth: { user: 'ada' } }),
      tracking: await a.connect({ auth: { user: 'bob', ...RECOVERY } }),
      elsewhere: await b.connect({ auth: { user: 'cleo', ...RECOVERY } }),
    };
    for (const client of Object.values(clients)) await client.request('room:join', { room: 'chat:1' });
  });
  afterEach(() => cluster.close());

  const readiness = async (node: TestGateway): Promise<[number, unknown]> => {
    const { status, body } = await node.http('GET', '/health/ready');
    const { details } = body as { details: { engine: { state: string } } };
    return [status, details.engine.state];
  };
  const untilReady = (): Promise<void> =>
    until('both are ready', async () => {
      const states = await Promise.all([readiness(a), readiness(b)]);
      return states.every(([status]) => status === 200);
    });
  const untilDegraded = (): Promise<void> =>
    until('both say so', async () => {
      const states = await Promise.all([readiness(a), readiness(b)]);
      return states.every(([status, state]) => status === 503 && state === 'degraded');
    });

  /** Local delivery goes on for both kinds of socket, and what cannot be proven is not claimed. */
  async function expectLocalDelivery(): Promise<void> {
    const { plain, tracking } = clients;
    for (const number of [1, 2, 3]) {
      const answer = await a.http('POST', '/v1/emit', {
        to: { rooms: ['chat:1'] },
        event: 'alone',
        args: [number],
      });
      expect([answer.status, answer.body['code'], answer.body['retryable']]).toEqual([
        503,
        'engine.unavailable',
        true,
      ]);
      expect((await plain.next('alone'))[0]).toBe(number);
      expect((await tracking.next('alone'))[0]).toBe(number);
    }
    expect(await plain.request('room:join', { room: 'new' })).toMatchObject({ ok: true });
    expect(await tracking.request('room:join', { room: 'new' })).toMatchObject({ ok: true });
    const since = { epoch: 'x', offset: 0 };
    for (const more of [{ since }, { meta: true }]) {
      expect(await plain.request('room:join', { room: 'chat:2', ...more })).toMatchObject({
        ok: false,
        error: { code: 'engine.unavailable', retryable: true },
      });
    }
    for (const path of ['/v1/sockets', '/v1/users/ada', '/v1/rooms/chat:1', '/v1/stats']) {
      expect([path, (await a.http('GET', path)).status]).toEqual([path, 503]);
    }
  }

  /** As if nothing had been: look-ups and delivery across nodes, what was joined meanwhile included. */
  async function expectWhole(): Promise<void> {
    const { plain, tracking, elsewhere } = clients;
    const registry = async (node: TestGateway): Promise<string[]> =>
      (await bodyOf<Page>(node.http('GET', '/v1/sockets'))).items
        .map(({ socketId, rooms }) => `${socketId} ${rooms.toSorted().join(' ')}`)
        .toSorted();
    const expected = [
      `${plain.id} chat:1 new`,
      `${tracking.id} chat:1 new`,
      `${elsewhere.id} chat:1`,
    ].toSorted();
    for (const node of [a, b]) {
      await until('the registry is whole', async () => String(await registry(node)) === String(expected));
      expect(await emitTo(node, { rooms: ['chat:1'] }, 'whole')).toBe(3);
      expect(await emitTo(node, { rooms: ['new'] }, 'new')).toBe(2);
      for (const client of Object.values(clients)) await client.next('whole');
      for (const client of [plain, tracking]) await client.next('new');
    }
    for (const client of Object.values(clients)) expect(arrivedAt(client, 'disconnect')).toEqual([]);
  }

  it('[O3] paused: sockets of a node get what is published there, and all is whole when it goes on', async () => {
    cluster.redis.pause();
    try {
      await untilDegraded();
      await expectLocalDelivery();
    } finally {
      cluster.redis.resume();
    }
    await untilReady();
    await expectWhole();
    // Nothing was lost, and nothing comes twice to whoever comes back now.
    const { tracking } = clients;
    await breakOff(a, tracking);
    await emitTo(b, { rooms: ['new'] }, 'missed', [1]);
    leadTo(b, tracking);
    expect(await comeBack(tracking)).toBe(true);
    expect((await tracking.next('missed'))[0]).toBe(1);
    await tracking.settled();
    expect(arrivedAt(tracking, 'alone').map(([number]) => number)).toEqual([1, 2, 3]);
  });

  it('[O3] gone and back empty: all is whole again, and positions from before prove nothing', async () => {
    await emitTo(a, { rooms: ['chat:1'] }, 'before');
    const before = await clients.plain.request('room:history', { room: 'chat:1' });
    await cluster.redis.kill();
    await untilDegraded();
    await expectLocalDelivery();
    await cluster.redis.run();
    await untilReady();
    await expectWhole();
    const { epoch, offset } = before as unknown as { epoch: string; offset: number };
    expect(
      await clients.plain.request('room:join', { room: 'chat:1', since: { epoch, offset } }),
    ).toMatchObject({
      ok: true,
      recovered: false,
      publications: [],
    });
    const { tracking } = clients;
    await breakOff(a, tracking);
    await emitTo(b, { rooms: ['new'] }, 'missed', [1]);
    leadTo(b, tracking);
    expect(await comeBack(tracking)).toBe(true);
    expect((await tracking.next('missed'))[0]).toBe(1);
  });

  it('[O3] a kick ends the sockets here, and does not claim that there are no others', async () => {
    await cluster.redis.kill();
    await untilDegraded();
    const { status, body } = await a.http('DELETE', '/v1/users/ada/sockets');
    expect([status, body['code']]).toEqual([503, 'engine.unavailable']);
    expect(await clients.plain.next('server:disconnect')).toMatchObject([{ code: 'kicked' }]);
    await cluster.redis.run();
    await untilReady();
  });

  it('[O3] a client that has a session from before Redis lost everything is told that it missed something', async () => {
    const { tracking } = clients;
    await breakOff(a, tracking);
    await cluster.redis.restartEmpty();
    await untilReady();
    expect(await comeBack(tracking)).toBe(false);
    expect(await tracking.request('room:join', { room: 'chat:1' })).toMatchObject({ ok: true });
    expect(await emitTo(b, { users: ['bob'] }, 'again')).toBe(1);
    await tracking.next('again');
  });

  it('[O3] connections to Redis that are cut are made again, and nobody misses anything', async () => {
    let isOver = false;
    let accepted: number[] = [];
    const publishing = (async () => {
      for (let number = 1; !isOver || number < 20; number++) {
        const { status } = await b.http('POST', '/v1/emit', {
          to: { rooms: ['chat:1'] },
          event: 'said',
          args: [number],
        });
        if (status === 202) accepted.push(number);
      }
    })();
    for (let round = 0; round < 4; round++) {
      await clients.tracking.next('said');
      await cluster.redis.cutConnections();
      await untilReady();
    }
    isOver = true;
    await publishing;
    await until('it is through again', async () => {
      const { status } = await b.http('POST', '/v1/emit', { to: { rooms: ['chat:1'] }, event: 'end' });
      return status === 202;
    });
    for (const client of Object.values(clients)) {
      await client.next('end');
      const got = arrivedAt(client, 'said').map(([number]) => number as number);
      expect(new Set(got).size).toBe(got.length);
      expect(got.filter((number) => accepted.includes(number))).toEqual(accepted);
    }
  });
});
