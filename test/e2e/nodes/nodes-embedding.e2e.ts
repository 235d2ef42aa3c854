import type { Namespace } from 'socket.io';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { recipientsOf } from '../../support/arrivals.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';
import { until } from '../../support/until.js';

const serverOf = (gateway: TestGateway): Namespace =>
  gateway.app.get(Namespaces).all.find(({ nsp }) => nsp.name === '/')!.nsp;

describeWithRedis("an app's own use of Socket.IO on two nodes", () => {
  let redis: TestRedis;
  let io: Namespace;
  let otherIo: Namespace;
  let clients: Record<'adaA' | 'bobB' | 'cleoB', TestClient>;

  beforeEach(async () => {
    redis = await TestRedis.start();
    const options = { redisUrl: redis.url };
    const [a, b] = [await startEmbedding({ options }), await startEmbedding({ options })];
    io = serverOf(a);
    otherIo = serverOf(b);
    clients = {
      adaA: await a.connect({ auth: { user: 'ada', info: { name: 'Ada' } } }),
      bobB: await b.connect({ auth: { user: 'bob', info: { name: 'Bob' } } }),
      cleoB: await b.connect({ auth: { user: 'cleo' } }),
    };
    for (const name of ['adaA', 'bobB'] as const) await clients[name].request('room:join', { room: 'lobby' });
  });
  afterEach(async () => {
    await closeEmbeddings();
    await redis.kill();
  });

  const idsOf = (sockets: readonly { id: string }[]): string[] => sockets.map(({ id }) => id).toSorted();

  it('[D1] io.to().emit reaches the sockets of all nodes, except() included', async () => {
    io.to('lobby').emit('hello', 1);
    for (const name of ['adaA', 'bobB'] as const) expect(await clients[name].next('hello')).toEqual([1]);
    io.to('lobby').except(clients.bobB.id!).emit('but bob');
    io.emit('everyone');
    for (const client of Object.values(clients)) await client.next('everyone');
    expect(await recipientsOf('hello', clients)).toEqual({ adaA: 1, bobB: 1 });
    expect(await recipientsOf('but bob', clients)).toEqual({ adaA: 1 });
  });

  it('[D1] io.to() a socket ID reaches that socket, whatever node it is on', async () => {
    const { adaA, bobB } = clients;
    for (const server of [io, otherIo]) server.to(adaA.id!).to(bobB.id!).to('lobby').emit('to you', 1);
    for (const client of [adaA, bobB]) {
      await client.next('to you');
      await client.next('to you');
    }
    io.to(bobB.id!).emit('alone');
    await bobB.next('alone');
    expect(await recipientsOf('to you', clients)).toEqual({ adaA: 2, bobB: 2 });
    expect(await recipientsOf('alone', clients)).toEqual({ bobB: 1 });
  });

  it('fetchSockets gives those of all nodes, with user data and rooms but nothing of their handshakes', async () => {
    for (const server of [io, otherIo]) {
      expect(idsOf(await server.fetchSockets())).toEqual(idsOf(Object.values(clients) as { id: string }[]));
      const found = await server.in('lobby').fetchSockets();
      expect(idsOf(found)).toEqual([clients.adaA.id, clients.bobB.id].toSorted());
    }
    const [bob] = await io.in(clients.bobB.id!).fetchSockets();
    expect([...bob!.rooms]).toEqual(expect.arrayContaining(['lobby']));
    expect(JSON.stringify(bob!.handshake.auth ?? {})).not.toContain('Bob');
  });

  it('socketsJoin and socketsLeave move sockets of all nodes', async () => {
    const ids = async (room: string): Promise<string[]> => idsOf(await otherIo.in(room).fetchSockets());
    io.in('lobby').socketsJoin('vip');
    await until('both are in', async () => (await ids('vip')).length === 2);
    io.in('vip').socketsLeave('lobby');
    await until('both are out', async () => (await ids('lobby')).length === 0);
    expect(await ids('vip')).toEqual([clients.adaA.id, clients.bobB.id].toSorted());
  });

  it('disconnectSockets ends sockets of all nodes', async () => {
    io.in('lobby').disconnectSockets();
    for (const name of ['adaA', 'bobB'] as const) {
      expect((await clients[name].next('disconnect'))[0]).toBe('io server disconnect');
    }
    // A client hears of it before the other node has made it known.
    await until('they are gone', async () => (await io.fetchSockets()).length === 1);
    expect(idsOf(await io.fetchSockets())).toEqual([clients.cleoB.id]);
    await clients.cleoB.settled();
  });

  it('serverSideEmit is heard by the other nodes only', async () => {
    const heard: unknown[] = [];
    for (const [name, server] of Object.entries({ io, otherIo })) {
      server.on('cache:clear', (...args: unknown[]) => heard.push([name, ...args]));
    }
    io.serverSideEmit('cache:clear', { key: 7 }, 'now');
    await until('the other has heard', () => heard.length > 0);
    otherIo.serverSideEmit('cache:clear', 'back');
    await until('the first has heard', () => heard.length > 1);
    expect(heard).toEqual([
      ['otherIo', { key: 7 }, 'now'],
      ['io', 'back'],
    ]);
  });
});
