/** What was kept for clients that did not come back for it. [D10] */
import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Cluster } from '../../support/cluster.js';
import { counted } from '../../support/embedding.js';
import { breakOff, comeBack } from '../../support/recovering.js';
import { describeWithRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const sessionOver = (gateway: TestGateway): Promise<number> =>
  counted(gateway, 'undelivered_total', { cause: 'session_over' });

/** Waits until at least so many are counted, and gives how many are. */
async function countedAtLeast(gateway: TestGateway, count: number): Promise<number> {
  await until(`${count} are counted`, async () => (await sessionOver(gateway)) >= count);
  return sessionOver(gateway);
}

describe('publications for a session whose client does not come back', () => {
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway({ recoveryWindowMs: 5_000, maxSocketsPerUser: 1, history: 'chat:*=3/1h' });
  });
  afterEach(() => gateway.close());

  const connect = async (user: string): Promise<TestClient> => {
    const client = await gateway.connect({ auth: { user, recovery: true } });
    await client.request('room:join', { room: 'lobby', presence: true });
    await client.request('room:join', { room: 'chat:1' });
    return client;
  };
  /** Five publications for the session of ann: by each way, two by two ways at once, and one that is not for her. */
  const publishTo = async (socketId: string): Promise<void> => {
    const { broadcaster } = gateway;
    await broadcaster.toAll().emit('said');
    await broadcaster.toUsers('ann').emit('said');
    await broadcaster.toSockets(socketId).emit('said');
    await broadcaster.toRooms('lobby', 'chat:1').emit('said');
    await broadcaster
      .toRooms('lobby')
      .except({ users: ['bob'] })
      .emit('said', { x: { users: ['ann'] } });
    await broadcaster
      .toRooms('lobby')
      .except({ users: ['ann'] })
      .emit('said');
    await broadcaster
      .toAll()
      .except({ sockets: [socketId] })
      .emit('said');
    await broadcaster
      .toAll()
      .except({ rooms: ['lobby'] })
      .emit('said');
    await broadcaster.toRooms('lobby').volatile().emit('said');
    await broadcaster.toRooms('elsewhere').emit('said');
  };

  it('[D10] are counted once each when its time is over, and not those that it got', async () => {
    const ann = await connect('ann');
    await gateway.broadcaster.toAll().emit('said');
    await ann.next('said');
    await publishTo(await breakOff(gateway, ann));
    expect(await countedAtLeast(gateway, 1)).toBe(5);
  });

  it('[D10] are not counted when it does', async () => {
    const ann = await connect('ann');
    const id = await breakOff(gateway, ann);
    await publishTo(id);
    expect(await comeBack(ann)).toBe(true);
    await gateway.broadcaster.toUsers('ann').emit('fence');
    await ann.next('fence');
    const bob = await connect('bob');
    await breakOff(gateway, bob);
    await breakOff(gateway, ann);
    await gateway.broadcaster.toRooms('lobby').emit('said');
    expect(await countedAtLeast(gateway, 2)).toBe(2);
  });

  it('[D10] are counted when its user is shut out, or has another session that waits', async () => {
    const ann = await connect('ann');
    await publishTo(await breakOff(gateway, ann));
    await breakOff(gateway, await connect('ann'));
    expect(await countedAtLeast(gateway, 1)).toBe(5);
    await gateway.broadcaster.toUsers('ann').emit('said');
    await gateway.http('DELETE', '/v1/users/ann/sockets');
    expect(await countedAtLeast(gateway, 6)).toBe(6);
  });

  it('[D10] [D1] are not counted where a room took them off that it was in then', async () => {
    const toAllBut = () =>
      gateway.broadcaster
        .toAll()
        .except({ rooms: ['lobby'] })
        .emit('said');
    const ann = await connect('ann');
    await breakOff(gateway, ann);
    await toAllBut();
    await gateway.http('POST', '/v1/batch', { commands: [{ leave: { room: 'lobby', user: 'ann' } }] });
    await toAllBut();
    await gateway.http('DELETE', '/v1/users/ann/sockets');
    expect(await countedAtLeast(gateway, 1)).toBe(1);
  });

  it('[D10] are counted by the thousands', async () => {
    const MANY = 3_000;
    const ann = await connect('ann');
    await breakOff(gateway, ann);
    for (let sent = 0; sent < MANY; sent++) void gateway.broadcaster.toRooms('lobby').emit('said', sent);
    expect(await countedAtLeast(gateway, 1)).toBe(MANY);
  });
});

describeWithRedis('publications for a session on several nodes', () => {
  it('[D10] are counted once on all nodes together, whichever node the client had', async () => {
    const cluster = await Cluster.start({ recoveryWindowMs: 1_000 }, 3);
    try {
      const client = await cluster.a.connect({ auth: { user: 'ann', recovery: true } });
      await breakOff(cluster.a, client);
      for (const node of cluster.nodes) await node.broadcaster.toUsers('ann').emit('said');
      const counts = (): Promise<number[]> => Promise.all(cluster.nodes.map(sessionOver));
      const sum = async (): Promise<number> => (await counts()).reduce((one, other) => one + other, 0);
      await until('they are counted', async () => (await sum()) >= 3);
      expect(await sum()).toBe(3);
    } finally {
      await cluster.close();
    }
  });
});
