import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Lets a client that has closed its side of the connection after its request have its answer.
 *
 * Node.js ends the other side as soon as the client's has ended, unless the whole server is told otherwise; and that
 * would have polling clients that are gone go unnoticed. So the end is put off until this one answer is written.
 */
export function answerHalfClosed({ socket }: IncomingMessage, response: ServerResponse): void {
  let wantsEnd = false;
  // An own property stands before the method of the prototype, and gives way to it again.
  socket.end = (() => {
    wantsEnd = true;
    return socket;
  }) as typeof socket.end;
  response.once('close', () => {
    Reflect.deleteProperty(socket, 'end');
    if (wantsEnd) socket.end();
  });
}
