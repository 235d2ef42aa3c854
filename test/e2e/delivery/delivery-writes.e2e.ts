import type { Socket as TcpSocket } from 'node:net';
import type { Writable } from 'node:stream';
import {
  startGateway,
  type ClientOptions,
  type TestClient,
  type TestGateway,
} from 'switchboard-gateway/testing';
import { TurnWriter } from '../../../src/delivery/turn-writer.js';
import { textFrame } from '../../../src/delivery/websocket-frame.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';
import type { GatewaySocket } from '../../../src/sockets/socket-state.js';
import { MembershipService } from '../../../src/backend/membership.service.js';
import { arrivedAt } from '../../support/arrivals.js';

const EVENT = 'numbered';
const MANY = 10;

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const numbersAt = (client: TestClient): unknown[] => arrivedAt(client, EVENT).map(([number]) => number);

/** Counts the writes that reach the operating system: what a cork holds together is one. */
function countWrites(socket: GatewaySocket): { readonly count: number } {
  const { _socket } = (socket.conn.transport as unknown as { socket: { _socket: TcpSocket } }).socket;
  const stream = _socket as Writable & Required<Pick<Writable, '_write' | '_writev'>>;
  const [one, several] = [stream._write.bind(stream), stream._writev.bind(stream)];
  const writes = { count: 0 };
  stream._write = (chunk, encoding, done) => {
    writes.count++;
    one(chunk, encoding, done);
  };
  stream._writev = (chunks, done) => {
    writes.count++;
    several(chunks, done);
  };
  return writes;
}

/** Resolves when the client has moved to WebSocket and the gateway has followed. */
async function upgraded(client: TestClient): Promise<void> {
  const { engine } = client.socket.io as unknown as {
    engine: { transport: { name: string }; once(event: 'upgrade', listener: () => void): void };
  };
  if (engine.transport.name !== 'websocket') {
    await new Promise<void>((resolve) => engine.once('upgrade', resolve));
  }
  await client.settled();
}

