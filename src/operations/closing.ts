import type { Server } from 'node:http';

/** For requests that are under way when the last socket has gone; what they wait for has gone with it. */
const GRACE_MS = 3_000;

/**
 * Has a closing server end every connection within a moment.
 *
 * Node.js closes those that are idle after a request, but waits without end for one on which none has come: a peer that
 * is gone, or that only wants to keep the process from ending. [O2]
 */
export function limitClosing(server: Server): void {
  const close = server.close.bind(server);
  server.close = (onClosed) => {
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
    return close(onClosed);
  };
}
