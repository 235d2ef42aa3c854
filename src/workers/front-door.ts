import { createServer, type Server, type Socket } from 'node:net';
import { stopReading } from '../platform/stop-reading.js';

/** Longest request line that is waited for; what is longer goes to any worker, which refuses it. */
const MAX_HEAD_BYTES = 16_384;
/** A client that has not sent a request line by then is not going to. */
const HEAD_TIMEOUT_MS = 10_000;
const LINE_FEED = 0x0a;

/** Where a connection goes, with what was read of it so far. */
export type Recipient = (socket: Socket, head: Buffer) => void;

/**
 * Listens for all workers and gives each connection to one of them, whole: what the client sends after the request line
 * only the worker reads.
 *
 * `@socket.io/sticky` is not used: it goes on reading a connection that it gave away and passes chunks on as text, which
 * breaks a character that lies across two chunks. (Decision 0013)
 */
export function createFrontDoor(recipientOf: (requestLine: string) => Recipient | undefined): Server {
  // Who closes his half still gets his answer, as with Node's own HTTP server.
  return createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    let chunks: Buffer[] = [];
    let length = 0;
    const timer = setTimeout(() => socket.destroy(), HEAD_TIMEOUT_MS);
    socket.on('error', () => socket.destroy());
    socket.once('end', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (!chunk.includes(LINE_FEED) && length < MAX_HEAD_BYTES) return;
      clearTimeout(timer);
      socket.removeAllListeners('data').removeAllListeners('end');
      stopReading(socket);
      const head = Buffer.concat(chunks);
      chunks = [];
      const line = head.toString('latin1', 0, Math.max(0, head.indexOf(LINE_FEED)));
      const recipient = recipientOf(line);
      if (recipient) recipient(socket, head);
      else socket.destroy();
    });
  });
}
