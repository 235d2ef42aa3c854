import { isDeepStrictEqual } from 'node:util';
import { Socket } from 'socket.io';

type Handshake = Socket['handshake'];

/** A socket, as far as Socket.IO reads it to describe its handshake. */
interface Described {
  readonly request?: {
    readonly headers?: Handshake['headers'];
    readonly connection: { readonly encrypted?: unknown };
    readonly url?: string;
    readonly _query?: Handshake['query'];
  };
  readonly conn: { readonly remoteAddress: string };
}

type BuildHandshake = (this: Described, auth: Handshake['auth']) => Handshake;

/** What is private in Socket.IO of every socket. */
interface SocketInternals {
  buildHandshake?: BuildHandshake;
}

let textSecond = Number.NaN;
let text = '';

/** As `Date` writes it, once for each second: that takes as long as a line of the log. */
function timeText(now: number): string {
  const second = Math.floor(now / 1_000);
  if (second !== textSecond) {
    textSecond = second;
    text = String(new Date(now));
  }
  return text;
}

/** As Socket.IO's own. */
function buildHandshake(this: Described, auth: Handshake['auth']): Handshake {
  const { request } = this;
  const headers = request?.headers ?? {};
  const issued = Date.now();
  return {
    headers,
    time: timeText(issued),
    address: this.conn.remoteAddress,
    xdomain: !!request?.headers?.origin,
    secure: !request || !!request.connection.encrypted,
    issued,
    url: request?.url as string,
    query: request?._query ?? {},
    auth,
  };
}

/**
 * Has the time of a handshake written out once for all sockets of a second. Every socket of this copy of Socket.IO then has
 * what it would have had.
 *
 * @returns false where a future Socket.IO describes handshakes in another way, which it then goes on to do
 */
export function shareHandshakeTimes(inside = Socket.prototype as unknown as SocketInternals): boolean {
  const stock = inside.buildHandshake;
  if (stock === buildHandshake) return true;
  if (typeof stock !== 'function' || !isAsBefore(stock)) return false;
  inside.buildHandshake = buildHandshake;
  return true;
}

function isAsBefore(stock: BuildHandshake): boolean {
  const request = {
    headers: { origin: 'http://a' },
    connection: { encrypted: true },
    url: '/',
    _query: { b: 'c' },
  };
  const examples: Described[] = [
    { request, conn: { remoteAddress: '::1' } },
    { request: { headers: {}, connection: {} }, conn: { remoteAddress: '::1' } },
    { conn: { remoteAddress: '::1' } },
  ];
  return examples.every((example) => {
    const { time, issued, ...one } = stock.call(example, { d: 1 });
    const { time: ourTime, issued: ourIssued, ...other } = buildHandshake.call(example, { d: 1 });
    // The clock may go on between the two.
    const isOneTime = time === ourTime || time === String(new Date(issued));
    return isOneTime && ourIssued - issued < 60_000 && isDeepStrictEqual(one, other);
  });
}
