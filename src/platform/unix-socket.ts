import type { Server, Socket } from 'node:net';

/**
 * Whether a connection came in by a server that listens on a Unix socket.
 *
 * Such a connection has no remote address, and neither has one of TCP that has just ended; Node tells them apart by the
 * server that it keeps with each connection.
 */
export function cameByUnixSocket(socket: Socket): boolean {
  const { server } = socket as Socket & { readonly server?: Partial<Pick<Server, 'address'>> };
  return typeof server?.address?.() === 'string';
}