describe('the publications of one turn', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(async () => {
    await gateway?.close();
  });

  const connect = async (
    options: ClientOptions = {},
  ): Promise<{ client: TestClient; socket: GatewaySocket }> => {
    const client = await gateway.connect(options);
    if (options.transport === 'upgrade') await upgraded(client);
    await client.request('room:join', { room: 'lobby' });
    return { client, socket: gateway.app.get(Namespaces).findSocket(client.id!)! };
  };

  /** One publication, each to another kind of target. */
  const publish = (number: number, { user, id }: { user: string; id: string }): void => {
    const { broadcaster } = gateway;
    const targets = [
      broadcaster.toAll(),
      broadcaster.toRooms('lobby'),
      broadcaster.toUsers(user),
      broadcaster.toSockets(id),
    ];
    void targets[number % targets.length]!.emit(EVENT, number);
  };

  // This is also what fails when an upgrade of `ws` or `engine.io` no longer has what turn-writer.ts works with:
  // every publication is then a write of its own.
  it.each<ClientOptions>([
    { version: 4, transport: 'websocket' },
    { version: 3, transport: 'websocket' },
    { version: 4, transport: 'upgrade' },
  ])('[D8] leave in one write for a v$version client by $transport', async (options) => {
    const { client, socket } = await connect({ ...options, auth: { user: 'ada' } });
    const writes = countWrites(socket);
    for (const number of numbers(MANY)) publish(number, { user: 'ada', id: client.id! });
    expect(writes.count).toBe(0);
    await nextTurn();
    expect(writes.count).toBe(1);
    await client.settled();
    expect(numbersAt(client)).toEqual(numbers(MANY));
    client.close();
  });

  it('[D8] leave in one write for each of many sockets', async () => {
    const all = await Promise.all(numbers(20).map(() => connect()));
    const writes = all.map(({ socket }) => countWrites(socket));
    for (const number of numbers(MANY)) void gateway.broadcaster.toRooms('lobby').emit(EVENT, number);
    await nextTurn();
    expect(writes.map(({ count }) => count)).toEqual(all.map(() => 1));
    for (const { client } of all) {
      await client.settled();
      expect(numbersAt(client)).toEqual(numbers(MANY));
      client.close();
    }
  });

  it('[D8] do not wait for a timer: a lone one leaves before the turn is over', async () => {
    const { client, socket } = await connect();
    const writes = countWrites(socket);
    void gateway.broadcaster.toAll().emit(EVENT, 0);
    // Runs right after what was put off until the end of this turn, and before any timer.
    await nextTurn();
    expect(writes.count).toBe(1);
    await client.settled();
    expect(numbersAt(client)).toEqual([0]);
    client.close();
  });

  it('[D4] [D8] keep their order with direct emits between them', async () => {
    const { client, socket } = await connect();
    for (const number of numbers(MANY)) {
      if (number % 3 === 0) socket.emit(EVENT, number);
      else void gateway.broadcaster.toAll().emit(EVENT, number);
    }
    await client.settled();
    expect(numbersAt(client)).toEqual(numbers(MANY));
    client.close();
  });

  it('[D8] [L7] leave before the socket is ended in the same turn', async () => {
    const { client } = await connect();
    for (const number of numbers(MANY)) void gateway.broadcaster.toAll().emit(EVENT, number);
    const ended = gateway.app.get(MembershipService).disconnect({ socketId: client.id! }, true);
    await client.next('disconnect');
    expect(await ended).toBe(1);
    expect(numbersAt(client)).toEqual(numbers(MANY));
  });

  it.each<ClientOptions>([
    { version: 2, transport: 'websocket' },
    { version: 2, transport: 'polling' },
    { version: 4, transport: 'polling' },
  ])('[D4] go the plain way, in order, to a v$version client by $transport', async (options) => {
    const { client, socket } = await connect(options);
    expect(new TurnWriter().collect(socket.conn, textFrame('4'))).toBe(false);
    for (const number of numbers(MANY)) void gateway.broadcaster.toAll().emit(EVENT, number);
    await client.settled();
    expect(numbersAt(client)).toEqual(numbers(MANY));
    client.close();
  });

  it('[D8] a connection as ws and engine.io make it today is one that frames are collected for', async () => {
    const { client, socket } = await connect();
    expect(new TurnWriter().collect(socket.conn, textFrame(`42["${EVENT}",7]`))).toBe(true);
    await client.settled();
    expect(numbersAt(client)).toEqual([7]);
    client.close();
  });
});

