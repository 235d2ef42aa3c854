import { createHash } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { Socket, type Server, type SocketConstructorOpts } from 'node:net';

/** The handle of a TCP connection or of one by a Unix socket, which has no packets to delay. */
interface Handle {
  setNoDelay?(isOn: boolean): void;
}

/** The function that is called with each connection that the operating system has accepted. */
type OnConnection = (this: unknown, failure: number, handle: Handle | undefined) => void;

/** Properties that are private in Node's servers, or missing in their types. */
interface ServerInternals extends Server {
  readonly _handle?: { onconnection?: OnConnection } | null;
  _connections: number;
  readonly allowHalfOpen?: boolean;
  readonly pauseOnConnect?: boolean;
  readonly highWaterMark?: number;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
}

/** A connection that a server has accepted, as Node marks it. */
interface AcceptedSocket extends Socket {
  server: Server;
  _server: Server;
}

/** The V8 that is slow in this; later ones, from Node.js 22 on, are not. */
const SLOW_V8 = /^11\./;

/** Of the text of Node's own function, from where it makes the socket to its end, without spaces. */
const KNOWN_TEXT = '77KHy9QHrra5LsHBSYjRURaB9xw6JckDpNRbgpZjEMc';

const accepted = channel('net.server.socket');

/**
 * Has the sockets of a server made of options that have all their properties from the beginning.
 *
 * Node.js spreads the options of a socket and then adds three. The V8 of Node.js 20 gives every object that is made so a
 * hidden class of its own: it makes three of these for each connection, and finds none of the options by what it knows of
 * the connection before. That took 8 of the 10 µs that a socket takes, and a client that begins by polling opens several.
 *
 * Leaves a server alone whose Node.js accepts connections in another way, and leaves to Node.js what is not plain.
 */
export function acceptInOneShape(server: Server): void {
  if (!SLOW_V8.test(process.versions.v8)) return;
  server.on('listening', () => replaceAccept(server as ServerInternals));
  if (server.listening) replaceAccept(server as ServerInternals);
}

function replaceAccept(server: ServerInternals): void {
  const handle = server._handle;
  const stock = handle?.onconnection;
  if (!handle || !isKnown(stock)) return;
  handle.onconnection = function (failure, connection) {
    if (failure || !connection || server.maxConnections || server.keepAlive) {
      stock.call(this, failure, connection);
    } else accept(server, connection);
  };
}

/** As Node.js does it. */
function accept(server: ServerInternals, handle: Handle): void {
  const noDelay = server.noDelay === true && handle.setNoDelay !== undefined;
  const socket = new Socket({
    handle,
    allowHalfOpen: server.allowHalfOpen,
    pauseOnCreate: server.pauseOnConnect,
    readable: true,
    writable: true,
    readableHighWaterMark: server.highWaterMark,
    writableHighWaterMark: server.highWaterMark,
    noDelay,
    // What the constructor would add by itself, with the same values.
    emitClose: false,
    autoDestroy: true,
    decodeStrings: false,
  } as SocketConstructorOpts) as AcceptedSocket;
  if (noDelay) handle.setNoDelay!(true);
  server._connections++;
  socket.server = server;
  socket._server = server;
  server.emit('connection', socket);
  if (accepted.hasSubscribers) accepted.publish({ socket });
}

function isKnown(stock: unknown): stock is OnConnection {
  if (typeof stock !== 'function') return false;
  const [, rest] = String(stock).replaceAll(/\s/g, '').split('constsocket=', 2);
  return rest !== undefined && createHash('sha256').update(rest).digest('base64url') === KNOWN_TEXT;
}
