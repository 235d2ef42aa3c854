import { startGateway, TestGateway, type TestClient } from 'switchboard-gateway/testing';
import { Engine } from '../../../src/engine/engine.js';
import { MemoryEngine } from '../../../src/engine/memory/memory-engine.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { onMemoryOnly } from '../../support/engine-under-test.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';
import { until } from '../../support/until.js';

const TRANSPORTS = ['websocket', 'polling', 'upgrade'] as const;

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

/** A gateway with a network in front of it. */
async function start(
  options: Parameters<typeof startGateway>[0] = {},
): Promise<{ gateway: TestGateway; proxy: CuttingProxy; far: TestGateway; logger: CollectingLogger }> {
  const logger = new CollectingLogger();
  const gateway = await startGateway({ logger, ...options });
  const proxy = await CuttingProxy.to(gateway.port);
  open.push(gateway, proxy);
  return { gateway, proxy, far: new TestGateway(gateway.app, proxy.url), logger };
}

/** Of a user, for as long as the connection holds; `user` has no other socket. */
const socketsOf = async (gateway: TestGateway, user: string): Promise<string[]> =>
  (await gateway.registry.getUser(user)).sockets.map(({ socketId }) => socketId);

describe('a client that is back before the gateway noticed that it was gone', () => {
  it.each(TRANSPORTS)(
    '[H4] [R1] takes over its socket, and the old one has ended, by %s',
    async (transport) => {
      const { gateway, proxy, far, logger } = await start({ maxSocketsPerUser: 1 });
      const client = await far.connect({ transport, auth: { user: 'ada', recovery: true } });
      if (transport === 'upgrade') {
        await until('it has upgraded', () => client.socket.io.engine.transport.name === 'websocket');
      }
      const id = client.id!;
      await client.request('room:join', { room: 'lobby' });
      await gateway.broadcaster.toRooms('lobby').emit('n', 1);
      await client.next('n');
      proxy.abandon();
      await client.next('disconnect');
      await proxy.mend();
      // It still looks connected, so this is sent, and lost.
      expect(await socketsOf(gateway, 'ada')).toEqual([id]);
      expect((await gateway.broadcaster.toRooms('lobby').emit('n', 2)).matched).toBe(1);
      expect(await comeBack(client)).toBe(true);
      expect(client.id).toBe(id);
      await gateway.broadcaster.toRooms('lobby').emit('n', 3);
      expect(await received(gateway, client, 'n')).toEqual([1, 2, 3]);
      expect(await socketsOf(gateway, 'ada')).toEqual([id]);
      expect(await gateway.registry.getStats()).toMatchObject({ sockets: 1, users: 1, rooms: 1 });
      const told = logger.lines.map(({ message, fields }) => [message, fields['socketId']]);
      expect(told.filter(([, socketId]) => socketId === id)).toEqual([
        ['a user connected', id],
        ['a user disconnected', id],
        ['a user connected', id],
      ]);
      client.close();
    },
  );

  it('[H4] takes over a connection that waits to be closed', async () => {
    const { gateway, proxy, far } = await start();
    const client = await far.connect({ transport: 'polling', auth: { user: 'ada', recovery: true } });
    const id = client.id!;
    await client.request('room:join', { room: 'lobby' });
    const { conn } = gateway.app.get(Namespaces).findSocket(id)!;
    const transport = conn.transport as unknown as { writable: boolean; readyState: string };
    await until('it polls', () => transport.writable);
    proxy.abandon();
    // The goodbye leaves with the poll, and the orderly close waits for the next one, which never comes.
    const ended = gateway.http('DELETE', `/v1/sockets/${id}?reconnect=true`);
    await until('it waits', () => transport.readyState === 'closing');
    expect(await socketsOf(gateway, 'ada')).toEqual([id]);
    await gateway.broadcaster.toRooms('lobby').emit('n', 1);
    const back = await gateway.connect({ auth: { user: 'ada', recovery: true, ...sessionOf(client) } });
    expect(back.id).toBe(id);
    expect(await ended).toMatchObject({ status: 204 });
    await gateway.broadcaster.toRooms('lobby').emit('n', 2);
    expect(await received(gateway, back, 'n')).toEqual([1, 2]);
    // Nor does the old connection take anything along when it is closed at last.
    await until('it is closed', () => transport.readyState === 'closed');
    await gateway.broadcaster.toRooms('lobby').emit('n', 3);
    expect(await received(gateway, back, 'n')).toEqual([1, 2, 3]);
    expect(await gateway.registry.getSocket(id)).toMatchObject({ rooms: ['lobby'] });
    client.close();
  });

  it('[H4] ends the old connection when that is still in use', async () => {
    const { gateway } = await start();
    for (const transport of TRANSPORTS) {
      const user = `user-${transport}`;
      const client = await gateway.connect({ transport, auth: { user, recovery: true } });
      const session = sessionOf(client);
      const id = client.id!;
      await client.request('room:join', { room: user });
      const back = await gateway.connect({ auth: { user, recovery: true, ...session } });
      expect(back.id).toBe(id);
      await client.next('disconnect');
      await gateway.broadcaster.toRooms(user).emit('n', 1);
      expect(await received(gateway, back, 'n')).toEqual([1]);
      expect(await socketsOf(gateway, user)).toEqual([id]);
    }
  });

  it('[H4] one of several that claim a session at once gets it', async () => {
    const { gateway } = await start();
    const client = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    const session = sessionOf(client);
    const id = await breakOff(gateway, client);
    await gateway.broadcaster.toUsers('ada').emit('n', 1);
    const claimants = Array.from({ length: 8 }, () =>
      gateway.open({ auth: { user: 'ada', recovery: true, ...session } }),
    );
    // Each takes it over from the one before, or finds it claimed and would try again.
    await Promise.all(
      claimants.map(
        ({ socket }) =>
          new Promise((resolve) => {
            socket.on('connect', () => resolve(undefined));
            socket.io.on('close', resolve);
          }),
      ),
    );
    await until('one is left', () => claimants.filter(({ socket }) => socket.id === id).length === 1);
    const [winner] = claimants.filter(({ socket }) => socket.id === id) as [TestClient];
    expect(await received(gateway, winner, 'n')).toEqual([1]);
    expect((await socketsOf(gateway, 'ada')).filter((socketId) => socketId === id)).toEqual([id]);
    for (const other of claimants) {
      if (!other.socket.connected || other === winner) continue;
      expect(await received(gateway, other, 'n')).toEqual([]);
    }
  });
});

