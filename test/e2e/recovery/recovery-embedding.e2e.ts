import { Injectable } from '@nestjs/common';
import {
  ConnectedSocket,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { EventEmitter, once } from 'node:events';
import type { Namespace, Server } from 'socket.io';
import { SocketRegistry, type GatewaySocket } from 'switchboard-gateway';
import type { TestClient, TestGateway } from 'switchboard-gateway/testing';
import { RevocationService } from '../../../src/access/revocation.service.js';
import { Engine } from '../../../src/engine/engine.js';
import { MemoryEngine } from '../../../src/engine/memory/memory-engine.js';
import { MembershipService } from '../../../src/backend/membership.service.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { closeEmbeddings, startEmbedding } from '../../support/embedding.js';
import { onMemoryOnly } from '../../support/engine-under-test.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';
import { until } from '../../support/until.js';

/** Tells when a check of the app's is asked, and lets the test decide when it is done. */
class Gate extends EventEmitter {
  isShut = false;

  async pass(): Promise<void> {
    if (!this.isShut) return;
    this.emit('reached');
    await once(this, 'open');
  }
}

const gate = new Gate();

@WebSocketGateway()
@Injectable()
class AppGateway implements OnGatewayConnection {
  @WebSocketServer() server!: Server;
  readonly recovered: boolean[] = [];

  afterInit(server: Server): void {
    server.use((socket, next) => {
      void socket.join('by-check');
      void gate.pass().then(() => next(), next);
    });
  }

  handleConnection(socket: GatewaySocket): void {
    this.recovered.push(socket.recovered);
    void socket.join('by-hook');
  }

  @SubscribeMessage('emit')
  emit(@ConnectedSocket() socket: GatewaySocket): object {
    socket.emit('n', 'emit');
    socket.emit('room:own', 'a text');
    socket.emit('ping', 'a text');
    return { ok: true };
  }
}

@WebSocketGateway({ namespace: 'admin' })
class AdminGateway {
  @WebSocketServer() namespace!: Namespace;
}

const start = (logger?: CollectingLogger, options = {}): Promise<TestGateway> =>
  startEmbedding({ providers: [AppGateway, AdminGateway], options, ...(logger && { logger }) });

const connectionsOf = (gateway: TestGateway): EventEmitter[] => {
  const { engine } = gateway.app.get(AppGateway).server as unknown as {
    engine: { clients: Record<string, EventEmitter> };
  };
  return Object.values(engine.clients);
};

/** Resolves when the client has made another connection by itself. */
const cameAgain = (client: TestClient): Promise<void> =>
  new Promise((resolve) => client.socket.io.on('reconnect', () => resolve()));

const asking = (user: string) => ({ auth: { user, recovery: true } });

describe('recovery in an app of its own', () => {
  afterEach(async () => {
    gate.isShut = false;
    gate.emit('open');
    await closeEmbeddings();
  });

  it('[H4] an attempt that finds its session in use by another comes again by itself until it has it', async () => {
    const gateway = await start();
    const client = await gateway.connect(asking('ada'));
    const session = sessionOf(client);
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toUsers('ada').emit('n', 1);

    // As after a break that the gateway has not noticed: its connection stays, and nobody is behind it any longer.
    gate.isShut = true;
    const reached = once(gate, 'reached');
    client.socket.open();
    await reached;
    const next = gateway.open({
      auth: { user: 'ada', recovery: true, ...session },
      client: { reconnection: true, reconnectionDelay: 10, randomizationFactor: 0 },
    });
    await cameAgain(next);
    await cameAgain(next);
    expect(next.queue.log.filter(({ event }) => event.startsWith('connect'))).toEqual([]);

    client.breakTransport();
    gate.isShut = false;
    await next.next('connect');
    expect(next.id).toBe(id);
    expect(await received(gateway, next, 'n')).toEqual([1]);
  });

  it('[H4] gives back what Socket.IO itself was asked to send', async () => {
    const gateway = await start();
    const { server, recovered } = gateway.app.get(AppGateway);
    const client = await gateway.connect(asking('ada'));
    const other = await gateway.connect();
    await client.request('room:join', { room: 'lobby' });
    const socket = server.sockets.sockets.get(client.id!)!;
    const otherSocket = server.sockets.sockets.get(other.id!)!;
    const id = await breakOff(gateway, client);
    server.to('lobby').emit('n', 1);
    server.to(id).emit('n', 2);
    server.in('by-check').emit('n', 3);
    server.to('by-hook').emit('n', 4);
    server.emit('n', 5);
    otherSocket.broadcast.emit('n', 6);
    otherSocket.to('lobby').emit('n', 7);
    socket.emit('n', 8);
    server.to('user:ada').to('lobby').emit('n', 9);
    server.except('lobby').emit('n', -1);
    server.volatile.emit('n', -2);
    server.of('/admin').emit('n', -3);
    server.of('/admin').to('lobby').emit('n', -4);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
    expect(await received(gateway, client, 'n')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(recovered).toEqual([false, false, true]);
    expect(await client.request('socket:info')).toMatchObject({
      rooms: expect.arrayContaining(['lobby', 'by-check', 'by-hook']),
    });
  });

  it('[H4] a text that the app emits last is never taken for a cursor', async () => {
    const gateway = await start();
    const client = await gateway.connect(asking('ada'));
    const { server } = gateway.app.get(AppGateway);
    expect(await client.request('emit')).toMatchObject({ ok: true });
    expect(await received(gateway, client, 'room:own')).toEqual(['a text']);
    server.to(client.id!).emit('n', 'text');
    client.answer('asks', () => 1);
    expect(await server.sockets.sockets.get(client.id!)!.emitWithAck('asks', 'text')).toBe(1);
    server.local.emit('n', 'local');
    server.sockets.sockets.get(client.id!)!.volatile.emit('n', 'volatile');
    await received(gateway, client, 'n');
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    // [D4] What goes to this node only comes behind what waits for its place in the order of all nodes.
    expect(await received(gateway, client, 'n')).toEqual(['emit', 'text', 'local', 'volatile']);
  });

  it('[H4] gives back what was emitted to a room in the turn in which its socket came in', async () => {
    const gateway = await start();
    const client = await gateway.connect(asking('ada'));
    const { server } = gateway.app.get(AppGateway);
    const socket = server.sockets.sockets.get(client.id!)!;
    server.emit('n', 0);
    await client.next('n');
    // The client hears nothing any longer, which the gateway does not know yet.
    client.breakTransport();
    server.emit('n', 1);
    void socket.join('game');
    server.to('game').emit('n', 2);
    await until('it is gone', async () => (await gateway.registry.getSocket(socket.id)) === undefined);
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'n')).toEqual([0, 1, 2]);
  });

  it('[H4] comes back in every namespace, each with its own', async () => {
    const gateway = await start();
    const { namespace } = gateway.app.get(AdminGateway);
    const client = await gateway.connect({ ...asking('ada'), namespace: '/admin' });
    await namespace.sockets.get(client.id!)!.join('lobby');
    const id = await breakOff(gateway, client);
    namespace.to('lobby').emit('n', 1);
    await gateway.broadcaster.toRooms('lobby').emit('n', 2);
    gateway.app.get(AppGateway).server.of('/').to('lobby').emit('n', -1);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
    expect(await received(gateway, client, 'n')).toEqual([1, 2]);
    expect(await gateway.registry.getSocket(id)).toMatchObject({ namespace: '/admin', rooms: ['lobby'] });
  });

  it('[H4] an attempt that broke in a check of the app does not disturb the next one', async () => {
    const gateway = await start();
    const client = await gateway.connect(asking('ada'));
    await client.request('room:join', { room: 'lobby' });
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toRooms('lobby').emit('n', 1);

    gate.isShut = true;
    const reached = once(gate, 'reached');
    client.socket.open();
    await reached;
    const [broken] = connectionsOf(gateway);
    client.socket.io.engine.close();
    await once(broken!, 'close');
    gate.isShut = false;
    // The first is still in its check when the second is let in.
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
    gate.emit('open');
    await client.settled();
    await gateway.broadcaster.toRooms('lobby').emit('n', 2);
    expect(await received(gateway, client, 'n')).toEqual([1, 2]);
    expect(await gateway.app.get(SocketRegistry).getSocket(id)).toMatchObject({
      rooms: expect.arrayContaining(['lobby']),
    });
  });

  it('[H4] [A6] a user that is blocked while a check of the app runs does not come in, and nothing stays', async () => {
    const logger = new CollectingLogger();
    const gateway = await start(logger);
    const engine = gateway.app.get(Engine);
    const shutOut = gateway.app.get(RevocationService, { strict: false });
    const client = await gateway.connect(asking('ada'));
    await breakOff(gateway, client);
    gate.isShut = true;
    const other = gateway.open({ ...asking('ada'), client: { autoConnect: false } });
    for (const coming of [client, other]) {
      await shutOut.unblock('ada');
      const reached = once(gate, 'reached');
      coming.socket.open();
      await reached;
      await shutOut.block('ada');
      gate.emit('open');
      expect((await coming.next('server:disconnect'))[0]).toMatchObject({ code: 'auth.revoked' });
      await coming.next('disconnect');
    }
    expect(await gateway.registry.getStats()).toMatchObject({ sockets: 0, users: 0, rooms: 0 });
    if (engine instanceof MemoryEngine) expect(engine.stats).toMatchObject({ sessions: 0 });
    expect(logger.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('[H4] what a backend does to a user while a check of the app runs is not undone by the recovery', async () => {
    const gateway = await start();
    const membership = gateway.app.get(MembershipService, { strict: false });
    const client = await gateway.connect(asking('ada'));
    for (const takeAway of [
      () => membership.leave({ user: 'ada' }, 'lobby'),
      () => membership.disconnect({ user: 'ada' }, false),
    ]) {
      await client.request('room:join', { room: 'lobby' });
      const id = await breakOff(gateway, client);
      await gateway.broadcaster.toRooms('lobby').emit('n', -1);
      gate.isShut = true;
      const reached = once(gate, 'reached');
      client.socket.open();
      await reached;
      await takeAway();
      await gateway.broadcaster.toRooms('lobby').emit('n', -2);
      gate.isShut = false;
      gate.emit('open');
      // Its session has ended under its feet, so it comes once more.
      await client.next('connect');
      await client.next('disconnect');
      expect(await comeBack(client)).toBe(false);
      expect(client.id).not.toBe(id);
      const { rooms } = await client.request('socket:info');
      expect(rooms).not.toContain('lobby');
      expect(await received(gateway, client, 'n')).toEqual([]);
    }
  });

  onMemoryOnly('the log of sessions is bounded by time and not by SWITCHBOARD_MAX_HISTORY_BYTES')(
    '[H4] [L4] what cannot be replayed any longer costs that client its connection, and nothing else',
    async () => {
      const logger = new CollectingLogger();
      const gateway = await start(logger, { maxHistoryBytes: 65_536 });
      const bystander = await gateway.connect();
      const client = await gateway.connect(asking('ada'));
      const id = await breakOff(gateway, client);
      gate.isShut = true;
      const reached = once(gate, 'reached');
      client.socket.open();
      await reached;
      for (let n = 0; n < 20; n++) await gateway.broadcaster.toUsers('ada').emit('n', n, 'x'.repeat(10_000));
      gate.isShut = false;
      gate.emit('open');
      await client.next('disconnect');
      await client.next('connect');
      expect(await comeBack(client)).toBe(false);
      expect(client.id).not.toBe(id);
      expect(await received(gateway, client, 'n')).toEqual([]);
      await bystander.settled();
      expect(bystander.queue.log.map(({ event }) => event)).toEqual(['connect']);
      const failures = logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
      expect(failures).toEqual([expect.stringMatching(/^a session could not be replayed/)]);
    },
  );
});
