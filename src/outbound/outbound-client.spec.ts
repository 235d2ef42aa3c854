import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TestAuthority } from '../../test/support/certificates.js';
import { OutboundClient, type OutboundRequest, type OutboundResult } from './outbound-client.js';

const LONG_MS = 60_000;

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let open: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(open.map((close) => close()));
  open = [];
});

function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  open.push(
    () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  );
  return new Promise((done) =>
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port)),
  );
}

const backend = async (handler: Handler): Promise<URL> =>
  new URL(`http://127.0.0.1:${await listen(createServer(handler))}/hook?a=b`);

/** A server that writes what it likes, whatever it is sent. */
const speaking = async (write: (socket: Socket) => void): Promise<URL> =>
  new URL(
    `http://127.0.0.1:${await listen(createTcpServer((socket) => socket.once('data', () => write(socket))))}/`,
  );

function clientWith(...options: ConstructorParameters<typeof OutboundClient>): OutboundClient {
  const client = new OutboundClient(...options);
  open.push(() => client.onApplicationShutdown());
  return client;
}

const post = (
  url: URL,
  more: Partial<OutboundRequest> = {},
  client = clientWith({ outboundCa: undefined }),
) => client.post({ url, body: '{"a":1}', timeoutMs: LONG_MS, maxAnswerBytes: 65_536, ...more });

const textOf = (result: OutboundResult): string =>
  result.kind === 'answered' ? result.body.toString() : `failed: ${result.failure}`;

describe('OutboundClient', () => {
  it('[B7] posts JSON and gives the answer with its status, headers and body', async () => {
    const url = await backend((request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        response.writeHead(202, { 'x-thing': '1' });
        response.end(
          `${request.method} ${request.url} ${request.headers['content-type']} ${Buffer.concat(parts).toString()}`,
        );
      });
    });
    const result = await post(url, { headers: { 'webhook-id': 'm1' } });
    expect(result).toMatchObject({ kind: 'answered', status: 202, headers: { 'x-thing': '1' } });
    expect(textOf(result)).toBe('POST /hook?a=b application/json {"a":1}');
  });

  it('[B7] uses connections again', async () => {
    const ports = new Set<number | undefined>();
    const url = await backend((request, response) => {
      ports.add(request.socket.remotePort);
      request.resume().on('end', () => response.end());
    });
    const client = clientWith({ outboundCa: undefined });
    for (let count = 0; count < 10; count++) await post(url, {}, client);
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it('[B7] gives a redirect back and does not follow it', async () => {
    let elsewhere = 0;
    const target = await backend((_, response) => {
      elsewhere++;
      response.end();
    });
    const url = await backend((_, response) => response.writeHead(307, { location: target.href }).end());
    expect(await post(url)).toMatchObject({ kind: 'answered', status: 307 });
    expect(elsewhere).toBe(0);
  });

  it.each([
    '169.254.169.254',
    '[fe80::1]',
    '[fd00:ec2::254]',
    '0.0.0.0',
    '[::ffff:169.254.169.254]',
    '[64:ff9b::a9fe:a9fe]',
    '224.0.0.1',
  ])('[B7] refuses %s in a URL without a connection', async (host) => {
    expect(await post(new URL(`http://${host}/latest/meta-data`))).toMatchObject({
      failure: 'address_refused',
      sent: false,
    });
  });

  it('[B7] refuses a host whose name leads to a refused address, also beside a good one', async () => {
    let asked = 0;
    const url = await backend((_, response) => {
      asked++;
      response.end();
    });
    const client = clientWith({ outboundCa: undefined }, (_host, callback) =>
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '169.254.169.254', family: 4 },
      ]),
    );
    const named = new URL(url.href.replace('127.0.0.1', 'rebound.example'));
    expect(await post(named, {}, client)).toMatchObject({ failure: 'address_refused', sent: false });
    expect(asked).toBe(0);
  });

  it('[B4] says that nothing was sent when the backend cannot be reached', async () => {
    const server = createTcpServer();
    const port = await listen(server);
    await new Promise((done) => server.close(done));
    expect(await post(new URL(`http://127.0.0.1:${port}/`))).toMatchObject({
      failure: 'unreachable',
      sent: false,
      reason: 'ECONNREFUSED',
    });
  });

  it('[B4] gives up a backend that never answers, and one that drips, at the time limit', async () => {
    const hanging = await backend(() => {});
    expect(await post(hanging, { timeoutMs: 150 })).toMatchObject({ failure: 'timeout', sent: true });
    const dripping = await backend((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await post(dripping, { timeoutMs: 300 })).toMatchObject({ failure: 'timeout', sent: true });
  });

  it('[B4] gives up an answer that is too long, or keeps its beginning', async () => {
    const url = await backend((_, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('y'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    });
    expect(await post(url)).toMatchObject({ failure: 'too_large', sent: true });
    expect(textOf(await post(url, { maxAnswerBytes: 10, longAnswers: 'cut' }))).toBe('yyyyyyyyyy');
  });

  it.each([
    ['resets', (socket: Socket) => socket.resetAndDestroy()],
    ['closes without an answer', (socket: Socket) => socket.destroy()],
    ['answers garbage', (socket: Socket) => socket.end('\u0000\u0001 nonsense\r\n\r\n')],
    [
      'says less than it sends',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\nabc'),
    ],
    [
      'says more than it sends',
      (socket: Socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'),
    ],
  ])('[B4] reports a backend that %s as broken', async (_, write) => {
    expect(await post(await speaking(write))).toMatchObject({
      kind: 'failed',
      failure: 'broken',
      sent: true,
    });
  });

  it('[B7] ends a request that its caller has given up', async () => {
    const controller = new AbortController();
    const url = await backend(() => controller.abort());
    expect(await post(url, { signal: controller.signal })).toMatchObject({ failure: 'aborted' });
  });

  it('[B7] checks certificates, and takes the authority that is configured', async () => {
    const authority = await TestAuthority.create();
    open.push(() => authority.remove());
    const port = await listen(
      createSecureServer(authority.vouchFor(), (_, response) => response.end('secure')) as unknown as Server,
    );
    const url = new URL(`https://localhost:${port}/`);
    expect(await post(url)).toMatchObject({ failure: 'tls', sent: false });
    expect(textOf(await post(url, {}, clientWith({ outboundCa: authority.ca })))).toBe('secure');
    const other = new URL(`https://127.0.0.2:${port}/`);
    expect(await post(other, {}, clientWith({ outboundCa: authority.ca }))).toMatchObject({
      kind: 'failed',
      sent: false,
    });
  });
});
