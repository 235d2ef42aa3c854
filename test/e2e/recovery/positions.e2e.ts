import { startGateway, type TestClient, type TestGateway } from 'switchboard-gateway/testing';
import { Engine } from '../../../src/engine/engine.js';
import { SwitchboardError } from '../../../src/protocol/errors.js';
import { arrivedAt } from '../../support/arrivals.js';
import { clientsOf } from '../../support/client-matrix.js';
import { describeWithPython, startPythonClient, type PythonClient } from '../../support/python.js';
import { breakOff, comeBack } from '../../support/recovering.js';
import { until } from '../../support/until.js';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startGateway({ history: 'chat:*=100/1h,lobby=100/1h' });
});
afterAll(async () => {
  await gateway?.close();
});

let rooms = 0;
const newRoom = (): string => `chat:p${++rooms}`;
const joined = async (client: TestClient, room: string, more: object = { meta: true }): Promise<string> => {
  const answer = await client.request('room:join', { room, ...more });
  expect(answer).toMatchObject({ ok: true, room, epoch: expect.any(String), offset: expect.any(Number) });
  return answer['epoch'] as string;
};

describe.each(clientsOf([2, 3, 4]))('a client that joins with `meta`, v$version by $transport', (how) => {
  it('[H5] is told the position of every publication, and nobody else is', async () => {
    const room = newRoom();
    const client = await gateway.connect(how);
    const others = [await gateway.connect(how), await gateway.connect({ version: 4 })];
    const epoch = await joined(client, room);
    for (const other of others) await joined(other, room, {});
    const { broadcaster } = gateway;
    const { id } = await broadcaster.toRooms(room).emit('n', 1, 'two');
    const bytes = Buffer.from([0, 255]);
    await broadcaster.toRooms(room).emit('n', bytes);
    client.answer('n-ack', (...args) => args.length);
    for (const other of others) other.answer('n-ack', (...args) => args.length);
    const { responses } = await broadcaster.toRooms(room).emitWithAck('n-ack', 3, { timeoutMs: 10_000 });
    // What waits for an acknowledgement has its place in the history, so it is told as well.
    expect(responses.map(({ args }) => args[0]).toSorted()).toEqual([1, 1, 2]);
    await broadcaster.toAll().emit('n', 'no room');
    expect(await client.next('n')).toEqual([1, 'two', { room, id, epoch, offset: 1 }]);
    const [binary, position] = await client.next('n');
    expect(Buffer.from(binary as Uint8Array)).toEqual(bytes);
    expect(position).toMatchObject({ room, epoch, offset: 2 });
    expect((await client.next('n-ack'))[1]).toMatchObject({ room, epoch, offset: 3 });
    expect(await client.next('n')).toEqual(['no room']);
    for (const other of others) {
      expect(await other.next('n')).toEqual([1, 'two']);
      expect(await other.next('n')).toHaveLength(1);
      expect(await other.next('n-ack')).toEqual([3]);
      expect(await other.next('n')).toEqual(['no room']);
    }
    for (const each of [client, ...others]) each.close();
  });

  it('[H5] [H3] goes on where it was after a break, by `since`', async () => {
    const room = newRoom();
    const client = await gateway.connect(how);
    await joined(client, room);
    await gateway.broadcaster.toRooms(room).emit('n', 1);
    const [, { epoch, offset }] = (await client.next('n')) as [number, { epoch: string; offset: number }];
    await breakOff(gateway, client);
    await gateway.broadcaster.toRooms(room).emit('n', 2);
    await gateway.broadcaster.toRooms(room).emitWithAck('n', 3, { timeoutMs: 1 });
    expect(await comeBack(client)).toBe(false);
    const answer = await client.request('room:join', { room, meta: true, since: { epoch, offset } });
    expect(answer).toMatchObject({
      recovered: true,
      offset: 3,
      publications: [{ args: [2] }, { args: [3] }],
    });
    await gateway.broadcaster.toRooms(room).emit('n', 4);
    expect(await client.next('n')).toMatchObject([4, { offset: 4 }]);
    client.close();
  });
});

it('[H5] a publication to two such rooms comes once, with the position in one of them', async () => {
  const [one, two, three] = [newRoom(), newRoom(), newRoom()];
  const both = await gateway.connect();
  const second = await gateway.connect();
  for (const room of [one, two]) await joined(both, room);
  await joined(second, two);
  await joined(second, one, {});
  await gateway.broadcaster.toRooms(three, one, two).emit('n', 1);
  await Promise.all([both.settled(), second.settled()]);
  expect(arrivedAt(both, 'n')).toMatchObject([[1, { room: one, offset: 1 }]]);
  expect(arrivedAt(second, 'n')).toMatchObject([[1, { room: two, offset: 1 }]]);
});

