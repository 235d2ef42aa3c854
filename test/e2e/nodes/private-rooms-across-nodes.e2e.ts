import { Injectable } from '@nestjs/common';
import { WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import type { Server } from 'socket.io';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { leadTo } from '../../support/other-node.js';
import { breakOff, comeBack, received } from '../../support/recovering.js';
import { describeWithRedis, TestRedis } from '../../support/redis.js';

@WebSocketGateway()
@Injectable()
class AppGateway {
  @WebSocketServer() server!: Server;
}

describeWithRedis('the rooms of sockets on other nodes', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.kill());
  beforeEach(() => redis.ask((client) => client.flushall()));
  afterEach(closeEmbeddings);

  const start = (): Promise<TestGateway> =>
    startEmbedding({ providers: [AppGateway], options: { redisUrl: redis.url, history: '*=10/1m' } });

  it('[M3] nobody joins the room of a socket of another node, nor is put there', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const ada = await one.connect();
    const eve = await two.connect();
    expect(await eve.request('room:join', { room: ada.id! })).toMatchObject({
      ok: false,
      error: { code: 'access.denied' },
    });
    expect((await two.http('PUT', `/v1/sockets/${eve.id!}/rooms/${ada.id!}`)).status).not.toBe(204);
    expect(await eve.request('room:join', { room: 'x'.repeat(20) })).toMatchObject({ ok: true });
  });

  it('[M3] [R5] nobody reads a history under the name of a socket of another node', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const ada = await one.connect();
    const eve = await two.connect();
    await two.broadcaster.toRooms(ada.id!).emit('n', 'secret');
    expect(await eve.request('room:history', { room: ada.id! })).toMatchObject({
      ok: false,
      error: { code: 'access.denied' },
    });
  });

  it('[M3] nobody joins the room of a session whose client is away from another node', async () => {
    const options = { redisUrl: redis.url, history: [{ pattern: '*', size: 10, ttlMs: 60_000 }] };
    const [one, two] = await Promise.all([startGateway(options), startGateway(options)]);
    const ada = await one.connect({ auth: { user: 'ada', recovery: true } });
    const eve = await two.connect();
    const room = await breakOff(one, ada);
    expect(await eve.request('room:join', { room })).toMatchObject(DENIED);
    expect(await eve.request('room:history', { room })).toMatchObject(DENIED);
    expect((await two.http('PUT', `/v1/sockets/${eve.id!}/rooms/${room}`)).status).toBe(403);
    await Promise.all([one.close(), two.close()]);
  });

  it('[M3] nobody gets into the room of a session while its client breaks off and comes back', async () => {
    const options = { redisUrl: redis.url, eventsPerSecond: 100_000, eventsBurst: 100_000 };
    const [one, two] = await Promise.all([startGateway(options), startGateway(options)]);
    const ada = await one.connect({ auth: { user: 'ada', recovery: true } });
    const eve = await two.connect({ auth: { user: 'eve' } });
    const room = ada.id!;
    let isOver = false;
    const got: unknown[] = [];
    const tries = async (attempt: () => Promise<unknown>): Promise<void> => {
      while (!isOver) got.push(await attempt());
    };
    const trying = Promise.all([
      tries(async () => (await eve.request('room:join', { room })).ok),
      tries(async () => (await one.http('PUT', `/v1/sockets/${eve.id!}/rooms/${room}`)).status < 300),
      tries(async () => (await two.http('PUT', `/v1/users/eve/rooms/${room}`)).status < 300),
    ]);
    for (let round = 0; round < 6; round++) {
      const [from, to] = round % 2 === 0 ? [one, two] : [two, one];
      expect(await breakOff(from, ada)).toBe(room);
      await one.broadcaster.toSockets(room).emit('n', round);
      leadTo(to, ada);
      expect(await comeBack(ada)).toBe(true);
      await ada.next('n');
    }
    isOver = true;
    await trying;
    expect(new Set(got)).toEqual(new Set([false]));
    expect(await eve.request('socket:info')).toMatchObject({ rooms: [] });
    expect(await received(two, eve, 'n')).toEqual([]);
    await Promise.all([one.close(), two.close()]);
  });

  it('Socket.IO’s own emit reaches a socket of another node by its ID', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const ada = await one.connect();
    two.app.get(AppGateway).server.to(ada.id!).emit('n', 1);
    await ada.next('n');
    expect(await received(two, ada, 'n')).toEqual([1]);
  });
});

const DENIED = { ok: false, error: { code: 'access.denied' } };

describe('the room of a socket that is away', () => {
  afterEach(closeEmbeddings);

  it('[M3] nobody joins it, is put there, or reads its history', async () => {
    const gateway = await startGateway({ history: [{ pattern: '*', size: 10, ttlMs: 60_000 }] });
    const ada = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    const eve = await gateway.connect({ auth: { user: 'eve' } });
    const room = await breakOff(gateway, ada);
    expect(await eve.request('room:join', { room })).toMatchObject(DENIED);
    expect(await eve.request('room:history', { room })).toMatchObject(DENIED);
    const put = await gateway.http('PUT', `/v1/sockets/${eve.id!}/rooms/${room}`);
    expect(put).toMatchObject({ status: 403 });
    expect(await comeBack(ada)).toBe(true);
    await gateway.close();
  });

  it('[M3] whoever is in a room of its name does not get what is sent to it', async () => {
    const gateway = await startEmbedding({ providers: [AppGateway] });
    const ada = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    const eve = await gateway.connect({ auth: { user: 'eve' } });
    const id = await breakOff(gateway, ada);
    await eve.request('room:join', { room: id });
    await gateway.broadcaster.toSockets(id).emit('n', 'while away');
    expect(await comeBack(ada)).toBe(true);
    await gateway.broadcaster.toSockets(id).emit('n', 'back');
    expect(await received(gateway, ada, 'n')).toEqual(['while away', 'back']);
    expect(await received(gateway, eve, 'n')).toEqual([]);
  });
});