describe('the recovery window', () => {
  const ofTheLog = onMemoryOnly(
    'how long the memory engine keeps its log, and what it drops when that is full',
  );

  it('[H4] once it is over, the client is new and nothing is kept', async () => {
    const { gateway } = await start({ recoveryWindowMs: 1 });
    const client = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    const id = await breakOff(gateway, client);
    const engine = gateway.app.get(Engine);
    await gateway.broadcaster.toUsers('ada').emit('n', 1);
    if (engine instanceof MemoryEngine) {
      await until('the session has ended', () => engine.stats.sessions === 0);
      expect(engine.stats).toMatchObject({ publications: 0, rooms: 0, waitingSessions: 0 });
    }
    expect(await comeBack(client)).toBe(false);
    expect(client.id).not.toBe(id);
    expect(await received(gateway, client, 'n')).toEqual([]);
  });

  it('[H4] of 0 turns recovery off', async () => {
    const { gateway } = await start({ recoveryWindowMs: 0 });
    const client = await gateway.connect({ auth: { user: 'ada', recovery: true } });
    await gateway.broadcaster.toUsers('ada').emit('n', 1);
    expect(await client.next('n')).toEqual([1]);
    expect(sessionOf(client).pid).toBeUndefined();
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(false);
  });

  ofTheLog(
    '[H4] a client for which there was nothing for longer than things are kept is back all the same',
    async () => {
      // Things are kept for the window and as long as a break takes to be noticed.
      const { gateway } = await start({ recoveryWindowMs: 2_000, pingIntervalMs: 500, pingTimeoutMs: 1_000 });
      const engine = gateway.app.get(Engine) as MemoryEngine;
      const sessions: TestClient[] = [];
      for (const user of ['talks', 'talked', 'asked', 'listens']) {
        const client = await gateway.connect({ auth: { user, recovery: true } });
        await client.request('room:join', { room: 'lobby' });
        sessions.push(client);
      }
      const [talks, talked, asked] = sessions as [TestClient, TestClient, TestClient];
      await gateway.broadcaster.toUsers('talked').emit('n', 0);
      const say = { room: 'lobby', event: 'line', args: [1] };
      expect(await talks.request('room:emit', say)).toMatchObject({ ok: true });
      expect(await talked.request('room:emit', say)).toMatchObject({ ok: true });
      asked.answer('asks', () => 'yes');
      await gateway.broadcaster.toUsers('asked').emitWithAck('asks', { timeoutMs: 10_000 });
      await Promise.all(sessions.map((client) => client.settled()));
      await until('nothing is kept', () => engine.stats.publications === 0);
      for (const client of sessions) {
        const id = await breakOff(gateway, client);
        await gateway.broadcaster.toSockets(id).emit('n', 1);
        expect([await comeBack(client), client.id]).toEqual([true, id]);
        expect((await received(gateway, client, 'n')).filter((n) => n === 1)).toEqual([1]);
      }
      expect(await received(gateway, talks, 'line')).toEqual([1]);
      expect(await received(gateway, talked, 'line')).toEqual([1]);
    },
  );

  ofTheLog('[H4] what a client did not get is not taken for got, however long ago it was', async () => {
    const { gateway, proxy, far } = await start({
      recoveryWindowMs: 60_000,
      maxHistoryBytes: 65_536,
      pingIntervalMs: 60_000,
    });
    const engine = gateway.app.get(Engine) as MemoryEngine;
    const client = await far.connect({ auth: { user: 'ada', recovery: true } });
    await gateway.broadcaster.toUsers('ada').emit('n', 0);
    await client.settled();
    proxy.abandon();
    await client.next('disconnect');
    await proxy.mend();
    for (let n = 1; n <= 20; n++) await gateway.broadcaster.toUsers('ada').emit('n', n, 'x'.repeat(10_000));
    expect(engine.stats.publications).toBeLessThan(20);
    expect(await comeBack(client)).toBe(false);
    expect(await received(gateway, client, 'n')).toEqual([0]);
    client.close();
  });
});

onMemoryOnly('sessions outlive the process there: nodes-recovery.e2e.ts')(
  '[H4] [O2] a client that is sent away by a drain does not find its session in the next process',
  async () => {
    const { gateway, proxy } = await start();
    const far = new TestGateway(gateway.app, proxy.url);
    const client = await far.connect({ auth: { user: 'ada', recovery: true } });
    await gateway.broadcaster.toUsers('ada').emit('n', 0);
    await client.next('n');
    const id = client.id!;
    const { port } = gateway;
    await gateway.app.close();
    expect((await client.next('server:disconnect'))[0]).toMatchObject({
      code: 'server.draining',
      retryable: true,
    });
    await client.next('disconnect');
    const next = await startGateway({ port });
    open.push(next);
    expect(await comeBack(client)).toBe(false);
    expect(client.id).not.toBe(id);
    expect(await client.request('socket:info')).toMatchObject({ recovered: false });
    // From there on it can come back, although its last cursor is one of the process before.
    const second = await breakOff(next, client);
    await next.broadcaster.toUsers('ada').emit('n', 1);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(second);
    expect(await received(next, client, 'n')).toEqual([0, 1]);
    client.close();
  },
);
