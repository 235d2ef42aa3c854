import type { IncomingMessage } from 'node:http';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { Namespaces } from '../../src/registry/namespaces.js';

/** What Express middlewares put on a request. */
type SessionRequest = IncomingMessage & { session?: { visits: number }; _query?: Record<string, string> };

describe('the request that opened a connection', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
    const [root] = gateway.app.get(Namespaces).all;
    root!.nsp.server.engine.use((request: SessionRequest, _response: unknown, next: () => void) => {
      request.session = { visits: 3 };
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
      const request = socket.request as SessionRequest;
      expect(request.headers['x-tenant']).toBe('blue');
      expect(request.url).toContain('shop=eu');
      expect(request._query?.['shop']).toBe('eu');
      expect(request.socket.remoteAddress).toContain('127.0.0.1');
      expect(request.session).toEqual({ visits: 3 });
      expect(socket.handshake.headers['x-tenant']).toBe('blue');
    },
  );

  it('is not held in memory as a whole by an idle WebSocket connection', async () => {
    const client = await gateway.connect({ transport: 'websocket' });
    const { request } = gateway.app.get(Namespaces).findSocket(client.id!)!;
    expect(request).not.toHaveProperty('_readableState');
    expect(request).not.toHaveProperty('rawHeaders');
  });
});
