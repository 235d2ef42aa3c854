import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * What makes a WebSocket connection's way in and out cheaper for the TCP socket below it.
 *
 * A connection that has been upgraded is written to and ended by `ws`, which is not ours to change; but the streams
 * are Node's, and theirs is a public interface.
 */

/** What is private in Engine.IO and `ws`: the stream that takes what comes in. Only looked at, never relied on. */
interface WebSocketTransport {
  readonly socket?: { readonly _receiver?: Writable | null };
}

/** For a request that is about to become a WebSocket connection. */
export function prepareUpgrade({ socket }: IncomingMessage): void {
  writeTogether(socket);
  endOnce(socket);
}

/** For a new Engine.IO connection. */
export function prepareReceiver({ transport }: { readonly transport: unknown }): void {
  const receiver = (transport as WebSocketTransport).socket?._receiver;
  if (typeof receiver?.end === 'function') endOnce(receiver);
}

/**
 * The answer to a WebSocket upgrade and Engine.IO's first packet leave in one write instead of two.
 *
 * Both are written in the turn in which the request was read; whatever ends the connection meanwhile uncorks it.
 */
function writeTogether(socket: TcpSocket): void {
  socket.cork();
  setImmediate(() => socket.uncork());
}

/**
 * `ws` ends its streams twice, and for the second time Node makes an error, with a stack, that nobody ever sees: a
 * tenth of what it costs to close a connection.
 */
function endOnce(stream: Writable): void {
  stream.end = endUnlessEnded;
}

function endUnlessEnded(this: Writable, ...args: unknown[]): Writable {
  if (args.length === 0 && this.writableEnded) return this;
  const { end } = Object.getPrototypeOf(this) as { end: (this: Writable, ...rest: unknown[]) => Writable };
  return end.apply(this, args);
}
