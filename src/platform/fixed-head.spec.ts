import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { FixedHead } from './fixed-head.js';

const HEADERS = [
  ['X-First', '1'],
  ['Content-Type', 'application/json; charset=utf-8'],
] as const;
const BODY = '{"id":"ä"}';
const LENGTH = Buffer.byteLength(BODY);

const byNode: RequestListener = (_request, response) =>
  void response
    .writeHead(response.statusCode, [...HEADERS.flat(), 'Content-Length', String(LENGTH)])
    .end(BODY);

/** What a server answers, byte by byte but for the time. */
async function answerOf(listener: RequestListener, request: string): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    socket.write(request);
    let text = '';
    while (!text.endsWith(BODY)) text += String((await once(socket, 'data'))[0]);
    return text.replace(/^Date: .*$/m, 'Date: now');
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('the head of an answer whose headers are known before', () => {
  const head = new FixedHead(HEADERS);
  const prepared =
    (before: (response: ServerResponse) => void = () => {}): RequestListener =>
    (_request, response) => {
      before(response);
      head.write(response, LENGTH);
      response.end(BODY);
    };

  it.each([
    ['a connection that is kept', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['one that the client closes', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['a client of HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['one of HTTP/1.0 that keeps it', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  ])('is what Node.js makes of them, on %s', async (_, request) => {
    expect(await answerOf(prepared(), request)).toBe(await answerOf(byNode, request));
  });

  it('has the status of the response', async () => {
    const answer = await answerOf(
      prepared((response) => (response.statusCode = 202)),
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1\.1 202 Accepted\r\n/);
  });

  it('has headers that were set before as well', async () => {
    const answer = await answerOf(
      prepared((response) => response.setHeader('X-Before', 'yes')),
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(answer).toContain('X-Before: yes\r\n');
    expect(answer).toContain('X-First: 1\r\n');
  });

  it('is written without asking Node.js for each header, by a method that is there', async () => {
    const answer = answerOf(
      prepared((response) => {
        response.writeHead = () => {
          throw new Error('was asked');
        };
      }),
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    expect(await answer).toContain('X-First: 1\r\n');
  });

  it('takes no header that Node.js would not send', () => {
    expect(() => new FixedHead([['X-First', 'a\r\nX-Second: b']])).toThrow('Invalid character');
  });
});
