import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';

describe('a backend that closes its side after its request', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  /** Sends a request and the end of the stream at once, and reads all that comes back. */
  const halfClosed = async (path: string, body: object, headers = ''): Promise<string> => {
    const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
    await once(socket, 'connect');
    const json = JSON.stringify(body);
    socket.end(
      `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${headers}Content-Length: ${json.length}\r\n\r\n${json}`,
    );
    return text(socket);
  };

  it.each([
    ['the short way', ''],
    ['through Express', 'If-None-Match: "x"\r\n'],
  ])('[E2] gets its answer, and then the end of the connection, %s', async (_, headers) => {
    const client = await gateway.connect({ auth: { user: 'ada' } });
    const emit = { to: { users: ['ada'] }, event: 'news', args: [1] };
    expect(await halfClosed('/v1/emit', emit, headers)).toMatch(/^HTTP\/1\.1 202 [\s\S]*"matched":1/);
    expect(await client.next('news')).toEqual([1]);
    client.answer('question', () => 'yes');
    const asking = { to: { users: ['ada'] }, event: 'question', ack: { timeoutMs: 60_000 } };
    expect(await halfClosed('/v1/emit', asking, headers)).toMatch(/^HTTP\/1\.1 200 [\s\S]*"args":\["yes"\]/);
    client.close();
  });
});
