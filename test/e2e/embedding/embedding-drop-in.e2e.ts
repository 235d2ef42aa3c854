import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { IoAdapter } from '@nestjs/platform-socket.io';
import type { Namespace, Server, Socket } from 'socket.io';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { NestFactory } from '@nestjs/core';
import { Module } from '@nestjs/common';
import { setupSwitchboard, SwitchboardModule } from 'switchboard-gateway';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { arrivedAt } from '../../support/arrivals.js';
import { until } from '../../support/until.js';

const endings: string[] = [];

/** An app that trusts its clients with everything that a socket has. */
@WebSocketGateway()
class TrustingGateway {
  @SubscribeMessage('join')
  async join(@ConnectedSocket() socket: Socket, @MessageBody() room: string): Promise<boolean> {
    await socket.join(room);
    return true;
  }

  @SubscribeMessage('leave')
  async leave(@ConnectedSocket() socket: Socket, @MessageBody() room: string): Promise<boolean> {
    await socket.leave(room);
    return true;
  }

  @SubscribeMessage('to')
  to(@ConnectedSocket() socket: Socket, @MessageBody() room: string): boolean {
    socket.to(room).except(room).emit('said', 1);
    socket.to(room).emit('said', room);
    return true;
  }

  @SubscribeMessage('keep')
  keep(@ConnectedSocket() socket: Socket, @MessageBody() data: object): boolean {
    socket.data = data;
    return true;
  }

  @SubscribeMessage('leave all but my own')
  async leaveAll(@ConnectedSocket() socket: Socket): Promise<string[]> {
    for (const room of socket.rooms) if (room !== socket.id) await socket.leave(room);
    return [...socket.rooms].map((room) => (room === socket.id ? 'own' : room));
  }

  @SubscribeMessage('emit and disconnect')
  emitAndDisconnect(@ConnectedSocket() socket: Socket): void {
    socket.emit('bye', 1);
    socket.nsp.emit('bye all', 2);
    socket.disconnect(true);
  }

  handleDisconnect(_socket: Socket, reason: string): void {
    endings.push(reason);
  }
}

const rootOf = (gateway: TestGateway): Namespace => gateway.app.get(Namespaces).all[0]!.nsp;

let gateway: TestGateway;
const byName = (user: string): Promise<TestClient> => gateway.connect({ auth: { user } });

beforeEach(async () => {
  gateway = await startEmbedding({
    providers: [TrustingGateway],
    options: { clientsNameThemselves: true, eventsPerSecond: 10_000, eventsBurst: 10_000 } as object,
  });
});
afterEach(closeEmbeddings);

describe('a client of an app that takes rooms from its clients', () => {
  const VALUES = [
    5,
    0,
    -1,
    1.5,
    null,
    true,
    false,
    '',
    'x',
    'user:bob',
    [],
    [null],
    {},
    { a: 1 },
    'y'.repeat(2000),
    '\u0000',
    '\u0001n5',
    '__proto__',
    'constructor',
  ];

  it('[L4] [T1] ends nothing but itself, whatever it joins, says, leaves and goes with', async () => {
    const bob = await byName('bob');
    for (const how of ['close', 'breakTransport'] as const) {
      const ann = await byName('ann');
      for (const value of VALUES) {
        for (const event of ['join', 'to', 'keep', 'join', 'leave', 'join']) ann.emit(event, value);
      }
      await ann.settled();
      ann[how]();
      await until('it has gone', () => rootOf(gateway).sockets.size === 1);
    }
    expect(await bob.request('join', 'still here')).toBe(true);
    expect(rootOf(gateway).adapter.sids.size).toBe(1);
    expect([...rootOf(gateway).adapter.rooms.keys()].toSorted()).toEqual([bob.id, 'still here'].toSorted());
    const { rooms } = await gateway.registry.getStats();
    expect(rooms).toBe(1);
  });
});

