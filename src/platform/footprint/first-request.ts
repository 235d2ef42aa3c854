import type { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { Socket } from 'socket.io';
import { interned } from './interned.js';

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
}

/** What Engine.IO gives middlewares as the response to an upgrade: an emitter that holds on to the request as well. */
interface UpgradeResponse extends EventEmitter {
  req: unknown;
}

/** The response, and what makes the TCP socket hold on to it. */
interface NotedResponse {
  readonly response: UpgradeResponse;
  readonly onClose: unknown;
}

interface UpgradedSocket extends TcpSocket {
  [RESPONSE]?: NotedResponse | undefined;
}

/** Remembers the response to an upgrade, for the first of the middlewares. */
export function noteResponse({ socket }: IncomingMessage, response: unknown): void {
  (socket as UpgradedSocket)[RESPONSE] = {
    response: response as UpgradeResponse,
    // Its constructor has just put this there, to pass the end of the connection on.
    onClose: socket.rawListeners('close').at(-1),
  };
}

/** Lets go of the request once the connection, a WebSocket one, no longer needs it. False when it has done so before. */
export function releaseFirstRequest(conn: Socket['conn'], tcpSocket: TcpSocket | undefined): boolean {
  if (conn.request instanceof FirstRequest) return false;
  const request = conn.request as Request;
  const kept = new FirstRequest(
    request.method,
    request.url && interned(request.url),
    request.headers,
    // That of the upgrade where polling came before: the other may be closed by now.
    tcpSocket ?? request.socket,
    request._query,
  );
  for (const name of Object.keys(request)) {
    if (STOCK_PROPERTIES.has(name)) continue;
    (kept as unknown as Record<string, unknown>)[name] = (request as unknown as Record<string, unknown>)[
      name
    ];
  }
  (conn as { request: unknown }).request = kept;
  if (tcpSocket) releaseResponse(tcpSocket);
  return true;
}

/** For a connection that has ended: its TCP socket may outlive it, and would keep the request and all that hangs on it. */
export function forgetResponse(tcpSocket: TcpSocket): void {
  (tcpSocket as UpgradedSocket)[RESPONSE] = undefined;
}

/** A response that nobody listens to goes as a whole, else only its request: what is left of that are the headers. */
function releaseResponse(tcpSocket: UpgradedSocket): void {
  const noted = tcpSocket[RESPONSE];
  if (!noted) return;
  tcpSocket[RESPONSE] = undefined;
  const { response, onClose } = noted;
  if (response.listenerCount('close') === 0 && typeof onClose === 'function') {
    tcpSocket.off('close', onClose as () => void);
  } else {
    response.req = responseHeadersOf(response.req as object);
  }
}

/** The headers that middlewares have set on the response, the only thing it needs of its request. */
function responseHeadersOf(request: object): object {
  const symbol = Object.getOwnPropertySymbols(request).find(
    ({ description }) => description === 'responseHeaders',
  );
  return symbol ? { [symbol]: (request as Record<symbol, unknown>)[symbol] } : {};
}