it('[H5] leaving the room ends it, and joining without it afterwards does not bring it back', async () => {
  const [room, other] = [newRoom(), newRoom()];
  const client = await gateway.connect({ auth: { user: 'leaver' } });
  await joined(client, room);
  await joined(client, other);
  await client.request('room:leave', { room });
  await gateway.broadcaster.to({ rooms: [room], users: ['leaver'] }).emit('n', 1);
  await joined(client, room, {});
  await gateway.broadcaster.toRooms(room).emit('n', 2);
  await gateway.http('DELETE', `/v1/sockets/${client.id!}/rooms/${other}`);
  await gateway.broadcaster.to({ rooms: [other], users: ['leaver'] }).emit('n', 3);
  await client.settled();
  expect(arrivedAt(client, 'n')).toEqual([[1], [2], [3]]);
});

it('[H4] [H5] with recovery the cursor comes after the position, and both are there again', async () => {
  const room = newRoom();
  const client = await gateway.connect({ auth: { user: 'both', recovery: true } });
  const epoch = await joined(client, room);
  await gateway.broadcaster.toRooms(room).emit('n', 1);
  expect(await client.next('n')).toEqual([
    1,
    { room, id: expect.any(String), epoch, offset: 1 },
    expect.any(String),
  ]);
  await breakOff(gateway, client);
  await gateway.broadcaster.toRooms(room).emit('n', 2);
  expect(await comeBack(client)).toBe(true);
  expect(await client.next('n')).toMatchObject([2, { room, epoch, offset: 2 }, expect.any(String)]);
  await gateway.broadcaster.toRooms(room).emit('n', 3);
  expect(await client.next('n')).toMatchObject([3, { room, epoch, offset: 3 }, expect.any(String)]);
});

it('[H1] [H5] a room without a history has no positions', async () => {
  const client = await gateway.connect();
  expect(await client.request('room:join', { room: 'plain', meta: true })).toMatchObject({
    ok: false,
    error: { code: 'history.disabled' },
  });
  expect(await client.request('socket:info')).toMatchObject({ rooms: [] });
});

describeWithPython('a python-socketio client', () => {
  const withClient = async (
    transport: string,
    use: (python: PythonClient) => Promise<void>,
  ): Promise<void> => {
    const python = startPythonClient(gateway.url, transport, `python-${transport}`, 'positions');
    try {
      await use(python);
    } finally {
      python.kill();
      await python.exited;
    }
  };

  const isToldPositions = async ({ events }: PythonClient): Promise<{ offset: number }> => {
    const [answer] = (await events.next('joined')) as [{ epoch: string; offset: number }];
    const { id } = await gateway.broadcaster.toRooms('lobby').emit('news', 1);
    const { epoch, offset } = answer;
    expect(await events.next('news')).toEqual([1, { room: 'lobby', id, epoch, offset: offset + 1 }]);
    return answer;
  };

  it('[H5] is told positions by polling', async () => {
    // Not resumed here: its polling loop may die of an error of its own when it disconnects, and its goodbye with it.
    await withClient('polling', async (python) => {
      await isToldPositions(python);
    });
  });

  it('[H5] [H3] is told positions by websocket, and goes on by `since`', async () => {
    await withClient('websocket', async (python) => {
      const { offset } = await isToldPositions(python);
      const { events } = python;
      await events.next('away');
      await until('it is gone', async () => !(await gateway.registry.getUser('python-websocket')).online);
      await gateway.broadcaster.toRooms('lobby').emit('news', 2);
      python.say('come back');
      expect(await events.next('resumed')).toMatchObject([
        { ok: true, recovered: true, offset: offset + 2, publications: [{ args: [2], offset: offset + 2 }] },
      ]);
      await gateway.broadcaster.toRooms('lobby').emit('news', 3);
      expect(await events.next('news')).toMatchObject([3, { offset: offset + 3 }]);
    });
  });
});

describe('a join with `meta` that fails', () => {
  it('[H5] [M1] leaves a member as it was: told no positions', async () => {
    const { history } = gateway.app.get(Engine);
    const read = history.read.bind(history);
    const room = newRoom();
    const client = await gateway.connect();
    await joined(client, room, {});
    history.read = () => Promise.reject(new SwitchboardError('engine.unavailable'));
    try {
      expect(await client.request('room:join', { room, meta: true })).toMatchObject({
        ok: false,
        error: { code: 'engine.unavailable', retryable: true },
      });
    } finally {
      history.read = read;
    }
    await gateway.broadcaster.toRooms(room).emit('n', 1);
    expect(await client.next('n')).toEqual([1]);
    await joined(client, room);
    await gateway.broadcaster.toRooms(room).emit('n', 2);
    expect(await client.next('n')).toMatchObject([2, { room, offset: 2 }]);
    client.close();
  });
});
