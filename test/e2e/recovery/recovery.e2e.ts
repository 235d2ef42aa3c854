import { startGateway, TestGateway, type TestClient } from 'switchboard-gateway/testing';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import { CollectingLogger } from '../../support/collecting-logger.js';
import { CuttingProxy } from '../../support/cutting-proxy.js';
import { breakOff, comeBack, received, sessionOf } from '../../support/recovering.js';

const TRANSPORTS = ['websocket', 'polling', 'upgrade'] as const;

/** 120 of them are more than three times what a socket may have unsent. */
const LARGE = Buffer.alloc(30_000, 'x');

const logger = new CollectingLogger();
let gateway: TestGateway;
let proxy: CuttingProxy;

beforeAll(async () => {
  gateway = await startGateway({ logger, history: 'kept:*=100/1h' });
  proxy = await CuttingProxy.to(gateway.port);
});
afterAll(async () => {
  await proxy?.close();
  await gateway?.close();
});

let users = 0;
const newUser = (): string => `user-${++users}`;

const connect = (
  user: string,
  transport: (typeof TRANSPORTS)[number] = 'websocket',
  more: object = {},
): Promise<TestClient> => gateway.connect({ transport, auth: { user, recovery: true, ...more } });

describe('a client that asked for recovery and lost its connection', () => {
  it.each(TRANSPORTS)(
    '[H4] is the same socket again, with its rooms and what it missed, by %s',
    async (transport) => {
      const user = newUser();
      const room = `room-${user}`;
      const client = await connect(user, transport);
      await client.request('room:join', { room });
      await client.request('room:join', { room: `kept:${user}` });
      const { broadcaster } = gateway;
      await broadcaster.toRooms(room).emit('n', 0);

      expect(await received(gateway, client, 'n')).toEqual([0]);
      const id = await breakOff(gateway, client);
      await broadcaster.toRooms(room).emit('n', 1);
      await broadcaster.toUsers(user).emit('n', 2);
      await broadcaster.toSockets(id).emit('n', 3);
      await broadcaster.toAll().emit('n', 4);
      await gateway.http('POST', '/v1/emit', { to: { rooms: [`kept:${user}`] }, event: 'n', data: 5 });
      await broadcaster.to({ rooms: [room, `kept:${user}`], users: [user], sockets: [id] }).emit('n', 6);
      await broadcaster
        .toAll()
        .except({ rooms: [room] })
        .emit('n', -1);
      await broadcaster
        .toAll()
        .except({ users: [user] })
        .emit('n', -2);
      await broadcaster
        .toAll()
        .except({ sockets: [id] })
        .emit('n', -3);
      await broadcaster.toRooms('elsewhere').emit('n', -4);

      expect(await comeBack(client)).toBe(true);
      expect(client.id).toBe(id);
      const { rooms: isIn, ...info } = await client.request('socket:info');
      expect(info).toMatchObject({ socketId: id, user, recovered: true });
      expect(new Set(isIn as string[])).toEqual(new Set([room, `kept:${user}`]));
      await broadcaster.toRooms(room).emit('n', 7);
      expect(await received(gateway, client, 'n')).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(await gateway.registry.getSocket(id)).toMatchObject({ user });
      const rooms = await gateway.registry.getRoomsOfSocket(id);
      expect(rooms.toSorted()).toEqual([`kept:${user}`, room]);
      expect(
        logger.find('a user connected', { socketId: id }).map(({ fields }) => fields['recovered']),
      ).toEqual([undefined, true]);
    },
  );

  it('[H4] is back also when there was nothing to recover, before it ever got an event', async () => {
    const client = await connect(newUser());
    const id = await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(id);
  });

  it('[H4] leaves nothing of its way in on its connection once it is back', async () => {
    const client = await connect(newUser());
    const listeners = (): number =>
      gateway.app.get(Namespaces).findSocket(client.id!)!.conn.listenerCount('close');
    const atFirst = listeners();
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect(listeners()).toBe(atFirst);
    client.close();
  });

  it('[H4] comes back again and again, and gets each event once', async () => {
    const user = newUser();
    const client = await connect(user);
    await client.request('room:join', { room: user });
    for (let n = 0; n < 5; n++) {
      await breakOff(gateway, client);
      await gateway.broadcaster.toRooms(user).emit('n', n);
      expect(await comeBack(client)).toBe(true);
    }
    expect(await received(gateway, client, 'n')).toEqual([0, 1, 2, 3, 4]);
  });

  it('[H4] gets the rest when the connection breaks in the middle of what it missed', async () => {
    const user = newUser();
    const far = new TestGateway(gateway.app, proxy.url);
    const client = await far.connect({ auth: { user, recovery: true } });
    await client.request('room:join', { room: user });
    await breakOff(gateway, client);
    const all = Array.from({ length: 500 }, (_, n) => n);
    for (const n of all) void gateway.broadcaster.toRooms(user).emit('n', n, 'x'.repeat(1_000));
    for (const bytes of [100_000, 150_000]) {
      proxy.cutAfter(bytes);
      expect(await comeBack(client)).toBe(true);
      await client.next('disconnect');
      const got = client.queue.log.filter(({ event }) => event === 'n').length;
      expect(got).toBeGreaterThan(50);
      expect(got).toBeLessThan(450);
    }
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'n')).toEqual(all);
    client.close();
  });

  // All of it was sent at once, so that the client was ended as a slow one, whenever it came back.
  it.each(TRANSPORTS)(
    '[H4] [Q3] [D5] gets more than a socket may have unsent, and then what is published meanwhile, by %s',
    async (transport) => {
      const user = newUser();
      const client = await connect(user, transport);
      await client.request('room:join', { room: user });
      await breakOff(gateway, client);
      const say = (n: number): Promise<unknown> =>
        gateway.broadcaster.toRooms(user).emit('n', n, n % 10 === 0 ? LARGE : LARGE.toString('latin1'));
      for (let n = 0; n < 120; n++) await say(n);
      expect(await comeBack(client)).toBe(true);
      for (let n = 120; n < 125; n++) await say(n);
      expect(await received(gateway, client, 'n')).toEqual(Array.from({ length: 125 }, (_, n) => n));
      expect(logger.find('a user disconnected', { user, reason: 'slow_consumer' })).toEqual([]);
      client.close();
    },
  );

  it('[H4] [Q3] gets each once when the connection breaks while more than it may have unsent is under way', async () => {
    const user = newUser();
    const far = new TestGateway(gateway.app, proxy.url);
    const client = await far.connect({ auth: { user, recovery: true } });
    await client.request('room:join', { room: user });
    await breakOff(gateway, client);
    const all = Array.from({ length: 120 }, (_, n) => n);
    for (const n of all) await gateway.broadcaster.toRooms(user).emit('n', n, LARGE.toString('latin1'));
    for (let breaks = 0; breaks < 3; breaks++) {
      proxy.cutAfter(900_000);
      expect(await comeBack(client)).toBe(true);
      await client.next('disconnect');
    }
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'n')).toEqual(all);
    client.close();
  });

  it('[H4] [D3] gets binary arguments as they were', async () => {
    const user = newUser();
    const client = await connect(user);
    await breakOff(gateway, client);
    const bytes = Buffer.from([0, 1, 127, 128, 255]);
    void gateway.broadcaster.toUsers(user).emit('n', bytes, { deep: [bytes, 'ä😀'] });
    bytes.fill(7);
    await gateway.broadcaster.toUsers(user).emit('n', 'after');
    expect(await comeBack(client)).toBe(true);
    const kept = Buffer.from([0, 1, 127, 128, 255]);
    const [first, second, cursor] = await client.next('n');
    expect(Buffer.from(first as Uint8Array)).toEqual(kept);
    expect(second).toEqual({ deep: [kept, 'ä😀'] });
    expect(cursor).toEqual(expect.any(String));
    expect((await client.next('n'))[0]).toBe('after');
  });

  it('[H4] [D3] gets dates and the like as it would have got them without a break', async () => {
    const user = newUser();
    const client = await connect(user);
    const args = [{ at: new Date(0), bytes: Buffer.from([1]) }, { toJSON: () => [new Date(0)] }];
    await gateway.broadcaster.toUsers(user).emit('n', ...args);
    const live = await client.next('n');
    await breakOff(gateway, client);
    await gateway.broadcaster.toUsers(user).emit('n', ...args);
    expect(await comeBack(client)).toBe(true);
    const since = '1970-01-01T00:00:00.000Z';
    const expected = [{ at: since, bytes: Buffer.from([1]) }, [since], expect.any(String)];
    expect([live, await client.next('n')]).toEqual([expected, expected]);
  });

  it('[H4] is not given what was volatile or waited for its acknowledgement', async () => {
    const user = newUser();
    const client = await connect(user);
    const { broadcaster } = gateway;
    await client.request('room:join', { room: user });
    await breakOff(gateway, client);
    await broadcaster.toRooms(user).volatile().emit('n', -1);
    expect(await broadcaster.toRooms(user).emitWithAck('n', -2, { timeoutMs: 1 })).toMatchObject({
      responses: [],
      missing: [],
    });
    await broadcaster.toRooms(user).emit('n', 1);
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'n')).toEqual([1]);
  });

  it('[H4] is not given what it had left before, or what was sent before it joined', async () => {
    const user = newUser();
    const client = await connect(user);
    const { broadcaster } = gateway;
    await client.request('room:join', { room: `left-${user}` });
    await client.request('room:leave', { room: `left-${user}` });
    await broadcaster.toRooms(`late-${user}`).emit('n', -1);
    await client.request('room:join', { room: `late-${user}` });
    await breakOff(gateway, client);
    await broadcaster.toRooms(`left-${user}`).emit('n', -2);
    await broadcaster.toRooms(`late-${user}`).emit('n', 1);
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'n')).toEqual([1]);
  });

  it('[H4] [M1] gets the lines of others, and not its own', async () => {
    const user = newUser();
    const client = await connect(user);
    const other = await gateway.connect();
    const room = `chat-${user}`;
    await client.request('room:join', { room });
    await other.request('room:join', { room });
    await client.request('room:emit', { room, event: 'n', args: ['mine'] });
    await breakOff(gateway, client);
    await other.request('room:emit', { room, event: 'n', args: ['theirs'] });
    expect(await comeBack(client)).toBe(true);
    expect(await received(gateway, client, 'n')).toEqual(['theirs']);
    expect(await received(gateway, other, 'n')).toEqual(['mine']);
  });

  it('[H4] is in the rooms that a backend put it in, and not in those that it was taken out of', async () => {
    const user = newUser();
    const client = await connect(user);
    const path = `/v1/sockets/${client.id}/rooms`;
    await gateway.http('PUT', `${path}/by-backend`);
    await client.request('room:join', { room: 'taken-away' });
    await gateway.http('DELETE', `${path}/taken-away`);
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect(await client.request('socket:info')).toMatchObject({ rooms: ['by-backend'] });
  });

  it('[H4] is not in the rooms that a backend took it out of while it was away, and gets nothing of them', async () => {
    const leaves: ((user: string, id: string) => Promise<unknown>)[] = [
      (user) => gateway.http('DELETE', `/v1/users/${user}/rooms/taken-away`),
      (user) => gateway.http('POST', '/v1/batch', { commands: [{ leave: { room: 'taken-away', user } }] }),
      (_, id) => gateway.http('DELETE', `/v1/sockets/${id}/rooms/taken-away`),
      (_, id) =>
        gateway.http('POST', '/v1/batch', { commands: [{ leave: { room: 'taken-away', socketId: id } }] }),
    ];
    for (const leave of leaves) {
      const user = newUser();
      const client = await connect(user);
      for (const room of ['taken-away', 'stays']) await client.request('room:join', { room, presence: true });
      const id = await breakOff(gateway, client);
      const { broadcaster } = gateway;
      await broadcaster.toRooms('taken-away').emit('n', -1);
      await leave(user, id);
      await broadcaster.toRooms('taken-away').emit('n', -2);
      await broadcaster.toRooms('taken-away', 'stays').emit('n', 1);
      // What is given is for those who are there.
      await gateway.http('PUT', `/v1/users/${user}/rooms/given`);
      const other = await connect(newUser());
      const watcher = await connect(newUser());
      await watcher.request('room:join', { room: 'taken-away', presence: true });
      await other.request('room:join', { room: 'taken-away' });
      // Notices are gathered: when this one is told, what was to be told before has been.
      await watcher.next('room:presence');
      watcher.close();
      expect(await comeBack(client)).toBe(true);
      expect(client.id).toBe(id);
      expect(await client.request('socket:info')).toMatchObject({ rooms: ['stays'] });
      await broadcaster.toRooms('taken-away').emit('n', -3);
      await broadcaster.toRooms('stays').emit('n', 2);
      expect(await received(gateway, client, 'n')).toEqual([1, 2]);
      expect(await received(gateway, client, 'room:presence')).toEqual([]);
      for (const each of [client, other]) each.close();
    }
  });

  it.each(TRANSPORTS)('[H4] is the same user again when it gave no name, by %s', async (transport) => {
    const client = await gateway.connect({ transport, auth: { recovery: true } });
    const { user } = await client.request('socket:info');
    expect(user).toMatch(/^anonymous:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await client.request('room:join', { room: `of-${client.id}` });
    for (let n = 0; n < 4; n += 2) {
      const id = await breakOff(gateway, client);
      await gateway.broadcaster.toRooms(`of-${id}`).emit('n', n);
      await gateway.broadcaster.toUsers(user as string).emit('n', n + 1);
      expect(await comeBack(client)).toBe(true);
      expect(await client.request('socket:info')).toMatchObject({ socketId: id, user, recovered: true });
    }
    expect(await received(gateway, client, 'n')).toEqual([0, 1, 2, 3]);
  });

  it('[H4] is someone new without a name when its session has ended, and can come back as that', async () => {
    const client = await gateway.connect({ auth: { recovery: true } });
    const { user } = await client.request('socket:info');
    await gateway.http('DELETE', `/v1/sockets/${client.id}`);
    await client.next('disconnect');
    expect(await comeBack(client)).toBe(false);
    const { user: next } = await client.request('socket:info');
    expect(next).not.toBe(user);
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect(await client.request('socket:info')).toMatchObject({ user: next });
  });

  it('[H4] [R5] has no name and does not get the session of one that has, nor the other way round', async () => {
    const named = await connect(newUser());
    const unnamed = await gateway.connect({ auth: { recovery: true } });
    const sessions = [sessionOf(named), sessionOf(unnamed)];
    const ids = [await breakOff(gateway, named), await breakOff(gateway, unnamed)];
    const intruders = [
      await gateway.connect({ auth: { recovery: true, ...sessions[0] } }),
      await connect(newUser(), 'websocket', sessions[1]),
    ];
    for (const intruder of intruders) {
      expect(await intruder.request('socket:info')).toMatchObject({ recovered: false });
      expect(ids).not.toContain(intruder.id);
    }
    for (const client of [named, unnamed]) expect(await comeBack(client)).toBe(true);
    expect([named.id, unnamed.id]).toEqual(ids);
  });

  it('[H4] is back when it had come in as someone new in between, whatever it got last', async () => {
    // The stock client keeps the last cursor of the session before.
    const user = newUser();
    const client = await connect(user);
    await gateway.broadcaster.toUsers(user).emit('n', 0);
    await client.next('n');
    const { offset } = sessionOf(client);
    expect(offset).toEqual(expect.any(String));
    const first = client.id!;
    await gateway.http('DELETE', `/v1/sockets/${first}`);
    await client.next('disconnect');
    const other = await connect(newUser());
    await gateway.broadcaster.toSockets(other.id!).emit('n', -1);
    expect(await comeBack(client)).toBe(false);
    expect(client.id).not.toBe(first);
    await breakOff(gateway, client);
    expect(await comeBack(client)).toBe(true);
    expect(sessionOf(client).offset).toBe(offset);
    const second = await breakOff(gateway, client);
    await gateway.broadcaster.toUsers(user).emit('n', 1);
    expect(await comeBack(client)).toBe(true);
    expect(client.id).toBe(second);
    expect(await received(gateway, client, 'n')).toEqual([0, 1]);
  });
});

