import { once, type EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { until } from '../../support/until.js';
import { Settling } from '../../../src/gateway/settling.js';
import { Namespaces } from '../../../src/sockets/namespaces.js';

/** What Express middlewares put on a request. */
type SessionRequest = IncomingMessage & { session?: { visits: number }; _query?: Record<string, string> };

/** What is private in Engine.IO and `ws`. */
interface WebSocketTransport {
  readonly socket: { readonly _socket: object; readonly _receiver: object };
}

describe('the request that opened a connection', () => {
  let gateway: TestGateway;
  const responsesClosed: unknown[] = [];

  beforeAll(async () => {
    gateway = await startGateway();
    const [root] = gateway.app.get(Namespaces).all;
    root!.nsp.server.engine.use((request: SessionRequest, response: EventEmitter, next: () => void) => {
      request.session = { visits: 3 };
      if (request.headers['x-tenant'] === 'listening')
        response.once('close', () => responsesClosed.push(request));
      next();
    });
  });
  afterAll(() => gateway.close());

  it.each(['polling', 'websocket', 'upgrade'] as const)(
    'keeps what an app may need of it: headers, URL, query, address, session; by %s',
    async (transport) => {
      const client = await gateway.connect({
        transport,
        client: { extraHeaders: { 'x-tenant': 'blue' }, query: { shop: 'eu' } },
      });
      const socket = gateway.app.get(Namespaces).findSocket(client.id!)!;
      gateway.app.get(Settling).settle();
      const request = socket.request as SessionRequest;
      expect(request.headers['x-tenant']).toBe('blue');
      expect(request.url).toContain('shop=eu');
      expect(request._query?.['shop']).toBe('eu');
      expect(request.socket.remoteAddress).toContain('127.0.0.1');
      expect(request.session).toEqual({ visits: 3 });
      expect(socket.handshake.headers['x-tenant']).toBe('blue');
    },
  );

  it.each(['websocket', 'upgrade'] as const)(
    'is not held in memory as a whole by an idle connection by %s',
    async (transport) => {
      const client = await gateway.connect({ transport });
      const { conn } = gateway.app.get(Namespaces).findSocket(client.id!)!;
      if (conn.transport.name !== 'websocket') await once(conn, 'upgrade');
      const closeListeners = conn.request.socket.listenerCount('close');
      gateway.app.get(Settling).settle();
      expect(conn.request).not.toHaveProperty('_readableState');
      expect(conn.request).not.toHaveProperty('rawHeaders');
      // Nor is the response to it.
      if (transport === 'websocket') {
        expect(conn.request.socket.listenerCount('close')).toBe(closeListeners - 1);
      }
    },
  );

  it.each(['websocket', 'upgrade'] as const)(
    'is let go of by itself once the connection has stayed for a moment, by %s',
    async (transport) => {
      const client = await gateway.connect({ transport });
      const { conn } = gateway.app.get(Namespaces).findSocket(client.id!)!;
      await until('the request is let go of', () => !('rawHeaders' in conn.request));
      expect(conn.transport.name).toBe('websocket');
    },
  );

  it.each(['websocket', 'upgrade'] as const)(
    'has streams that are ended once only when the connection closes, by %s',
    async (transport) => {
      const client = await gateway.connect({ transport });
      const { conn } = gateway.app.get(Namespaces).findSocket(client.id!)!;
      if (conn.transport.name !== 'websocket') await once(conn, 'upgrade');
      const { _socket, _receiver } = (conn.transport as unknown as WebSocketTransport).socket;
      // Their own `end`, which does nothing the second time; Node's makes an error with a stack that nobody sees.
      expect(Object.hasOwn(_socket, 'end')).toBe(true);
      expect(Object.hasOwn(_receiver, 'end')).toBe(true);
    },
  );

  it('lets go of a polling connection’s request once it has upgraded', async () => {
    const client = await gateway.connect({ transport: 'polling' });
    const { conn } = gateway.app.get(Namespaces).findSocket(client.id!)!;
    gateway.app.get(Settling).settle();
    expect(conn.request).toHaveProperty('rawHeaders');
  });

  it('tells a middleware that listens to the response when the connection has ended', async () => {
    const client = await gateway.connect({
      transport: 'websocket',
      client: { extraHeaders: { 'x-tenant': 'listening' } },
    });
    const { conn } = gateway.app.get(Namespaces).findSocket(client.id!)!;
    gateway.app.get(Settling).settle();
    const tcpClosed = once(conn.request.socket, 'close');
    client.close();
    await tcpClosed;
    expect(responsesClosed).toHaveLength(1);
  });
});
