import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { FixedHead } from './fixed-head.js';

const HEADERS = [
  ['X-First', '1'],
  ['Content-Type', 'application/json; charset=utf-8'],
] as const;
const BODY = '{"id":"ä"}';
const PLAIN_BODY = '{"id":"a"}';

const byNode =
  (body = BODY): RequestListener =>
  (_request, response) =>
    void response
      .writeHead(response.statusCode, [...HEADERS.flat(), 'Content-Length', String(Buffer.byteLength(body))])
      .end(body);

/** What a server answers, byte by byte but for the time. */
async function answerOf(listener: RequestListener, request: string, last = BODY): Promise<string> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    socket.write(request);
    let text = '';
    while (!text.endsWith(last)) text += String((await once(socket, 'data'))[0]);
    return text.replaceAll(/^Date: .*$/gm, 'Date: now');
  } finally {
    socket.destroy();
    server.close();
  }
}

describe('the head of an answer whose headers are known before', () => {
  const head = new FixedHead(HEADERS);
  const prepared =
    (before: (response: ServerResponse) => void = () => {}, body = BODY): RequestListener =>
    (_request, response) => {
      before(response);
      head.send(response, body);
    };

  it.each([
    ['a connection that is kept', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['one that the client closes', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    ['a client of HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['one of HTTP/1.0 that keeps it', 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  ])('is what Node.js makes of them, on %s', async (_, request) => {
    expect(await answerOf(prepared(), request)).toBe(await answerOf(byNode(), request));
    const plain = await answerOf(prepared(undefined, PLAIN_BODY), request, PLAIN_BODY);
    expect(plain).toBe(await answerOf(byNode(PLAIN_BODY), request, PLAIN_BODY));
  });

  it('waits with its body for the answer to a request that came before', async () => {
    const slowFirst = (send: (response: ServerResponse, body: string) => void): RequestListener => {
      let first: ServerResponse | undefined;
      return (_request, response) => {
        if (!first) first = response;
        else {
          send(response, '{"nth":2}');
          send(first, '{"nth":1}');
        }
      };
    };
    const requests = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2);
    const answers = await answerOf(
      slowFirst((response, body) => head.send(response, body)),
      requests,
      '{"nth":2}',
    );
    const nodes = slowFirst((response, body) => byNode(body)(undefined as never, response as never));
    expect(answers).toBe(await answerOf(nodes, requests, '{"nth":2}'));
  });

  it('leaves in one piece with a body in plain ASCII', async () => {
    const answer = answerOf(
      prepared(({ socket }) => {
        socket!.cork = () => {
          throw new Error('is written in parts');
        };
      }, PLAIN_BODY),
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      PLAIN_BODY,
    );
    expect(await answer).toContain('X-First: 1\r\n');
  });

  it('has no body for a request that asks for the head alone', async () => {
    const listener = prepared(undefined, PLAIN_BODY);
    const head = await answerOf(listener, 'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n', '\r\n\r\n');
    expect(head).toContain('Content-Length: 10\r\n');
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
