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
