/** Requests whose client waits to be told before it sends the body (`Expect: 100-continue`). [Q6] */
import type { Server, ServerResponse } from 'node:http';

const waiting = new WeakSet<ServerResponse>();

/** Under `/v1`, whichever path is in front of that. */
const OF_THE_API = /^(?:\/[^?]*)?\/v1\//i;

/**
 * Has a client of the API told to send its body when the request has been let in, and not before, as Node.js does by
 * itself. Everywhere else it is told at once.
 */
export function continueWhenAdmitted(server: Server): void {
  server.on('checkContinue', (request, response) => {
    if (OF_THE_API.test(request.url ?? '')) waiting.add(response);
    else response.writeContinue();
    server.emit('request', request, response);
  });
}

/** The body is about to be read. */
export function sendContinue(response: ServerResponse): void {
  if (waiting.delete(response)) response.writeContinue();
}