describe('the user of a socket', () => {
  it('[M3] [A6] is reached, kicked and blocked by name after its socket has left all rooms that the app sees', async () => {
    const ann = await byName('ann');
    const bob = await byName('bob');
    expect(await ann.request('leave all but my own')).toEqual(['own']);
    await gateway.broadcaster.toUsers('ann').emit('for you', 1);
    expect(await ann.next('for you')).toEqual([1]);
    expect((await gateway.registry.getUser('ann')).online).toBe(true);
    expect(
      await ann.request('room:emit', { room: 'user:ann', event: 'to myself', args: [2], echo: true }),
    ).toMatchObject({ ok: true });
    expect(await ann.next('to myself')).toEqual([2]);
    const kicked = await gateway.http('DELETE', '/v1/users/ann/sockets');
    expect(kicked.status === 200 || kicked.status === 404).toBe(true);
    await bob.request('leave all but my own');
    const { RevocationService } = await import('../../../src/access/revocation.service.js');
    await gateway.app.get(RevocationService).block('bob');
    expect(await bob.next('server:disconnect')).toMatchObject([{ code: 'auth.revoked' }]);
  });

  it("[M3] is nobody who is in a room of that name by the app's own join", async () => {
    const ann = await byName('ann');
    const seven = await byName('7');
    expect(await ann.request('join', 'user:7')).toBe(true);
    expect(await ann.request('join', 'user:nobody')).toBe(true);
    expect((await gateway.registry.getUser('nobody')).online).toBe(false);
    expect((await gateway.registry.getUser('7')).sockets).toHaveLength(1);
    await gateway.broadcaster.toUsers('7').emit('to the user', 1);
    rootOf(gateway).to('user:7').emit('to the room', 2);
    await Promise.all([ann.settled(), seven.settled()]);
    expect(arrivedAt(ann, 'to the user')).toEqual([]);
    expect(arrivedAt(ann, 'to the room')).toEqual([[2]]);
    expect(arrivedAt(seven, 'to the user')).toEqual([[1]]);
    expect(arrivedAt(seven, 'to the room')).toEqual([]);
    const page = await gateway.registry.getRooms();
    expect(page.items).toEqual([]);
  });

  it('[M3] [M4] who watches a room is in no room of the app for it', async () => {
    const ann = await byName('ann');
    await ann.request('room:join', { room: 'lobby', presence: true });
    expect([...rootOf(gateway).sockets.get(ann.id!)!.rooms]).toEqual([ann.id, 'lobby']);
    await ann.request('join', 'other');
    const bob = await byName('bob');
    await bob.request('room:join', { room: 'lobby' });
    expect(await ann.next('room:presence')).toMatchObject([{ room: 'lobby', joined: [{ user: 'bob' }] }]);
  });
});

it('[T1] emit and disconnect in one turn: a client that tracks positions gets what it was told before', async () => {
  const ann = await gateway.connect({ auth: { user: 'ann', recovery: true } });
  ann.emit('emit and disconnect');
  await ann.next('disconnect');
  expect(arrivedAt(ann, 'bye').map(([first]) => first)).toEqual([1]);
  expect(arrivedAt(ann, 'bye all').map(([first]) => first)).toEqual([2]);
});

it('[T1] disconnect hooks are told that the server shuts down when it does', async () => {
  await byName('ann');
  endings.length = 0;
  await gateway.app.close();
  expect(endings).toEqual(['server shutting down']);
});

it('[T1] [Q5] a namespace that was made for a pattern ends with its last socket, and leaves nothing', async () => {
  const { server } = rootOf(gateway);
  const pattern = server.of(/^\/room-\d+$/);
  const heard: string[] = [];
  pattern.on('connection', (socket) => heard.push(socket.nsp.name));
  const nspsOf = (of: Server): number => (of as unknown as { _nsps: Map<string, unknown> })._nsps.size;
  const before = [nspsOf(server), gateway.app.get(Namespaces).all.length];
  for (let each = 0; each < 5; each++) {
    const client = await gateway.connect({ namespace: `/room-${each % 3}`, auth: { user: 'ann' } });
    const same = await gateway.connect({ namespace: `/room-${each % 3}`, auth: { user: 'ann' } });
    client.close();
    await until('one has gone', async () => (await gateway.registry.getUser('ann')).sockets.length === 1);
    same.close();
    await until('both have', async () => !(await gateway.registry.getUser('ann')).online);
  }
  expect([nspsOf(server), gateway.app.get(Namespaces).all.length]).toEqual(before);
  expect(heard).toHaveLength(10);
});

it('[T1] a WebSocket adapter that an app sets after setupSwitchboard is refused where it is set', async () => {
  @Module({ imports: [SwitchboardModule.forRoot({})] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  setupSwitchboard(app);
  expect(() => app.useWebSocketAdapter(new IoAdapter(app))).toThrow(
    /setupSwitchboard\(app\) has set the WebSocket adapter/,
  );
  await app.close();
});