/** They are given to most of its sockets together; what happens between them must not be missed for that. */
describe('many publications of one turn to the same room', () => {
  const MEMBERS = 6;
  const ROOM = 'crowd';
  let gateway: TestGateway;
  let clients: TestClient[];
  let sockets: GatewaySocket[];

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(async () => {
    await gateway?.close();
  });
  beforeEach(async () => {
    clients = await Promise.all(numbers(MEMBERS).map(() => gateway.connect()));
    sockets = clients.map(({ id }) => gateway.app.get(Namespaces).findSocket(id!)!);
    for (const socket of sockets) await socket.join(ROOM);
  });
  afterEach(() => {
    for (const client of clients) client.close();
  });

  /** Publishes numbers up to `MANY`, with something done before one of them; gives how many sockets each matched. */
  async function publish(doneBefore: Readonly<Record<number, () => unknown>>): Promise<number[]> {
    const matched: Promise<{ matched: number }>[] = [];
    for (const number of numbers(MANY)) {
      void doneBefore[number]?.();
      matched.push(gateway.broadcaster.toRooms(ROOM).emit(EVENT, number));
    }
    return (await Promise.all(matched)).map((each) => each.matched);
  }

  async function arrived(): Promise<unknown[][]> {
    await Promise.all(clients.map((client) => client.settled()));
    return clients.map((client) => numbersAt(client));
  }

  const ALL = numbers(MANY);

  it('[D4] leaves what one is sent alone in its place among them', async () => {
    const alone = (member: number, number: number) => () => sockets[member]!.emit(EVENT, number);
    const matched = await publish({ 4: alone(1, 100), 6: alone(1, 101), 8: alone(2, 102), 9: alone(1, 103) });
    expect(matched).toEqual(ALL.map(() => MEMBERS));
    const [first, second, third, ...others] = await arrived();
    expect(second).toEqual([0, 1, 2, 3, 100, 4, 5, 101, 6, 7, 8, 103, 9]);
    expect(third).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 102, 8, 9]);
    for (const each of [first, ...others]) expect(each).toEqual(ALL);
  });

  it('[D4] keeps their order with publications to another room of the same sockets between them', async () => {
    for (const socket of sockets.slice(1)) await socket.join('other');
    const toOther = (number: number) => () => gateway.broadcaster.toRooms('other').emit(EVENT, number);
    await publish({ 3: toOther(100), 5: toOther(101), 6: toOther(102), 9: toOther(103) });
    const [first, ...others] = await arrived();
    expect(first).toEqual(ALL);
    for (const each of others) expect(each).toEqual([0, 1, 2, 100, 3, 4, 101, 5, 102, 6, 7, 8, 103, 9]);
  });

  it('[D1] is for those who are in the room at each of them', async () => {
    const matched = await publish({
      4: () => sockets[0]!.leave(ROOM),
      6: () => sockets[0]!.join(ROOM),
      7: () => sockets[1]!.leave(ROOM),
      8: () => sockets[2]!.leave(ROOM),
    });
    expect(matched).toEqual([6, 6, 6, 6, 5, 5, 6, 5, 4, 4]);
    const got = await arrived();
    expect(got.slice(0, 3)).toEqual([[0, 1, 2, 3, 6, 7, 8, 9], ALL.slice(0, 7), ALL.slice(0, 8)]);
    for (const each of got.slice(3)) expect(each).toEqual(ALL);
  });

  it('[D1] is for nobody who has been disconnected between them', async () => {
    const matched = await publish({ 5: () => sockets[0]!.disconnect(true) });
    expect(matched).toEqual([6, 6, 6, 6, 6, 5, 5, 5, 5, 5]);
    await clients[0]!.next('disconnect');
    expect(numbersAt(clients[0]!)).toEqual(numbers(5));
    clients.shift();
    for (const each of await arrived()) expect(each).toEqual(ALL);
  });

  it('[T1] tells a listener of onAnyOutgoing() that comes between them of the rest', async () => {
    const heard: unknown[] = [];
    await publish({ 6: () => sockets[3]!.onAnyOutgoing((_, number) => heard.push(number)) });
    expect(heard).toEqual([6, 7, 8, 9]);
    for (const each of await arrived()) expect(each).toEqual(ALL);
  });

  it('[D4] [Q3] sends on, in order, what is too much for one write', async () => {
    const writes = sockets.map((socket) => countWrites(socket));
    const filler = 'x'.repeat(60_000);
    for (const number of numbers(12)) void gateway.broadcaster.toRooms(ROOM).emit(EVENT, number, filler);
    await nextTurn();
    expect(writes.map(({ count }) => count)).toEqual(writes.map(() => 3));
    for (const each of await arrived()) expect(each).toEqual(numbers(12));
  });

  it('[D8] leaves in one write for each, also with something sent alone between them', async () => {
    const writes = sockets.map((socket) => countWrites(socket));
    const from = clients.map(({ id }) => id!);
    for (const number of ALL) {
      void gateway.broadcaster.toRooms(ROOM).emit(EVENT, number);
      if (number % 3 === 2) void gateway.broadcaster.toSockets(from[number % MEMBERS]!).emit(EVENT, -number);
    }
    await nextTurn();
    expect(writes.map(({ count }) => count)).toEqual(writes.map(() => 1));
    const got = await arrived();
    expect(got[2]).toEqual([0, 1, 2, -2, 3, 4, 5, 6, 7, 8, -8, 9]);
    expect(got[5]).toEqual([0, 1, 2, 3, 4, 5, -5, 6, 7, 8, 9]);
  });
});
