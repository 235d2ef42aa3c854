import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const ANSWER = Symbol('switchboard.answer');

/** A connection with the answer that is written to it last. */
type Answering = Socket & { [ANSWER]?: ServerResponse };

/**
 * Lets a client that has closed its side of the connection after its request have its answer.
 *
 * Node.js ends the other side as soon as the client's has ended, unless the whole server is told otherwise; and that
 * would have polling clients that are gone go unnoticed. So the end is put off until this answer is written.
 */
export function answerHalfClosed({ socket }: IncomingMessage, response: ServerResponse): void {
  const answering = socket as Answering;
  // An own property stands before the method of the prototype; once for all requests of a connection.
  if (answering[ANSWER] === undefined) answering.end = endAfterAnswer as Socket['end'];
  answering[ANSWER] = response;
}

function endAfterAnswer(this: Answering, ...args: unknown[]): Answering {
  const response = this[ANSWER];
  const { end } = Object.getPrototypeOf(this) as { end(...args: unknown[]): unknown };
  if (response && !response.closed) response.once('close', () => end.apply(this, args));
  else end.apply(this, args);
  return this;
}
