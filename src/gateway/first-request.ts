import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { GatewaySocket } from '../registry/socket-state.js';

/**
 * What is kept of the HTTP request that opened a connection.
 *
 * Engine.IO holds on to the whole request, with its streams and parser, for as long as the connection lives: a
 * quarter of what an idle connection costs. Of that an app needs the headers, the address, the URL, and what
 * middlewares of its own (sessions, logins) have put on it; all of these stay at `socket.request`.
 */
class FirstRequest {
  constructor(
    readonly method: string | undefined,
    readonly url: string | undefined,
    readonly headers: IncomingMessage['headers'],
    readonly socket: TcpSocket,
    readonly _query: unknown,
  ) {}

  get connection(): TcpSocket {
    return this.socket;
  }
}

/** What Node and Engine.IO themselves put on a request. */
const STOCK_PROPERTIES: ReadonlySet<string> = new Set([
  '_readableState',
  '_events',
  '_eventsCount',
  '_maxListeners',
  'socket',
  'httpVersionMajor',
  'httpVersionMinor',
  'httpVersion',
  'complete',
  'rawHeaders',
  'rawTrailers',
  'joinDuplicateHeaders',
  'aborted',
  'upgrade',
  'url',
  'method',
  'statusCode',
  'statusMessage',
  'client',
  '_consuming',
  '_dumped',
  '_query',
  'res',
  'websocket',
  'cleanup',
]);

const RESPONSE = Symbol('switchboard.response');

interface Request extends IncomingMessage {
  readonly _query?: unknown;
  [RESPONSE]?: { req: unknown };
}

/** Remembers what Engine.IO gives middlewares as the response to an upgrade: it holds on to the request as well. */
export function noteResponse(request: IncomingMessage, response: unknown): void {
  (request as Request)[RESPONSE] = response as { req: unknown };
}

/** The headers that middlewares have set on the response, the only thing it needs of its request. */
function responseHeadersOf(request: object): object {
  const symbol = Object.getOwnPropertySymbols(request).find(
    ({ description }) => description === 'responseHeaders',
  );
  return symbol ? { [symbol]: (request as Record<symbol, unknown>)[symbol] } : {};
}

/** Lets go of the request once the connection no longer needs it. Only WebSocket connections: polling ones go on with theirs. */
export function releaseFirstRequest(socket: GatewaySocket): void {
  const { conn } = socket;
  if (conn.transport.name !== 'websocket' || conn.request instanceof FirstRequest) return;
  const request = conn.request as Request;
  const kept = new FirstRequest(
    request.method,
    request.url,
    socket.handshake.headers,
    request.socket,
    request._query,
  );
  for (const name of Object.keys(request)) {
    if (STOCK_PROPERTIES.has(name)) continue;
    (kept as unknown as Record<string, unknown>)[name] = (request as unknown as Record<string, unknown>)[
      name
    ];
  }
  (conn as { request: unknown }).request = kept;
  const response = request[RESPONSE];
  if (response) response.req = responseHeadersOf(request);
}
