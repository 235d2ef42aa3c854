import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket } from 'socket.io';
import { createClient, type TestClient } from 'switchboard-gateway/testing';
import { tcpSocketOf } from '../engine-connection.js';
import { slimConnection, slimSocket } from './slim-connection.js';
import { SmallMap } from './small-map.js';

/** What is used of a client's socket in a second namespace. */
interface SecondSocket {
  once(event: string, listener: () => void): this;
  disconnect(): this;
}

/** A look at private state, by path. */
const inside = (object: object, ...path: string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], object);

describe('a WebSocket connection made smaller', () => {
  let server: Server;
  let client: TestClient;
  let socket: Socket;
  let url: string;

  beforeEach(async () => {
    const http = createServer();
    server = new Server(http);
    const connected = once(server, 'connection') as Promise<[Socket]>;
    await once(http.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    client = createClient(url, { transport: 'websocket' });
    [socket] = await connected;
    await client.next('connect');
  });
  afterEach(async () => {
    client.close();
    await server.close();
  });

  const slim = (): void => {
    slimConnection(socket.conn);
    slimSocket(socket);
  };

  it('was as large as this expects it to be: when it is not, see what is new', () => {
    const { conn, client: connection } = socket;
    for (const emitter of [conn, conn.transport, inside(conn.transport, 'socket'), socket]) {
      expect(Object.getPrototypeOf(inside(emitter as object, '_events'))).toBeNull();
    }
    const webSocket = inside(conn.transport, 'socket') as Socket;
    expect(webSocket.listeners('error').map(({ name }) => name)).toEqual(['onUpgradeError', 'bound onError']);
    expect(conn.transport.listenerCount('headers')).toBe(1);
    expect(inside(conn, 'cleanupFn')).toHaveLength(1);
    expect(typeof inside(conn, 'remoteAddress')).toBe('string');
    for (const emitter of [conn, conn.transport, webSocket]) {
      expect(emitter.rawListeners('close').some((listener) => 'listener' in listener)).toBe(true);
    }
    expect(conn.transport.rawListeners('error').map((listener) => 'listener' in listener)).toEqual([true]);
    expect(inside(webSocket, '_receiver', '_events')).toMatchObject({ message: expect.any(Function) });
    expect(inside(connection, 'sockets')).toBeInstanceOf(Map);
    expect(inside(connection, 'nsps')).toBeInstanceOf(Map);
    expect(inside(socket, 'acks')).toBeInstanceOf(Map);
    expect(inside(connection, 'decoder', '_callbacks', '$decoded')).toHaveLength(1);
    expect(tcpSocketOf(conn)?.remotePort).toBeGreaterThan(0);
  });

  it('has shed what it does not need', () => {
    slim();
    const { conn, client: connection } = socket;
    const webSocket = inside(conn.transport, 'socket') as Socket;
    expect(webSocket.listeners('error').map(({ name }) => name)).toEqual(['bound onError']);
    for (const emitter of [conn, conn.transport, webSocket]) {
      expect(emitter.rawListeners('close').some((listener) => 'listener' in listener)).toBe(false);
    }
    expect(conn.transport.listenerCount('headers')).toBe(0);
    for (const map of [inside(socket, 'acks'), inside(connection, 'sockets'), inside(connection, 'nsps')]) {
      expect(map).toBeInstanceOf(SmallMap);
    }
  });

  it('keeps the listeners and what is said of the handshake', () => {
    const listener = (): void => {};
    socket.on('an event', listener);
    const events = [socket.conn.eventNames(), socket.conn.transport.eventNames()];
    const handshake = structuredClone(socket.handshake);
    slim();
    expect(socket.listeners('an event')).toEqual([listener]);
    expect(socket.listeners('constructor')).toEqual([]);
    expect(events[0]).toEqual(socket.conn.eventNames());
    expect(events[1]).toEqual(expect.arrayContaining(socket.conn.transport.eventNames()));
    expect(socket.handshake).toEqual(handshake);
    socket.off('an event', listener);
    expect(socket.listenerCount('an event')).toBe(0);
  });

  it('takes and sends events with acknowledgements, also while one is waited for', async () => {
    const asked = new Promise((resolve) => socket.emit('ask', resolve));
    client.answer('ask', () => 'asked');
    slim();
    socket.on('echo', (value: unknown, acknowledge: (value: unknown) => void) => acknowledge(value));
    expect(await client.request('echo', [1, 'two'])).toEqual([1, 'two']);
    client.answer('again', (value) => value);
    expect(await socket.emitWithAck('again', 7)).toBe(7);
    expect(await asked).toBe('asked');
  });

  it('can take a second namespace, and leave it again', async () => {
    slim();
    const joined = once(server.of('/second'), 'connection') as Promise<[Socket]>;
    const { io } = client.socket as unknown as { io: { socket(name: string): SecondSocket } };
    const second = io.socket('/second');
    const told = new Promise<void>((resolve) => second.once('connect', resolve));
    const [other] = await joined;
    await told;
    slimSocket(other);
    expect(other.conn).toBe(socket.conn);
    expect((inside(socket.client, 'sockets') as Map<string, unknown>).size).toBe(2);
    const left = once(other, 'disconnect');
    second.disconnect();
    expect((await left)[0]).toBe('client namespace disconnect');
    expect(socket.connected).toBe(true);
    expect((inside(socket.client, 'sockets') as Map<string, unknown>).size).toBe(1);
  });

  it.each([
    ['client namespace disconnect', (): unknown => client.close()],
    ['transport close', (): unknown => client.breakTransport()],
    ['transport close', (): unknown => tcpSocketOf(socket.conn)!.destroy(new Error('broken'))],
    ['server namespace disconnect', (): unknown => socket.disconnect()],
  ])('ends once, with its reason: %s', async (reason, end) => {
    slim();
    const reasons: unknown[] = [];
    socket.on('disconnect', (why: unknown) => reasons.push(why));
    const ended = once(socket, 'disconnect');
    end();
    await ended;
    expect(reasons).toEqual([reason]);
    expect(server.of('/').sockets.size).toBe(0);
  });
});
