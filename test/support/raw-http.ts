import { once } from 'node:events';
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WebSocket } from 'ws';

/** A request exactly as given: `fetch` corrects paths and forbids some headers. */
export interface RawRequest {
  readonly method?: string;
  /** Default `/`; sent as it is. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export async function sendRaw(
  url: string,
  { method = 'GET', path = '/', headers, body }: RawRequest,
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  // A connection of its own: an answer that ends it must not disturb the next request.
  const asked = request({ hostname, port, method, path, headers, agent: false });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { status: answer.statusCode!, headers: answer.headers, text: await text(answer) };
}

/** Tries to open a WebSocket; `undefined` when it was let in, else the refusal. */
export async function upgradeRaw(
  url: string,
  headers: Readonly<Record<string, string>>,
  query: Readonly<Record<string, string>> = {},
): Promise<RawAnswer | undefined> {
  const search = new URLSearchParams({ EIO: '4', transport: 'websocket', ...query });
  const address = `${url.replace('http', 'ws')}/socket.io/?${search}`;
  const socket = new WebSocket(address, { headers });
  try {
    const refused = once(socket, 'unexpected-response') as Promise<[unknown, IncomingMessage]>;
    const opened = once(socket, 'message').then(() => undefined);
    const outcome = await Promise.race([refused, opened]);
    if (!outcome) return undefined;
    const [, answer] = outcome;
    return { status: answer.statusCode!, headers: answer.headers, text: await text(answer) };
  } finally {
    // Closing before the handshake is through is reported as an error that nobody needs to hear of.
    socket.on('error', () => {});
    socket.terminate();
  }
}