describe('a client that did not ask for recovery', () => {
  it.each([2, 3, 4] as const)(
    '[H4] sees no extra argument and is a new socket, v%i, next to one that asked',
    async (version) => {
      const user = newUser();
      const asking = await connect(user);
      const plain = await gateway.connect({ version, auth: { user } });
      const { id } = plain;
      for (const client of [asking, plain]) await client.request('room:join', { room: user });
      await gateway.broadcaster.toRooms(user).emit('n', 1, 'two');
      expect(await plain.next('n')).toEqual([1, 'two']);
      expect(await asking.next('n')).toEqual([1, 'two', expect.any(String)]);
      await breakOff(gateway, plain);
      await gateway.broadcaster.toRooms(user).emit('n', 2);
      expect(await comeBack(plain)).toBe(false);
      expect(plain.id).not.toBe(id);
      expect(await received(gateway, plain, 'n')).toEqual([1]);
      expect(await plain.request('socket:info')).toMatchObject({ rooms: [], recovered: false });
    },
  );

  it('[H4] a 2.x client that asks gets none, because it has no way to come back', async () => {
    const user = newUser();
    const client = await gateway.connect({ version: 2, auth: { user, recovery: 'true' } });
    await gateway.broadcaster.toUsers(user).emit('n', 1);
    expect(await client.next('n')).toEqual([1]);
  });

  it.each([1, 'true', {}, null])('[H4] `recovery: %j` is not asking', async (recovery) => {
    const user = newUser();
    const client = await gateway.connect({ auth: { user, recovery } });
    await gateway.broadcaster.toUsers(user).emit('n', 1);
    expect(await client.next('n')).toEqual([1]);
    expect(sessionOf(client).pid).toBeUndefined();
  });
});
