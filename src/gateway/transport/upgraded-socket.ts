import type { IncomingMessage } from 'node:http';
import type { Socket as TcpSocket } from 'node:net';
import type { Duplex, Writable } from 'node:stream';
import { WebSocket, type ServerOptions } from 'ws';
import { textFrame } from '../../delivery/websocket-frame.js';
import { queryOf } from '../../platform/engine-request.js';
import { endsLater, receiverOf, sendFrame, shareCloseFrame, tellOfEnds } from '../../platform/web-socket.js';
import { PromptWebSocketServer } from '../../sockets/end-socket.js';
import { TurnBudget } from '../dispatch/turn-budget.js';

/**
 * What makes a WebSocket connection's way in and out cheaper for the TCP socket below it.
 *
 * A connection that has been upgraded is written to and ended by `ws`, which is not ours to change; but the streams
 * are Node's, and theirs is a public interface.
 */

type Data = Parameters<WebSocket['send']>[0];
type Sent = (error?: Error) => void;

/**
 * Sends a whole text as one buffer.
 *
 * `ws` makes a header of its own for each frame, out of options that V8 is slow with, and hands the two to Node.js to be
 * put together: for the two packets that a client gets on its way in that is a tenth of what a connection costs.
 */
class FramingWebSocket extends WebSocket {
  override send(data: Data, options?: object | Sent, sent?: Sent): void {
    if (endsLater(this)) {
      // As what is written to a network that has broken: the end that comes has its own reason.
      const done = typeof options === 'function' ? (options as Sent) : sent;
      if (done) process.nextTick(done);
      return;
    }
    const isPlain = typeof data === 'string' && typeof options === 'function' && sent === undefined;
    if (isPlain && sendFrame(this, textFrame(data), options as Sent)) return;
    super.send(data, options as object, sent);
  }

  override close(code?: number, reason?: string | Buffer): void {
    shareCloseFrame(this);
    super.close(code, reason);
  }
}

/**
 * Of thousands of connections that break off in one moment, Node.js tells in a single turn of the event loop. What ends with
 * each, its sockets, their rooms and the record, is spread over the next turns, in the order of the ends; until its turn
 * comes, a connection is one of which the news has not arrived.
 */
const ends = new TurnBudget((failure) => setImmediate(() => rethrow(failure)));
tellOfEnds(FramingWebSocket, (tell) => ends.take({ goOn: tell }));

/** As it were without a budget: for the handler of the process. */
function rethrow(failure: unknown): never {
  throw failure;
}

/** Prepares every connection that becomes a WebSocket, whether it is new or moves there from polling. */
export class PreparingWebSocketServer extends PromptWebSocketServer {
  constructor(options: ServerOptions) {
    super({ ...options, WebSocket: FramingWebSocket as typeof WebSocket });
  }

  override handleUpgrade(
    request: IncomingMessage,
    stream: Duplex,
    head: Buffer,
    done: (webSocket: WebSocket, request: IncomingMessage) => void,
  ): void {
    // To a session that moves nothing is sent before it asks.
    if (queryOf(request)['sid'] === undefined) writeTogether(request.socket);
    endOnce(request.socket);
    super.handleUpgrade(request, stream, head, (webSocket, upgraded) => {
      prepareReceiver(webSocket);
      done(webSocket, upgraded);
    });
  }
}

/** For a WebSocket that has just been made. */
export function prepareReceiver(webSocket: object): void {
  const receiver = receiverOf(webSocket);
  if (receiver) endOnce(receiver);
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
